"""How sure a score is: bootstrap intervals over examples, and whether a difference is one.

Percentile bootstrap (Efron 1979, https://doi.org/10.1214/aos/1176344552); differences are taken on the same
resamples, which removes what the two systems share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from suite.domain.description import Domain
from suite.domain.parts import Scores
from suite.domain.vocabulary import Stacked

RESAMPLES = 1000  # the 95 % bounds move by some 3 % of the interval's width between two seeds at this count
FEWER = 200  # for many examples: the bounds move by 7 % of a width that is small, and each resample costs
MANY = 20_000


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """System minus rival in a metric, and what may be said of it."""

    metric: str
    value: float
    low: float
    high: float
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """As `evaluation.json` keeps it."""
        return asdict(self)


class Resamples:
    """Index arrays of bootstrap samples, drawn anew and alike each time they are gone through: one is held at a time.

    With `groups` whole groups are drawn (a patient, a user).
    """

    def __init__(self, count: int, seed: int, groups: Sequence[Any] | None = None) -> None:
        self.count, self.seed = count, seed
        self.members: list[np.ndarray] | None = None
        if groups is not None:
            _, member = np.unique(np.asarray(groups), return_inverse=True)
            ordered = np.argsort(member, kind="stable")
            self.members = np.split(ordered, np.flatnonzero(np.diff(member[ordered])) + 1)

    def __len__(self) -> int:
        return FEWER if self.count > MANY else RESAMPLES

    def __iter__(self) -> Iterator[np.ndarray]:
        generator = np.random.default_rng(self.seed)
        for _ in range(len(self)):
            if self.members is None:
                yield generator.integers(0, self.count, self.count)
            else:
                drawn = generator.integers(0, len(self.members), len(self.members))
                yield np.concatenate([self.members[group] for group in drawn])


@dataclass(frozen=True)
class Bootstrap:
    """Every metric of a system: on all examples, and on each resample."""

    point: dict[str, float]
    drawn: list[dict[str, float]]

    @classmethod
    def of(cls, scores: Scores, stacked: Stacked, samples: Resamples) -> Bootstrap:
        """Calls `Scores.metrics` once for all examples and once for each resample of the stacked scores."""
        drawn = [scores.metrics({key: values[sample] for key, values in stacked.items()}) for sample in samples]
        return cls(scores.metrics(stacked), drawn)

    def intervals(self) -> dict[str, Interval]:
        """Every metric with its interval."""
        return {name: Interval(value, *_bounds([d[name] for d in self.drawn])) for name, value in self.point.items()}


def difference(domain: Domain, system: Bootstrap, rival: Bootstrap, metric: str | None = None) -> Difference:
    """System against rival on the same resamples. A gain that its interval does not support is said to be none."""
    name = metric or domain.metric
    value = system.point[name] - rival.point[name]
    low, high = _bounds([a[name] - b[name] for a, b in zip(system.drawn, rival.drawn, strict=True)])
    better, worse = (low > 0, high < 0) if domain.greater_is_better else (high < 0, low > 0)
    return Difference(name, value, low, high, "better" if better else "worse" if worse else "no difference shown")


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    if np.isnan(values).all():
        return np.nan, np.nan
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)
