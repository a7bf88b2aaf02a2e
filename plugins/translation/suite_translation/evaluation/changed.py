"""Sections of the report: what changed after fine-tuning, languages, confidence, placeholders, signatures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from suite import Section
from suite_translation.model.confidence import GOOD
from suite_translation.strings import chrf as measures

TUNED, BEFORE = "fine-tuned", "before fine-tuning"
_SAME = 1.0
"""chrF by which a segment must differ to count as changed for better or worse: less is a comma."""
_SHOWN = 5
_CELL = 80
"""Characters of a text in a table."""


def sections(systems: Mapping[str, Any]) -> Iterator[Section]:
    """All of them; `systems` are the core's `Scored`, by name."""
    if {TUNED, BEFORE} <= systems.keys():
        yield changes(systems[BEFORE], systems[TUNED])
    yield languages(systems)
    yield confidences(systems[TUNED])
    yield placeholder_counts(systems)
    yield Section("How it was scored", "\n".join(f"`{one}`" for one in measures.signatures()), measures.signatures())


def changes(before: Any, after: Any) -> Section:
    """Segment by segment: how many are better, worse and as before, and those that changed most."""
    old, new = (measures.chrf_each(one.scores["chrf"]) for one in (before, after))
    gain = new - old
    texts = [[one["translation"] for one in system.predictions] for system in (before, after)]
    rewritten = sum(one != other for one, other in zip(*texts, strict=True))
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


def languages(systems: Mapping[str, Any]) -> Section:
    """chrF of each system in each language."""
    spoken = np.array([reference["language"] for reference in systems[TUNED].references])
    values = {
        str(language): {
            "segments": int((spoken == language).sum()),
            **{name: measures.chrf(one.scores["chrf"][spoken == language]) for name, one in systems.items()},
        }
        for language in np.unique(spoken)
    }
    rows = [{"language": language, **{k: _short(v) for k, v in one.items()}} for language, one in values.items()]
    return Section("chrF by language", _table(rows), values)


def confidences(scored: Any) -> Section:
    """Whether the marks help: how good the accepted ones are beside the fuzzy ones, and confidence beside truth."""
    fuzzy, each = scored.scores["fuzzy"] > 0, measures.chrf_each(scored.scores["chrf"])
    sure, good = scored.scores["confidence"], each >= GOOD
    edges = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    bins = np.clip(np.digitize(sure, edges) - 1, 0, len(edges) - 2)
    rows = [
        {
            "confidence": f"{edges[place]:.1f} to {edges[place + 1]:.1f}",
            "segments": int((bins == place).sum()),
            "mean confidence": _short(float(sure[bins == place].mean())),
            "good (chrF 60 or more)": _short(float(good[bins == place].mean())),
        }
        for place in range(len(edges) - 1)
        if (bins == place).any()
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
        f"{one['segments']} {name}: chrF {_short(one['chrf'])}, {_short(one['good'])} of them good"
        for name, one in values.items()
        if one["segments"]
    ]
    return Section("Confidence", f"{'; '.join(said)}.\n\n{_table(rows)}", {**values, "bins": rows})


def placeholder_counts(systems: Mapping[str, Any]) -> Section:
    """How many translations would break a program."""
    values = {
        name: {
            "segments": len(one.predictions),
            "with placeholders": int(one.scores["slotted"].sum()),
            "invalid": int((1 - one.scores["valid"]).sum()),
        }
        for name, one in systems.items()
    }
    return Section("Placeholders", _table([{"system": name, **one} for name, one in values.items()]), values)


def _row(place: int, before: Any, after: Any, gain: np.ndarray) -> dict[str, str]:
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
