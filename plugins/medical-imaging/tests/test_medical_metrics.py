"""Metrics against scikit-learn's, with ties and unknown labels, and their speed."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn import metrics as theirs

from suite_medical_imaging.evaluation import metrics


def tied(count: int = 300, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities on a grid of hundredths, so that many are equal, and one-hot truths that go with them."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, classes, count)
    raw = generator.random((count, classes)) + np.eye(classes)[truth] * 0.4
    return np.round(raw / raw.sum(1, keepdims=True), 2), np.eye(classes)[truth]


def test_ranking_metrics_equal_sklearns():
    scores, truths = tied()
    values = metrics.measure(scores, truths, "multi-class")
    columns = range(3)
    assert values["auroc"] == pytest.approx(
        np.mean([theirs.roc_auc_score(truths[:, c], scores[:, c]) for c in columns])
    )
    assert values["auprc"] == pytest.approx(
        np.mean([theirs.average_precision_score(truths[:, c], scores[:, c]) for c in columns])
    )
    assert values["balanced_accuracy"] == pytest.approx(
        theirs.balanced_accuracy_score(truths.argmax(1), scores.argmax(1))
    )


def test_sensitivity_keeps_the_specificity():
    scores, truths = tied(classes=2)
    fpr, tpr, _ = theirs.roc_curve(truths[:, 1], scores[:, 1], drop_intermediate=False)
    values = metrics.measure(scores, truths, "binary")
    assert values["sens@spec90"] == pytest.approx(tpr[fpr <= 0.1].max())
    assert values["sens@spec95"] == pytest.approx(tpr[fpr <= 0.05].max())


def test_the_calibration_error_of_classes_is_that_of_the_most_probable():
    scores, truths = np.array([[0.95, 0.05], [0.05, 0.95], [0.55, 0.45]]), np.array([[1, 0], [1, 0], [1, 0.0]])
    # One bin states .95 and half comes true, the other states .55 and it does.
    assert metrics.measure(scores, truths, "multi-class")["ece"] == pytest.approx((2 * 0.45 + 0.45) / 3)


def test_kappa_and_brier_equal_sklearns():
    scores, truths = tied(classes=4)
    values = metrics.measure(scores, truths, "ordinal")
    kappa = theirs.cohen_kappa_score(truths.argmax(1), scores.argmax(1), weights="quadratic")
    assert values["kappa"] == pytest.approx(kappa)
    pair = tied(classes=2)
    assert metrics.brier(*pair, "binary") == pytest.approx(theirs.brier_score_loss(pair[1][:, 1], pair[0][:, 1]))


def test_unknown_labels_count_nowhere():
    scores, truths = tied(classes=2)
    more = np.concatenate([truths, np.full((50, 2), np.nan)])
    filled = np.concatenate([scores, np.random.default_rng(1).random((50, 2))])
    assert metrics.measure(filled, more, "multi-label") == pytest.approx(metrics.measure(scores, truths, "multi-label"))


def test_a_class_that_is_not_there_is_left_out():
    scores, truths = tied()
    without = truths[:, 2] == 0
    values = metrics.measure(scores[without], truths[without], "multi-class")
    mean = np.mean([theirs.roc_auc_score(truths[without, c], scores[without, c]) for c in (0, 1)])
    assert values["auroc"] == pytest.approx(mean)
    assert np.isnan(metrics.measure(scores[:1], truths[:1], "binary")["auroc"])


def test_fast_enough_for_a_bootstrap():
    pair = tied(600, 2)
    metrics.measure(*pair, "binary")
    start = time.process_time()
    for _ in range(50):
        metrics.measure(*pair, "binary")
    assert (time.process_time() - start) / 50 < 0.005
