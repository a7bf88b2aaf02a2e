"""Sections of the report: what changed after fine-tuning, languages, confidence, placeholders, signatures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from datasets import Dataset

from suite import Reliability, Scored, Section
from suite_translation.model.confidence import GOOD
from suite_translation.model.model import TranslationModel
from suite_translation.strings import chrf as measures

TUNED, BEFORE = "fine-tuned", "before fine-tuning"
_SAME = 1.0
"""chrF by which a segment must differ to count as changed for better or worse: less is a comma."""
_SHOWN = 5
_BINS = 5
"""Of confidence, of equal width: a table is to be read, and a test split of strings may have but a hundred."""
_CELL = 80
"""Characters of a text in a table."""


def report(model: TranslationModel, systems: Mapping[str, Scored], rows: Dataset, context: None) -> Iterator[Section]:
    """What changed, segment by segment; languages, confidence, placeholders, signatures. Looks at `systems` alone."""
    if {TUNED, BEFORE} <= systems.keys():
        yield changes(systems[BEFORE], systems[TUNED])
    yield languages(systems)
    yield confidences(systems[TUNED])
    yield placeholder_counts(systems)
    signatures = measures.signatures()
    yield Section("How it was scored", "\n".join(f"`{signature}`" for signature in signatures), signatures)


def changes(before: Scored, after: Scored) -> Section:
    """Segment by segment: how many are better, worse and as before, and those that changed most."""
    old, new = (measures.chrf_each(system.scores["chrf"]) for system in (before, after))
    gain = new - old
    texts = [[prediction["translation"] for prediction in system.predictions] for system in (before, after)]
    rewritten = sum(first != second for first, second in zip(*texts, strict=True))
    counts = {
        "better": int((gain > _SAME).sum()),
        "worse": int((gain < -_SAME).sum()),
        "as before": int((abs(gain) <= _SAME).sum()),
    }
    order = np.argsort(gain, kind="stable")
    shown = {
        "better": [int(place) for place in order[::-1][:_SHOWN] if gain[place] > _SAME],
        "worse": [int(place) for place in order[:_SHOWN] if gain[place] < -_SAME],
    }
    lines = [
        f"{', '.join(f'{count} {name}' for name, count in counts.items())}; {rewritten} read otherwise than before."
    ]
    values: dict[str, Any] = {**counts, "rewritten": rewritten}
    for name, places in shown.items():
        rows = [_row(place, before, after, gain) for place in places]
        values[f"most {name}"] = rows
        lines += ["", f"Most {name}:", "", _table(rows)] if rows else []
    return Section("What changed after fine-tuning", "\n".join(lines), values, quotes=True)


def languages(systems: Mapping[str, Scored]) -> Section:
    """chrF of each system in each language."""
    spoken = np.array([reference["language"] for reference in systems[TUNED].references])
    values = {
        str(language): {
            "segments": int((spoken == language).sum()),
            **{name: measures.chrf(system.scores["chrf"][spoken == language]) for name, system in systems.items()},
        }
        for language in np.unique(spoken)
    }
    rows = [
        {"language": language, **{name: _short(value) for name, value in figures.items()}}
        for language, figures in values.items()
    ]
    return Section("chrF by language", _table(rows), values)


def confidences(scored: Scored) -> Section:
    """Whether the marks help: how good the accepted ones are beside the fuzzy ones, and confidence beside truth."""
    fuzzy, each = scored.scores["fuzzy"] > 0, measures.chrf_each(scored.scores["chrf"])
    sure, good = scored.scores["confidence"], each >= GOOD
    bins = Reliability.of_width(sure, good, bins=_BINS)
    rows = [
        {
            "confidence": f"{place / _BINS:.1f} to {(place + 1) / _BINS:.1f}",
            "segments": int(bins.count[place]),
            "mean confidence": _short(float(bins.mean_stated[place])),
            "good (chrF 60 or more)": _short(float(bins.share_true[place])),
        }
        for place in np.flatnonzero(bins.count)
    ]
    groups = {"accepted": ~fuzzy, "fuzzy": fuzzy}
    values = {
        name: {
            "segments": int(mask.sum()),
            "chrf": measures.chrf(scored.scores["chrf"][mask]) if mask.any() else None,
            "good": float(good[mask].mean()) if mask.any() else None,
        }
        for name, mask in groups.items()
    }
    said = [
        f"{group['segments']} {name}: chrF {_short(group['chrf'])}, {_short(group['good'])} of them good"
        for name, group in values.items()
        if group["segments"]
    ]
    return Section("Confidence", f"{'; '.join(said)}.\n\n{_table(rows)}", {**values, "bins": rows})


def placeholder_counts(systems: Mapping[str, Scored]) -> Section:
    """How many translations would break a program."""
    values = {
        name: {
            "segments": len(system.predictions),
            "with placeholders": int(system.scores["slotted"].sum()),
            "invalid": int((1 - system.scores["valid"]).sum()),
        }
        for name, system in systems.items()
    }
    return Section("Placeholders", _table([{"system": name, **counts} for name, counts in values.items()]), values)


def _row(place: int, before: Scored, after: Scored, gain: np.ndarray) -> dict[str, str]:
    reference = after.references[place]
    return {
        "chrF": f"{gain[place]:+.0f}",
        "source": reference["source"],
        "before": before.predictions[place]["translation"],
        "after": after.predictions[place]["translation"],
        "reference": reference["target"],
    }


def _table(rows: list[dict[str, Any]]) -> str:
    """A table of Markdown; a cell may not hold a line break or a bar."""
    lines = ["| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
    return "\n".join(lines + ["| " + " | ".join(_cell(value) for value in row.values()) + " |" for row in rows])


def _cell(value: Any) -> str:
    text = " ".join(str(value).split()).replace("|", "\\|")
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def _short(value: Any) -> str:
    return (
        f"{value:.2f}"
        if isinstance(value, float) and value <= 1
        else f"{value:.1f}"
        if isinstance(value, float)
        else str(value)
    )
