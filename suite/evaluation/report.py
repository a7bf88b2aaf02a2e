"""An evaluation in words: the table, the verdicts, the slices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from datasets import Dataset

from suite.console import plain, table
from suite.domain.description import Domain, Task
from suite.domain.parts import Scores
from suite.domain.vocabulary import Scored
from suite.errors import SuiteError
from suite.evaluation.intervals import BETTER, WORSE, Bootstrap, compared, difference
from suite.evaluation.slicing import as_json, sliced
from suite.evaluation.units import EXAMPLE, coded

TUNED, BEFORE = "fine-tuned", "before fine-tuning"


ROWS = ("data", "columns", "also_evaluate", "limit", "test_share")
"""Options that choose rows. They are checked, or are the names of the tables; they change no answer."""


def summarise(
    task: Task,
    scores: Scores,
    systems: Mapping[str, Scored],
    rows: Dataset,
    slice_by: str = "",
    settings: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Metrics with intervals for each system, the differences to the fine-tuned one, and slices if asked for.

    `settings` say how the baselines came to theirs.
    """
    domain, seed = task.domain, task.config.seed
    drawn = {name: Bootstrap.of(scores, scored, seed) for name, scored in systems.items()}
    units = drawn[TUNED].units
    result: dict[str, Any] = {
        "examples": len(systems[TUNED].predictions),
        "resampled": units[domain.metric].name,
        "units": {metric: unit.to_json() for metric, unit in units.items()},
        "metric": domain.metric,
        "systems": {name: as_json(bootstrap.intervals()) for name, bootstrap in drawn.items()},
        "settings": dict(settings or {}),
        "watched": dict(scores.watched()),
        "differences": {
            name: difference(domain, drawn[TUNED], rival).to_json()
            | {"others": others(scores, drawn[TUNED], rival, domain.metric)}
            for name, rival in drawn.items()
            if name != TUNED
        },
    }
    if (group := task.columns.group) and units[domain.metric].name == EXAMPLE:
        result["ungrouped"] = group
    if slice_by:
        result["slices"] = {slice_by: slices(task, scores, systems, rows, slice_by)}
    return result


def others(scores: Scores, system: Bootstrap, rival: Bootstrap, metric: str) -> list[dict[str, Any]]:
    """How the system differs from a rival in the metrics that are watched beside `metric`."""
    return [
        compared(system, rival, name, greater_is_better=greater).to_json()
        for name, greater in scores.watched().items()
        if name != metric and name in system.point and name in rival.point
    ]


def with_units(task: Task, scored: Scored, rows: Dataset) -> Scored:
    """The answers with what their examples are of: the columns' `group` first, then what the scores named.

    Raises `ValueError` where rows have a group, examples are no rows, and the scores do not name it.
    """
    group, count = task.columns.group, len(scored.predictions)
    if group is None or (group not in scored.units and group not in rows.column_names):
        return scored
    if group not in scored.units and len(rows) != count:
        raise ValueError(
            f"{task.domain.name} makes {count} examples of {len(rows)} rows that are grouped by {group!r}, and its "
            f"Scores.belongs does not name the {group} of an example."
        )
    codes = scored.units[group] if group in scored.units else coded(list(rows[group]))
    return replace(scored, units={group: codes, **scored.units})


def check_slice(rows: Dataset, column: str) -> None:
    """Raises `SuiteError` when the rows to be scored lack the column to slice by."""
    if column not in rows.column_names:
        raise SuiteError(f"No column {column!r} to slice by. The test rows have: {', '.join(rows.column_names)}.")


def slices(task: Task, scores: Scores, systems: Mapping[str, Scored], rows: Dataset, column: str) -> dict[str, Any]:
    """Metrics of each system for each value of a column, with intervals where a slice has enough to carry one.

    Raises `SuiteError` where examples are no rows.
    """
    if len(rows) != len(systems[TUNED].predictions):
        name = task.domain.name
        raise SuiteError(f"{name} makes other examples than rows, so that they cannot be sliced by {column!r}.")
    seed, unit = task.config.seed, scores.unit(task.domain.metric)
    return sliced(systems, rows[column], lambda part, count: Bootstrap.of(scores, part, seed, count=count), unit)


def render(domain: Domain, result: Mapping[str, Any], *, sections: bool = True) -> str:
    """The tables as text, with what may be concluded below each, and the domain's own sections."""
    parts = []
    for name, evaluated in result.items():
        parts.append(_render_set(domain, name, evaluated))
        if sections:
            parts += [f"== {part['title']} ==\n\n{plain(part['text'])}" for part in evaluated.get("sections", [])]
    return "\n\n".join(parts)


def verdicts(result: Mapping[str, Any]) -> list[str]:
    """A sentence per comparison of one data set: who won, by how much, and whether the interval supports it.

    It says how a baseline came to its settings, and which watched metric moved the other way or cannot be told.
    """
    gaps, settings = result["differences"], result.get("settings", {})
    lines = [_verdict(name, gap, settings) for name, gap in gaps.items()]
    if any(gap["verdict"] == WORSE for gap in gaps.values()):
        lines.append(f"What answers (predict, demo, API, export) is the {TUNED} model all the same.")
    return lines


def _verdict(name: str, gap: Mapping[str, Any], settings: Mapping[str, str]) -> str:
    rival = f"{name} ({settings[name]})" if name in settings else name
    about = f"{gap['metric']} of {TUNED} against {rival}"
    if gap["value"] is None or (gap["low"] is None and not gap.get("few")):
        said = "not defined on these examples"
    elif few := gap.get("few"):
        said = f"{few} ({_span(gap)})"
    else:
        said = f"{gap['verdict']} ({_span(gap)})"
    return f"{about}: {said}{''.join(_aside(gap))}."


def _aside(gap: Mapping[str, Any]) -> Iterator[str]:
    """What the watched metrics add: that one moved the other way, or that nobody can tell."""
    few: dict[str, list[str]] = {}
    for other in gap.get("others", []):
        if other["value"] is None:
            continue
        if other["few"]:
            few.setdefault(other["few"], []).append(other["metric"])
        elif other["verdict"] in (BETTER, WORSE) and other["verdict"] != gap["verdict"]:
            yield f", but {other['metric']} is {other['verdict']} ({_span(other)})"
    for reason, metrics in few.items():
        if reason != gap.get("few"):
            yield f"; {' and '.join(metrics)} cannot be told: {reason}"


def _span(gap: Mapping[str, Any]) -> str:
    value = f"{gap['value']:+.3f}"
    return value if gap["low"] is None else f"{value}, 95 % interval {gap['low']:+.3f} to {gap['high']:+.3f}"


def _render_set(domain: Domain, name: str, result: dict[str, Any]) -> str:
    metrics = list(result["systems"][TUNED])
    rows = []
    for system, values in result["systems"].items():
        main = values[domain.metric]
        interval = "–" if None in main.values() else f"[{main['low']:.3f}, {main['high']:.3f}]"
        rest = [values[m]["value"] for m in metrics if m != domain.metric]
        rows.append([system, main["value"], interval, *rest])
    header = [name, domain.metric, "95 %", *(m for m in metrics if m != domain.metric)]
    lines = [table(header, rows), " ".join(_notes(domain, result))]
    if options := ", ".join(f"{key}={value}" for key, value in result.get("options", {}).items()):
        lines.append(f"Answered with {options}, which training did not have.")
    for column, parts in result.get("slices", {}).items():
        cells = [
            [value, part["examples"], *(_sliced(part, system, domain.metric) for system in result["systems"])]
            for value, part in parts.items()
        ]
        lines += ["", table([column, "examples", *result["systems"]], cells)]
    return "\n".join(lines + verdicts(result))


def _notes(domain: Domain, result: Mapping[str, Any]) -> Iterator[str]:
    """What was resampled, what is too little for that, and how the baselines were tuned."""
    without = f", since no {result['ungrouped']} is given" if "ungrouped" in result else ""
    yield f"{result['examples']} examples, resampled by {result['resampled']}{without}."
    few: dict[str, list[str]] = {}
    for metric, units in result.get("units", {}).items():
        if units["few"]:
            few.setdefault(units["few"], []).append(metric)
    whole = len(result["systems"][TUNED])
    for reason, metrics in few.items():
        about = "" if len(metrics) == whole else f" about {', '.join(metrics)}"
        said = reason.replace(" for a claim", f" for a claim{about}")
        yield f"{said}: an interval over so few covers less than it states."
    flat = result["systems"][TUNED][domain.metric]
    if flat["low"] is not None and flat["low"] == flat["high"] and result["examples"]:
        yield f"No {result['resampled']} differs in {domain.metric}, so that its interval says nothing of others."
    alike: dict[str, list[str]] = {}
    for name, how in result.get("settings", {}).items():
        alike.setdefault(how, []).append(name)
    if alike:
        parts = "; ".join(f"{how} ({', '.join(names)})" for how, names in alike.items())
        yield f"Baselines: {parts}."


def _sliced(part: Mapping[str, Any], system: str, metric: str) -> str:
    """A system's value in a slice with its interval, or why it has none."""
    value = part[system][metric]
    if value is None or not np.isfinite(value):
        return "–"
    interval = part.get("intervals", {}).get(system, {}).get(metric)
    if interval is None or interval["low"] is None:
        return f"{value:.3f} (too few)"
    return f"{value:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]"


def strict(value: Any) -> Any:
    """The value with None for numbers that are not finite, which JSON has no word for."""
    if isinstance(value, dict):
        return {str(key): strict(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [strict(part) for part in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
