"""`suite fraud prequential`: every system on successive weeks, each fold a training as a user would run it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from suite import SuiteError, Units, read_json

METRICS = ("average_precision", "roc_auc", "card_precision")
CHAMPION = "champion of validation"


def evaluation(given: Sequence[str], end: int, output: Path) -> dict[str, Any]:
    """The report of a training whose test ends at a day. Raises `SuiteError` with the training's own words."""
    name = f"until-{end}"
    command = [sys.executable, "-m", "suite", "fraud", "train", *given, "--set", f"test_end={end}"]
    done = subprocess.run(
        [*command, "--output", str(output), "--set", f"name={name}"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
        reason = errors[-1].removeprefix("Error: ") if errors else done.stderr[-500:]
        raise SuiteError(f"The fold that ends on day {end} failed: {reason}")
    run = max(output.glob(f"fraud/*-{name}"), key=lambda folder: folder.name)
    kept: dict[str, Any] = read_json(run / "evaluation.json", fields={"test": dict})["test"]
    return kept


def summary(folds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Metric to system to its values in the folds, None where one is not defined.

    The champion's are those of whoever validation crowned there.
    """
    values: dict[str, dict[str, list[float | None]]] = {}
    for metric in METRICS:
        systems = [dict(_values(fold, metric)) for fold in folds]
        names = [name for name in systems[0] if all(name in fold_values for fold_values in systems)]
        values[metric] = {name: [fold_values[name] for fold_values in systems] for name in names}
    meters = [_section(fold, "Optimism meter") for fold in folds]
    return {
        "metrics": values,
        "champions": [_section(fold, "Who wins")["champion"] for fold in folds],
        "optimism": {key: [meter[key] for meter in meters] for key in ("through_time", "random")},
    }


def _values(fold: Mapping[str, Any], metric: str) -> Iterator[tuple[str, float | None]]:
    winner = _section(fold, "Who wins")["champion"]
    for name, metrics in fold["systems"].items():
        value = next(measured["value"] for key, measured in metrics.items() if key.startswith(metric))
        yield name, value
        if name == winner:
            yield CHAMPION, value


def _section(fold: Mapping[str, Any], title: str) -> Any:
    return next(section["values"] for section in fold["sections"] if section["title"] == title)


def render(result: Mapping[str, Any]) -> str:
    """Markdown tables, the best on average first."""
    lines = []
    for metric, systems in result["metrics"].items():
        count = len(next(iter(systems.values())))
        lines += [
            f"| {metric} | mean | {' | '.join(f'fold {n + 1}' for n in range(count))} |",
            "|---" * (count + 2) + "|",
        ]
        rows = [(name, _mean(values), values) for name, values in systems.items()]
        for name, mean, values in sorted(rows, key=lambda row: -1.0 if row[1] is None else -row[1] - 1):
            lines.append(f"| {name} | {_shown(mean)} | {' | '.join(map(_shown, values))} |")
        lines.append("")
    meter = {name: _mean(values) for name, values in result["optimism"].items()}
    before, dealt = meter["through_time"], meter["random"]
    gap = None if before is None or dealt is None else dealt - before
    folds = Units("fold", np.arange(len(result["champions"])))
    if not folds.enough:
        lines.append(f"Means alone, without intervals: {folds.too_few()}.")
    lines.append(f"Champions: {', '.join(result['champions'])}.")
    lines.append(
        f"Optimism meter: average precision {_shown(meter['through_time'])} through time, {_shown(meter['random'])} on "
        f"a random split ({_shown(gap, '+.3f')})."
    )
    return "\n".join(lines)


def _mean(values: Sequence[float | None]) -> float | None:
    """Of the folds in which it is defined."""
    known = [value for value in values if value is not None and np.isfinite(value)]
    return float(np.mean(known)) if known else None


def _shown(value: float | None, form: str = ".3f") -> str:
    return "–" if value is None else format(value, form)
