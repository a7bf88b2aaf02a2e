"""Figures of parts of the examples, with intervals where a part has enough to carry one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from suite.domain.vocabulary import Scored
from suite.evaluation.intervals import FEWER, Bootstrap, Interval, Statistic
from suite.evaluation.units import Units

Drawing = Callable[[Scored, int], Bootstrap]
"""From a system's answers and a number of resamples to its figures."""


def slices(
    systems: Mapping[str, Scored], values: Sequence[Any], statistic: Statistic, *, unit: str = "", seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Figures of each system for each of the examples' different `values`, by the value as text; see `sliced`.

    For reports: `statistic` takes stacked scores of any set of examples.
    """

    def drawn(part: Scored, count: int) -> Bootstrap:
        return Bootstrap.by(statistic, part.scores, part, lambda _: unit, seed, count=count)

    return sliced(systems, values, drawn, unit)


def sliced(
    systems: Mapping[str, Scored], values: Sequence[Any], drawn: Drawing, unit: str
) -> dict[str, dict[str, Any]]:
    """By value: the number of its "examples" and what of "units" they are, the figures under each system's name, and
    "intervals" by system and figure, which are empty for a slice of too few units.
    """
    named = np.asarray([str(value) for value in values])
    return {str(value): _slice(systems, named == value, drawn, unit) for value in np.unique(named)}


def _slice(systems: Mapping[str, Scored], inside: np.ndarray, drawn: Drawing, unit: str) -> dict[str, Any]:
    parts = {name: part_of(scored, inside) for name, scored in systems.items()}
    units = Units.of(next(iter(parts.values())), unit)
    # A column may have thousands of values of a few rows each, whose intervals would say nothing and take hours.
    count = FEWER if units.enough else 0
    figures = {name: drawn(part, count) for name, part in parts.items()}
    return {
        "examples": int(inside.sum()),
        "units": units.to_json(),
        "intervals": {name: as_json(part.intervals()) for name, part in figures.items()} if count else {},
        **{name: dict(part.point) for name, part in figures.items()},
    }


def part_of(scored: Scored, inside: np.ndarray) -> Scored:
    """The examples that are inside, bool (n,)."""
    places = np.flatnonzero(inside)
    return Scored(
        [scored.predictions[place] for place in places],
        [scored.references[place] for place in places],
        {key: values[inside] for key, values in scored.scores.items()},
        {name: codes[inside] for name, codes in scored.units.items()},
    )


def as_json(intervals: Mapping[str, Interval]) -> dict[str, Any]:
    """Intervals as `evaluation.json` keeps them."""
    return {metric: vars(interval) for metric, interval in intervals.items()}
