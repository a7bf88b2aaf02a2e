"""Intervals: those of scipy.stats.bootstrap, which draws from the same generator in the same order."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from suite_toy.domain import TOY
from suite_toy.parts import ToyScores

from suite.evaluation.intervals import RESAMPLES, Bootstrap, Resamples, difference

SCORES = ToyScores(TOY.Config(), None)

COMMON = {"n_resamples": RESAMPLES, "batch": 1, "confidence_level": 0.95, "method": "percentile"}
"""One resample at a time, as ours are drawn: a batch asks the generator for all of its indices at once."""


def drawn(seed, count=80):
    """Whether each of two systems is right, the second less often; as floats."""
    generator = np.random.default_rng(seed)
    return [(generator.random(count) < share).astype(float) for share in (0.7, 0.5)]


@pytest.mark.parametrize("seed", range(3))
def test_an_interval_is_scipys(seed):
    right, _ = drawn(seed)
    ours = Bootstrap.of(SCORES, {"right": right}, Resamples(len(right), seed)).intervals()["accuracy"]
    theirs = stats.bootstrap((right,), np.mean, vectorized=False, rng=np.random.default_rng(seed), **COMMON)
    # The same resamples and the same quantiles between neighbours: what is left is the rounding of a mean.
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_a_difference_is_scipys_of_pairs(seed):
    right, other = drawn(seed)
    samples = Resamples(len(right), seed)
    ours = difference(TOY, *(Bootstrap.of(SCORES, {"right": values}, samples) for values in (right, other)))
    theirs = stats.bootstrap(
        (right, other), lambda a, b: a.mean() - b.mean(),
        paired=True, vectorized=False, rng=np.random.default_rng(seed), **COMMON,
    )  # fmt: skip
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_an_interval_over_groups_is_scipys_over_the_groups(seed):
    """scipy knows no groups: it draws their numbers, and the statistic pools the members, as many as there are."""
    right, _ = drawn(seed)
    groups = np.random.default_rng(seed + 100).integers(0, 15, len(right))
    ours = Bootstrap.of(SCORES, {"right": right}, Resamples(len(right), seed, list(groups))).intervals()["accuracy"]
    members = [right[groups == group] for group in np.unique(groups)]
    theirs = stats.bootstrap(
        (np.arange(len(members)),), lambda picked: np.concatenate([members[int(place)] for place in picked]).mean(),
        vectorized=False, rng=np.random.default_rng(seed), **COMMON,
    )  # fmt: skip
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval), abs=1e-12)


def test_our_percentiles_are_near_the_corrected_ones_where_these_are_at_home():
    """BCa corrects bias and skew (Efron 1987), which a share of 80 has little of; it takes n more passes of a metric,
    and has no answer where no resample differs, so that ours stays the plain percentile."""
    right, _ = drawn(0)
    ours = Bootstrap.of(SCORES, {"right": right}, Resamples(len(right), 0)).intervals()["accuracy"]
    theirs = stats.bootstrap((right,), np.mean, n_resamples=4_000, method="BCa", rng=np.random.default_rng(0))
    width = ours.high - ours.low
    # Two answers of 80 are .025, an eighth of the width.
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval), abs=width / 8)


def test_an_undefined_resample_is_left_out_where_scipy_gives_up():
    """A resample may lack a class, and then a metric is NaN: ours says what the others say."""
    samples = Resamples(80, 0)
    values = Bootstrap.of(SCORES, {"right": drawn(0)[0]}, samples)
    holed = Bootstrap(values.point, [{"accuracy": np.nan}, *values.drawn[1:]])
    whole = Bootstrap(values.point, values.drawn[1:])
    assert holed.intervals() == whole.intervals()
    nothing = Bootstrap(values.point, [{"accuracy": np.nan}] * 3).intervals()["accuracy"]
    assert np.isnan([nothing.low, nothing.high]).all()
