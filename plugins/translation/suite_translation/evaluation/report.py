"""Sections of the report: what changed after fine-tuning, languages, confidence, placeholders, signatures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from datasets import Dataset

from suite import Reliability, Scored, Section, Stacked, slices
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
    """chrF of each system in each language, with intervals where there are texts enough."""
    spoken = [reference["language"] for reference in systems[TUNED].references]
    parts = slices(systems, spoken, _chrf)
    values = {
        language: {
            "segments": part["examples"],
            **{name: part[name]["chrf"] for name in systems},
            "intervals": {name: given["chrf"] for name, given in part["intervals"].items()},
        }
        for language, part in parts.items()
    }
    rows = [
        {"language": language, "segments": part["examples"], **{name: _ranged(part, name) for name in systems}}
        for language, part in parts.items()
    ]
    few = [f"{language}: {part['units']['few']}." for language, part in parts.items() if part["units"]["few"]]
    return Section("chrF by language", "\n\n".join([_table(rows), *few]), values)


def _chrf(scores: Stacked) -> dict[str, float]:
    return {"chrf": measures.chrf(scores["chrf"])}


def _ranged(part: Mapping[str, Any], name: str) -> str:
    """A system's chrF in a slice, with its 95 % interval."""
    value, interval = _short(part[name]["chrf"]), part["intervals"].get(name, {}).get("chrf")
    return f"{value} ({_short(interval['low'])} to {_short(interval['high'])})" if interval else value


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
    named = {0: "accepted", 1: "fuzzy"}
    parts = slices({TUNED: scored}, [named[int(mark)] for mark in fuzzy], _chrf_and_good)
    values = {name: _confident(parts.get(name)) for name in named.values()}
    said = [
        f"{part['examples']} {name}: chrF {_ranged(part, TUNED)}, {_short(part[TUNED]['good'])} of them good"
        for name, part in parts.items()
    ]
    return Section("Confidence", f"{'; '.join(said)}.\n\n{_table(rows)}", {**values, "bins": rows})


def _chrf_and_good(scores: Stacked) -> dict[str, float]:
    return {**_chrf(scores), "good": float((measures.chrf_each(scores["chrf"]) >= GOOD).mean())}


def _confident(part: Mapping[str, Any] | None) -> dict[str, Any]:
    """The figures of the accepted, or of the fuzzy ones; None where there are none."""
    if part is None:
        return {"segments": 0, "chrf": None, "good": None}
    return {"segments": part["examples"], **part[TUNED], "intervals": part["intervals"].get(TUNED, {})}


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
