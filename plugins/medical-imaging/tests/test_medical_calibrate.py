"""Thresholds, conformal sets and the calibration as a whole: found again where they are known."""

from __future__ import annotations

import numpy as np
import pytest

from suite_medical_imaging.model.calibrate import (
    Calibration,
    best_threshold,
    calibrated,
    cutoff,
    predictive_values,
)


def drawn(count: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are true, and classes drawn with them."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 1.5, (count, classes))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = (true.cumsum(1) < generator.random((count, 1))).sum(1)
    return true, np.eye(classes)[truth]


@pytest.mark.parametrize("many", [False, True])
def test_a_calibration_is_undone_by_itself(many):
    true, _ = drawn(50, 3, 0)
    calibration = Calibration(temperature=2.5)
    there = calibration.apply(true, many=many)
    assert there.max() < true.max()
    np.testing.assert_allclose(calibration.undo(there, many=many), true, rtol=1e-12)


def test_the_threshold_is_youdens():
    scores, truths = np.array([0.9, 0.8, 0.4, 0.3, 0.2]), np.array([1, 1, 0, 1, 0.0])
    # At .8: sensitivity 2/3, specificity 1. At .3: 1 and 1/2. The first is better, halfway to .4.
    assert best_threshold(scores, truths, None) == pytest.approx(0.6)


def test_the_threshold_keeps_a_specificity():
    generator = np.random.default_rng(0)
    truths = (np.arange(500) % 2).astype(float)
    scores = generator.normal(truths, 1)
    for wanted in (0.8, 0.9, 0.99):
        said = scores >= best_threshold(scores, truths, wanted)
        spared = (~said & (truths == 0)).sum() / (truths == 0).sum()
        assert wanted <= spared <= wanted + 0.02


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_sets_hold_the_truth_as_often_as_promised(coverage):
    held = []
    for seed in range(40):
        scores, truths = drawn(800, 4, seed)
        least = cutoff(scores[:400], truths[:400], coverage)
        held.append(((scores[400:] >= least) & (truths[400:] == 1)).any(1).mean())
    assert np.mean(held) == pytest.approx(coverage, abs=0.01)


def test_too_few_validation_rows_rule_nothing_out():
    scores, truths = drawn(5, 2, 0)
    assert cutoff(scores, truths, 0.9) == 0.0


def test_predictive_values_by_bayes():
    # Of 1,000 people 10 are ill: 9 are found, 1 is missed, 99 of 990 are false alarms.
    ppv, npv = predictive_values(0.9, 0.9, 0.01)
    assert ppv == pytest.approx(9 / 108) and npv == pytest.approx(891 / 892)


def test_everything_survives_a_file():
    scores, truths = drawn(200, 3, 1)
    calibration = calibrated(scores, truths, "multi-class", specificity=None, coverage=0.85)
    assert set(calibration.cutoffs) == {0.8, 0.85, 0.9, 0.95}
    assert Calibration.from_json(calibration.to_json()) == calibration


def test_nothing_is_called_where_no_cut_keeps_the_specificity():
    scores, truths = np.array([0.9, 0.8, 0.2, 0.1]), np.array([0.0, 1.0, 0.0, 0.0])
    assert best_threshold(scores, truths, 0.99) > 1
    assert best_threshold(scores, truths, 0.6) == pytest.approx(0.5)
