"""How sure a score is: bootstrap intervals over examples, and whether a difference is one.

Percentile bootstrap (Efron 1979, https://doi.org/10.1214/aos/1176344552); differences are taken on the same
resamples, which removes what the two systems share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from suite.domain import Domain

RESAMPLES = 1000  # the 95 % bounds move by some 3 % of the interval's width between two seeds at this count
Scores = Mapping[str, np.ndarray]


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


def resamples(count: int, seed: int, groups: Sequence[Any] | None = None) -> list[np.ndarray]:
    """Index arrays of `RESAMPLES` bootstrap samples; with `groups` whole groups are drawn (a patient, a user)."""
    generator = np.random.default_rng(seed)
    if groups is None:
        return [generator.integers(0, count, count) for _ in range(RESAMPLES)]
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    members = [np.flatnonzero(member == g) for g in range(member.max() + 1)]
    return [
        np.concatenate([members[g] for g in generator.integers(0, len(members), len(members))])
        for _ in range(RESAMPLES)
    ]


def intervals(domain: Domain, scores: Scores, samples: Sequence[np.ndarray]) -> dict[str, Interval]:
    """Every metric with its interval."""
    point = domain.metrics(scores)
    drawn = _drawn(domain, scores, samples)
    return {name: Interval(value, *_bounds([d[name] for d in drawn])) for name, value in point.items()}


def difference(
    domain: Domain, system: Scores, rival: Scores, samples: Sequence[np.ndarray], metric: str | None = None
) -> Difference:
    """System against rival on the same examples. A gain that its interval does not support is said to be none."""
    name = metric or domain.metric
    value = domain.metrics(system)[name] - domain.metrics(rival)[name]
    pairs = zip(_drawn(domain, system, samples), _drawn(domain, rival, samples), strict=True)
    low, high = _bounds([a[name] - b[name] for a, b in pairs])
    better, worse = (low > 0, high < 0) if domain.greater_is_better else (high < 0, low > 0)
    return Difference(name, value, low, high, "better" if better else "worse" if worse else "no difference shown")


def _drawn(domain: Domain, scores: Scores, samples: Sequence[np.ndarray]) -> list[dict[str, float]]:
    return [domain.metrics({key: values[sample] for key, values in scores.items()}) for sample in samples]


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)
