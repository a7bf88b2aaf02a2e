"""An evaluation in words: the table, the verdicts, the slices."""

from __future__ import annotations

from typing import Any

import numpy as np
from datasets import Dataset

from suite.console import plain, table
from suite.domain.base import Domain
from suite.domain.vocabulary import Scored
from suite.errors import SuiteError
from suite.evaluation.intervals import Bootstrap, Resamples, difference

TUNED, BEFORE = "fine-tuned", "before fine-tuning"


ROWS = ("data", "columns", "also_evaluate", "limit", "test_share")
"""Options that choose rows. They are checked, or are the names of the tables; they change no answer."""


CLUSTERS = 10  # fewer groups than this cannot carry a bootstrap over groups


def summarise(domain: Domain, systems: dict[str, Scored], rows: Dataset, slice_by: str = "") -> dict[str, Any]:
    """Metrics with intervals for each system, the differences to the fine-tuned one, and slices if asked for."""
    count = len(systems[TUNED].predictions)
    groups = _clusters(domain, rows, count)
    samples = Resamples(count, domain.config.seed, groups)
    drawn = {name: Bootstrap.of(domain, one.scores, samples) for name, one in systems.items()}
    result: dict[str, Any] = {
        "examples": count,
        "resampled": domain.columns.group if groups is not None else "example",
        "metric": domain.metric,
        "systems": {
            name: {metric: vars(interval) for metric, interval in one.intervals().items()}
            for name, one in drawn.items()
        },
        "differences": {
            name: difference(domain, drawn[TUNED], one).to_json() for name, one in drawn.items() if name != TUNED
        },
    }
    if slice_by:
        result["slices"] = {slice_by: slices(domain, systems, rows, slice_by)}
    return result


def slices(domain: Domain, systems: dict[str, Scored], rows: Dataset, column: str) -> dict[str, Any]:
    """Metrics of each system for each value of a column. Raises `SuiteError` when the test rows lack it."""
    if column not in rows.column_names:
        raise SuiteError(f"No column {column!r} to slice by. The test rows have: {', '.join(rows.column_names)}.")
    if len(rows) != len(systems[TUNED].predictions):
        raise SuiteError(f"{domain.name} makes other examples than rows, so that they cannot be sliced by {column!r}.")
    values = np.asarray([str(value) for value in rows[column]])
    return {
        value: {"examples": int((values == value).sum())}
        | {
            name: domain.metrics({key: scores[values == value] for key, scores in one.scores.items()})
            for name, one in systems.items()
        }
        for value in sorted(set(values))
    }


def render(domain: Domain, result: dict[str, Any], *, sections: bool = True) -> str:
    """The tables as text, with what may be concluded below each, and the domain's own sections."""
    parts = []
    for name, one in result.items():
        parts.append(_render_set(domain, name, one))
        if sections:
            parts += [f"== {part['title']} ==\n\n{plain(part['text'])}" for part in one.get("sections", [])]
    return "\n\n".join(parts)


def verdicts(domain: Domain, result: dict[str, Any]) -> list[str]:
    """A sentence per comparison of one data set: who won, by how much, and whether the interval supports it."""
    lines = []
    for name, gap in result["differences"].items():
        if None in gap.values():
            lines.append(f"{gap['metric']} of {TUNED} against {name}: not defined on these examples.")
            continue
        span = f"{gap['value']:+.3f}, 95 % interval {gap['low']:+.3f} to {gap['high']:+.3f}"
        lines.append(f"{gap['metric']} of {TUNED} against {name}: {gap['verdict']} ({span}).")
    return lines


def _render_set(domain: Domain, name: str, result: dict[str, Any]) -> str:
    metrics = list(result["systems"][TUNED])
    rows = []
    for system, values in result["systems"].items():
        main = values[domain.metric]
        interval = "–" if None in main.values() else f"[{main['low']:.3f}, {main['high']:.3f}]"
        rest = [values[m]["value"] for m in metrics if m != domain.metric]
        rows.append([system, main["value"], interval, *rest])
    header = [name, domain.metric, "95 %", *(m for m in metrics if m != domain.metric)]
    lines = [table(header, rows), f"{result['examples']} examples, resampled by {result['resampled']}."]
    if told := ", ".join(f"{key}={value}" for key, value in result.get("options", {}).items()):
        lines.append(f"Answered with {told}, which training did not have.")
    for column, parts in result.get("slices", {}).items():
        cells = [
            [value, part["examples"], *(part[s][domain.metric] for s in result["systems"])]
            for value, part in parts.items()
        ]
        lines += ["", table([column, "examples", *result["systems"]], cells)]
    return "\n".join(lines + verdicts(domain, result))


def strict(value: Any) -> Any:
    """The value with None for numbers that are not finite, which JSON has no word for."""
    if isinstance(value, dict):
        return {str(key): strict(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [strict(one) for one in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _clusters(domain: Domain, rows: Dataset, count: int) -> list[Any] | None:
    """Values of the group column, where there are enough groups to resample them instead of examples."""
    group = domain.columns.group
    if group is None or group not in rows.column_names or len(rows) != count:
        return None
    values = list(rows[group])
    return values if CLUSTERS <= len(set(values)) < count else None
