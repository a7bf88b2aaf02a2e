"""How sure a score is: bootstrap intervals over units, and whether a difference is one.

Percentile bootstrap (Efron 1979, https://doi.org/10.1214/aos/1176344552), its percentiles widened as a t distribution
is wider than a normal one (Hesterberg 2015, https://doi.org/10.1080/00031305.2015.1089789); differences are taken on
the same resamples, which removes what the two systems share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from suite.domain.description import Domain
from suite.domain.parts import Scores
from suite.domain.vocabulary import Scored, Stacked
from suite.evaluation.units import Units

RESAMPLES = 1000  # the 95 % bounds move by some 3 % of the interval's width between two seeds at this count
FEWER = 200  # for many examples: the bounds move by 7 % of a width that is small, and each resample costs
MANY = 20_000
STATED = 0.95
_Z = NormalDist().inv_cdf((1 + STATED) / 2)
BETTER, WORSE, NONE = "better", "worse", "no difference shown"
UNTOLD = "too few to tell"

Statistic = Callable[[Stacked], Mapping[str, float]]
"""From stacked scores of any set of examples to figures by name."""


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval; NaN where there is none."""

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
    """better, worse, no difference shown, or too few to tell."""
    few: str = ""
    """Why it cannot be told."""

    def to_json(self) -> dict[str, Any]:
        """As `evaluation.json` keeps it."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Every metric of a system: on all examples, and on each resample of what the metric is resampled by."""

    point: Mapping[str, float]
    drawn: Mapping[str, np.ndarray]
    """By metric, (resamples,)."""
    units: Mapping[str, Units]
    """By metric."""

    @classmethod
    def of(cls, scores: Scores, scored: Scored, seed: int, *, count: int | None = None) -> Bootstrap:
        """`Scores.metrics` of all examples, and of each resample of the units that `Scores.unit` names."""
        stacked = scores.joint(scored)
        return cls.by(lambda sample: scores.metrics(sample), stacked, scored, scores.unit, seed, count=count)

    @classmethod
    def by(
        cls,
        statistic: Statistic,
        stacked: Stacked,
        scored: Scored,
        unit: Callable[[str], str],
        seed: int,
        *,
        count: int | None = None,
    ) -> Bootstrap:
        """Any statistic of scores; `unit` tells the unit of each of its figures."""
        point = dict(statistic(stacked))
        by_name = {name: Units.of(scored, name) for name in {unit(metric) for metric in point}}
        units = {metric: by_name[unit(metric)] for metric in point}
        count = (FEWER if len(scored.predictions) > MANY else RESAMPLES) if count is None else count
        drawn: dict[str, np.ndarray] = {}
        for resampled in by_name.values():
            wanted = [metric for metric in point if units[metric] is resampled]
            rounds = count if len(resampled) > 1 else 0  # what there is once has no spread
            samples = [statistic(draw.of(stacked)) for draw in resampled.draws(rounds, seed)]
            drawn |= {metric: np.array([sample[metric] for sample in samples], float) for metric in wanted}
        return cls(point, drawn, units)

    def intervals(self) -> dict[str, Interval]:
        """Every metric with its interval."""
        return {name: self.interval(name) for name in self.point}

    def interval(self, metric: str) -> Interval:
        """One metric with its interval."""
        return bounded(self.point[metric], self.drawn[metric], self.units[metric].worth)

    def minus(self, rival: Bootstrap, metric: str) -> Interval:
        """How much more this system has of a metric than a rival on the same resamples."""
        apart = self.drawn[metric] - rival.drawn[metric]
        return bounded(self.point[metric] - rival.point[metric], apart, self.units[metric].worth)


def intervals(
    scored: Scored, statistic: Statistic, *, unit: str = "", seed: int = 0, count: int | None = None
) -> dict[str, Interval]:
    """Figures of a system's scores with their 95 % intervals, resampled by what the core resamples, or by `unit`.

    For reports: `statistic` takes stacked scores of any set of examples, `count` is how many resamples, by default as
    many as in the table. `Scored.units` has the names of units; `Units.of` tells whether they are enough.
    """
    return Bootstrap.by(statistic, scored.scores, scored, lambda _: unit, seed, count=count).intervals()


def paired(
    system: Scored, rival: Scored, statistic: Statistic, *, unit: str = "", seed: int = 0, count: int | None = None
) -> dict[str, Interval]:
    """Differences, system minus rival, of figures of two systems' scores of the same examples; see `intervals`."""
    first, second = (
        Bootstrap.by(statistic, scored.scores, scored, lambda _: unit, seed, count=count) for scored in (system, rival)
    )
    return {name: first.minus(second, name) for name in first.point}


def share_interval(scored: Scored, hits: np.ndarray, *, unit: str = "") -> Interval:
    """A share with Wilson's 95 % interval, which is open at 0 and at 1, where a bootstrap has nothing to draw from.

    `hits` (n,) is 1 or 0, NaN for an example that does not count. Where several examples are of one unit, they count
    for as many as tell as much (Korn and Graubard 1998); where all agree, for their units.
    """
    units, known = Units.of(scored, unit), ~np.isnan(hits)
    codes = units.codes[known & (units.codes >= 0)]
    values = hits[known & (units.codes >= 0)]
    count = len(values)
    if not count:
        return Interval(np.nan, np.nan, np.nan)
    share, sizes = float(values.mean()), np.bincount(codes)
    sums = np.bincount(codes, weights=values)[sizes > 0]
    worth = _as_many(share, sums, sizes[sizes > 0])
    middle = (share + _Z**2 / (2 * worth)) / (1 + _Z**2 / worth)
    half = _Z * np.sqrt(share * (1 - share) / worth + _Z**2 / (4 * worth**2)) / (1 + _Z**2 / worth)
    # At 0 and 1 the bound is the share itself but for rounding.
    return Interval(share, min(max(0.0, float(middle - half)), share), max(min(1.0, float(middle + half)), share))


def _as_many(share: float, sums: np.ndarray, sizes: np.ndarray) -> float:
    """How many independent examples tell as much as units of `sizes` examples, of which `sums` are hits."""
    count, units = sizes.sum(), len(sizes)
    if units == count:
        return float(count)
    if units == 1:
        return 1.0
    variance = units / (units - 1) * float(((sums - share * sizes) ** 2).sum()) / count**2
    even = float(count**2 / (sizes**2).sum())
    if share in (0, 1):
        return even
    wide = (_Z / _quantile(even - 1)) ** 2  # few units leave it uncertain how unlike they are
    return max(1.0, min(float(count), share * (1 - share) / variance if variance else float(count)) * wide)


def difference(domain: Domain, system: Bootstrap, rival: Bootstrap, metric: str = "") -> Difference:
    """System against rival on the same resamples. A gain that its interval does not support is said to be none."""
    name = metric or domain.metric
    return compared(system, rival, name, greater_is_better=domain.greater_is_better)


def compared(system: Bootstrap, rival: Bootstrap, metric: str, *, greater_is_better: bool) -> Difference:
    """As `difference`, for any metric."""
    gap, units = system.minus(rival, metric), system.units[metric]
    if not units.enough and not np.isnan(gap.value):
        return Difference(metric, gap.value, gap.low, gap.high, UNTOLD, units.too_few())
    better, worse = (gap.low > 0, gap.high < 0) if greater_is_better else (gap.high < 0, gap.low > 0)
    return Difference(metric, gap.value, gap.low, gap.high, BETTER if better else WORSE if worse else NONE)


def bounded(value: float, drawn: np.ndarray, worth: float) -> Interval:
    """The value with the percentiles of what was drawn, widened for `worth` units; it always holds the value.

    Resampling makes some statistics smaller or larger than they are: a resample shows fewer different items, since
    some users come twice. Where the value lies outside the percentiles, these are moved until their median is on it.
    Of 300 simulated coverages of a catalogue the plain percentiles held none, stretched to the value 47 %, moved 94 %.
    """
    known = drawn[~np.isnan(drawn)]
    if np.isnan(value) or not len(known) or worth <= 1:
        return Interval(value, np.nan, np.nan)
    tail = tail_of(worth)
    low, middle, high = (float(bound) for bound in np.quantile(known, [tail, 0.5, 1 - tail]))
    if not low <= value <= high:
        low, high = low + value - middle, high + value - middle
    return Interval(value, low, high)


def tail_of(worth: float) -> float:
    """The share of the resamples left out at each end. A resample of n units varies less than n new units would, by
    (n - 1) / n, and its own spread is known no better than from n."""
    return NormalDist().cdf(-np.sqrt(worth / (worth - 1)) * _quantile(worth - 1))


def _quantile(freedom: float) -> float:
    """The quantile of Student's t that leaves 2.5 % above it (Abramowitz and Stegun 26.7.5): within .02 from 2 on,
    below which a percentile of 1,000 is their end anyway; SciPy, which has it, is no package of the core."""
    z = _Z
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return sum(term / freedom**power for power, term in enumerate(terms))
