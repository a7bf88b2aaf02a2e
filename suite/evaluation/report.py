"""An evaluation in words: the table, the verdicts, the slices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from datasets import Dataset

from suite.console import plain, table
from suite.domain.description import Domain, Task
from suite.domain.parts import Scores
from suite.domain.vocabulary import Scored
from suite.errors import SuiteError
from suite.evaluation.intervals import Bootstrap, Resamples, difference

TUNED, BEFORE = "fine-tuned", "before fine-tuning"


ROWS = ("data", "columns", "also_evaluate", "limit", "test_share")
"""Options that choose rows. They are checked, or are the names of the tables; they change no answer."""


CLUSTERS = 10  # fewer groups than this cannot carry a bootstrap over groups


def summarise(
    task: Task, scores: Scores, systems: Mapping[str, Scored], rows: Dataset, slice_by: str = ""
) -> dict[str, Any]:
    """Metrics with intervals for each system, the differences to the fine-tuned one, and slices if asked for."""
    domain = task.domain
    count = len(systems[TUNED].predictions)
    groups = _clusters(task, rows, count)
    samples = Resamples(count, task.config.seed, groups)
    drawn = {name: Bootstrap.of(scores, scored.scores, samples) for name, scored in systems.items()}
    result: dict[str, Any] = {
        "examples": count,
        "resampled": task.columns.group if groups is not None else "example",
        "metric": domain.metric,
        "systems": {
            name: {metric: vars(interval) for metric, interval in bootstrap.intervals().items()}
            for name, bootstrap in drawn.items()
        },
        "differences": {
            name: difference(domain, drawn[TUNED], rival).to_json() for name, rival in drawn.items() if name != TUNED
        },
    }
    if slice_by:
        result["slices"] = {slice_by: slices(task, scores, systems, rows, slice_by)}
    return result


def check_slice(rows: Dataset, column: str) -> None:
    """Raises `SuiteError` when the rows to be scored lack the column to slice by."""
    if column not in rows.column_names:
        raise SuiteError(f"No column {column!r} to slice by. The test rows have: {', '.join(rows.column_names)}.")


def slices(task: Task, scores: Scores, systems: Mapping[str, Scored], rows: Dataset, column: str) -> dict[str, Any]:
    """Metrics of each system for each value of a column. Raises `SuiteError` where examples are no rows."""
    if len(rows) != len(systems[TUNED].predictions):
        name = task.domain.name
        raise SuiteError(f"{name} makes other examples than rows, so that they cannot be sliced by {column!r}.")
    values = np.asarray([str(value) for value in rows[column]])
    return {
        value: {"examples": int((values == value).sum())}
        | {
            name: scores.metrics({key: stacked[values == value] for key, stacked in scored.scores.items()})
            for name, scored in systems.items()
        }
        for value in sorted(set(values))
    }


def render(domain: Domain, result: Mapping[str, Any], *, sections: bool = True) -> str:
    """The tables as text, with what may be concluded below each, and the domain's own sections."""
    parts = []
    for name, evaluated in result.items():
        parts.append(_render_set(domain, name, evaluated))
        if sections:
            parts += [f"== {part['title']} ==\n\n{plain(part['text'])}" for part in evaluated.get("sections", [])]
    return "\n\n".join(parts)


def verdicts(result: Mapping[str, Any]) -> list[str]:
    """A sentence per comparison of one data set: who won, by how much, and whether the interval supports it."""
    lines = []
    for name, gap in result["differences"].items():
        if None in gap.values():
            lines.append(f"{gap['metric']} of {TUNED} against {name}: not defined on these examples.")
            continue
        span = f"{gap['value']:+.3f}, 95 % interval {gap['low']:+.3f} to {gap['high']:+.3f}"
        lines.append(f"{gap['metric']} of {TUNED} against {name}: {gap['verdict']} ({span}).")
    if any(gap["verdict"] == "worse" for gap in result["differences"].values()):
        lines.append(f"What answers (predict, demo, API, export) is the {TUNED} model all the same.")
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
    if options := ", ".join(f"{key}={value}" for key, value in result.get("options", {}).items()):
        lines.append(f"Answered with {options}, which training did not have.")
    for column, parts in result.get("slices", {}).items():
        cells = [
            [value, part["examples"], *(part[s][domain.metric] for s in result["systems"])]
            for value, part in parts.items()
        ]
        lines += ["", table([column, "examples", *result["systems"]], cells)]
    return "\n".join(lines + verdicts(result))


def strict(value: Any) -> Any:
    """The value with None for numbers that are not finite, which JSON has no word for."""
    if isinstance(value, dict):
        return {str(key): strict(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [strict(part) for part in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _clusters(task: Task, rows: Dataset, count: int) -> list[Any] | None:
    """Values of the group column, where there are enough groups to resample them instead of examples."""
    group = task.columns.group
    if group is None or group not in rows.column_names or len(rows) != count:
        return None
    values = list(rows[group])
    return values if CLUSTERS <= len(set(values)) < count else None
