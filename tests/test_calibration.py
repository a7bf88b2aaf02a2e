"""Calibration: found again where it is known, and equal to what scipy and scikit-learn find."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from suite import PlattScaling, Ranking, Reliability, TemperatureScaling, log_odds, sigmoid

# ---- lines -------------------------------------------------------------------------------------------------------


def labelled(count: int, slope: float, intercept: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and labels drawn with the probabilities of that line."""
    generator = np.random.default_rng(seed)
    scores = generator.normal(0, 2, count)
    return scores, (generator.random(count) < special.expit(slope * scores + intercept)).astype(int)


def test_sigmoid_and_log_odds_equal_scipys_and_bear_certainty():
    values = np.array([-800.0, -20.0, 0.0, 3.0, 800.0])
    np.testing.assert_allclose(sigmoid(values), special.expit(values), rtol=1e-14)
    shares = np.array([1e-12, 0.3, 1 - 1e-12])
    np.testing.assert_allclose(log_odds(shares), special.logit(shares), rtol=1e-14)
    assert log_odds(np.array([0.0, 1.0])) == pytest.approx([-30, 30], abs=0.1)
    assert log_odds(np.array([0.0]), least=1e-5) == pytest.approx(special.logit(1e-5))


@pytest.mark.parametrize(("slope", "intercept"), [(0.5, -2.0), (3.0, 1.0), (-1.0, 0.0)])
def test_with_a_weak_prior_the_line_is_that_of_a_logistic_regression(slope, intercept):
    scores, labels = labelled(2_000, slope, intercept)
    line = PlattScaling.fit(scores, labels, deviation=1e4)
    theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1_000).fit(scores[:, None], labels)
    # Theirs stops at a gradient of 1e-10 of a loss of some hundreds; the prior moves ours by less than 1e-6.
    assert (line.slope, line.intercept) == pytest.approx((theirs.coef_[0, 0], theirs.intercept_[0]), abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_the_line_is_the_least_of_its_loss(seed):
    scores, labels = labelled(60, 1.5, -1.0, seed)
    prior, deviation = np.array([4.0, 2.0]), 1.0
    line = PlattScaling.fit(scores, labels, prior=(4.0, 2.0), deviation=deviation)

    def loss(place: np.ndarray) -> float:
        z = place[0] * scores + place[1]
        return float(np.sum(np.logaddexp(0, z) - labels * z) + np.sum((place - prior) ** 2) / (2 * deviation**2))

    theirs = optimize.minimize(loss, [1.0, 0.0], tol=1e-12).x
    # A finite-difference gradient leaves the place to about the root of the rounding error.
    assert (line.slope, line.intercept) == pytest.approx(tuple(theirs), abs=1e-5)


@pytest.mark.parametrize("middle", [-20, -10, 10])
@pytest.mark.parametrize("seed", range(10))
def test_the_line_is_found_from_far_off(middle, seed):
    """Scores about which a system was far too sure: there the curve is flat, and a bare Newton step overshoots."""
    generator = np.random.default_rng(seed)
    scores = generator.normal(middle, 5, 300)
    labels = (generator.random(300) < special.expit(0.3 * (scores - middle) - 2)).astype(int)
    line = PlattScaling.fit(scores, labels)
    wrong = special.expit(line(scores)) - labels
    slopes = [scores @ wrong + (line.slope - 1) / 100, wrong.sum() + line.intercept / 100]
    assert slopes == pytest.approx([0, 0], abs=1e-6)  # where the loss is least; a line that is off by 1 has some 100


def test_a_line_stays_finite_on_parted_classes_and_on_one():
    parted = PlattScaling.fit(np.array([-3.0, -2, -1, 1, 2, 3]), np.array([0, 0, 0, 1, 1, 1]))
    assert 1 < parted.slope < 20
    alone = PlattScaling.fit(np.array([-1.0, 1.0]), np.array([1, 1]))
    assert np.isfinite([alone.slope, alone.intercept]).all() and alone.intercept > 0
    np.testing.assert_array_equal(PlattScaling(2.0, -1.0)(np.array([0.0, 3.0])), [-1.0, 5.0])


# ---- temperatures ------------------------------------------------------------------------------------------------


def drawn(count: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are true, and classes drawn with them."""
    generator = np.random.default_rng(seed)
    true = special.softmax(generator.normal(0, 1.5, (count, classes)), axis=1)
    truth = (true.cumsum(1) < generator.random((count, 1))).sum(1)
    return true, np.eye(classes)[truth]


@pytest.mark.parametrize("wrong", [0.4, 1.0, 3.0])
def test_the_temperature_is_found(wrong):
    true, truths = drawn(4000, 3, 0)
    scaling = TemperatureScaling.fit(TemperatureScaling(1 / wrong)(true), truths)
    assert scaling.temperature == pytest.approx(wrong, rel=0.08)


@pytest.mark.parametrize("wrong", [0.4, 1.0, 3.0])
def test_the_temperature_is_the_least_of_the_cross_entropy(wrong):
    true, truths = drawn(4000, 3, 0)
    given = TemperatureScaling(1 / wrong)(true)
    logits = np.log(given)

    def loss(inverse: float) -> float:
        return -float((truths * special.log_softmax(inverse * logits, axis=1)).sum())

    theirs = 1 / optimize.minimize_scalar(loss, bounds=(0.05, 20), method="bounded").x
    # Our grid is 1 % fine; that one of 4,002 is taken for wrong moves the least by less than that.
    assert TemperatureScaling.fit(given, truths).temperature == pytest.approx(theirs, rel=0.015)


def test_the_temperature_of_labels_is_found():
    generator = np.random.default_rng(0)
    true = special.expit(generator.normal(0, 2, (3000, 2)))
    truths = (generator.random(true.shape) < true).astype(float)
    truths[:500] = np.nan
    sharp = TemperatureScaling(0.5, multilabel=True)(true)
    scaling = TemperatureScaling.fit(sharp, truths, multilabel=True)
    assert scaling.multilabel and scaling.temperature == pytest.approx(2, rel=0.1)


def test_scaling_is_a_softmax_of_divided_logits_and_can_be_undone():
    logits = np.array([[2.0, -1.0, 0.5]])
    scaling = TemperatureScaling(2.5)
    there = scaling(special.softmax(logits, axis=1))
    np.testing.assert_allclose(there, special.softmax(logits / 2.5, axis=1), rtol=1e-12)
    np.testing.assert_allclose(scaling.inverse()(there), special.softmax(logits, axis=1), rtol=1e-12)


def test_a_temperature_divides_the_log_odds_of_labels():
    scaled = TemperatureScaling(2.0, multilabel=True)(np.array([[0.8, 0.5, 0.1]]))
    assert scaled == pytest.approx(np.array([[2 / 3, 0.5, 0.25]]))  # odds 4, 1 and 1/9 to their square roots


@pytest.mark.parametrize("classes", [2, 3])
def test_a_validation_without_a_mistake_does_not_make_answers_certain(classes):
    truths = np.eye(classes)[np.arange(90) % classes]
    scores = np.where(truths == 1, 0.7, 0.3 / (classes - 1))
    scaling = TemperatureScaling.fit(scores, truths)
    assert scaling(scores).max() == pytest.approx(1 - 1 / 92, abs=1e-3)  # as if one in 92 were wrong


# ---- bins --------------------------------------------------------------------------------------------------------


def test_bins_of_equal_width_are_scikit_learns():
    generator = np.random.default_rng(0)
    stated = generator.random(2_000) ** 2
    true = (generator.random(2_000) < stated).astype(float)
    reliability = Reliability.of_width(stated, true, bins=7)
    shares, means = calibration_curve(true, stated, n_bins=7)
    np.testing.assert_allclose(reliability.share_true, shares, rtol=1e-12)
    np.testing.assert_allclose(reliability.mean_stated, means, rtol=1e-12)


def test_bins_of_equal_size_are_scikit_learns_where_these_are_of_equal_size():
    """Theirs cut at quantiles of the values: with other counts than multiples of the bins, an example may move over."""
    generator = np.random.default_rng(0)
    stated = generator.random(1_000) ** 4
    true = (generator.random(1_000) < stated).astype(int)
    reliability = Reliability.of_size(Ranking(stated, true), bins=10)
    shares, means = calibration_curve(true, stated, n_bins=10, strategy="quantile")
    assert set(reliability.count) == {100}
    np.testing.assert_allclose(reliability.share_true, shares, rtol=1e-12)
    np.testing.assert_allclose(reliability.mean_stated, means, rtol=1e-12)


def test_bins_of_equal_size_by_hand():
    ranking = Ranking(np.array([0.05, 0.15, 0.2, 0.4, 0.7, 0.9]), np.array([0, 0, 0, 1, 1, 1]))
    reliability = Reliability.of_size(ranking, bins=2)
    np.testing.assert_allclose(
        [reliability.mean_stated, reliability.share_true, reliability.count], [[0.4 / 3, 2 / 3], [0, 1], [3, 3]]
    )
    assert reliability.error() == pytest.approx((0.4 / 3 + 1 / 3) / 2)
    assert len(Reliability.of_size(ranking).count) == 6, "no more bins than examples"


def test_the_expected_calibration_error_by_hand():
    reliability = Reliability.of_width(np.array([0.95, 0.95, 0.55, 0.55, 1.0]), np.array([1.0, 0.0, 1.0, 1.0, 1.0]))
    # One bin states 2.9 of 3 and 2 come true, the other states 1.1 of 2 and all do.
    assert reliability.error() == pytest.approx((0.9 + 0.9) / 5)
    assert reliability.count.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 0, 3] and np.isnan(reliability.mean_stated[0])


def test_nothing_has_no_calibration_error():
    nothing = np.empty(0)
    assert np.isnan(Reliability.of_width(nothing, nothing).error())
    assert np.isnan(Reliability.of_size(Ranking(nothing, nothing)).error())
