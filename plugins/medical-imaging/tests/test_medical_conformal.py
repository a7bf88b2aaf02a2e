"""Conformal sets beside MAPIE's: the same, but for a class on the very edge, which ours keep."""

from __future__ import annotations

import numpy as np
import pytest
from mapie.classification import SplitConformalClassifier
from sklearn.base import BaseEstimator, ClassifierMixin

from suite_medical_imaging.model.calibrate import Calibration, cutoff


class Given(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose probabilities are its inputs."""

    def __init__(self, classes: int = 2):
        self.classes = classes
        self.classes_ = np.arange(classes)

    def fit(self, x, y):
        return self

    def predict_proba(self, x):
        return x

    def predict(self, x):
        return x.argmax(1)

    def __sklearn_is_fitted__(self):
        return True


def drawn(count: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (count, classes) that are true, and classes drawn with them, (count,)."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 1.5, (count, classes))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return true, (true.cumsum(1) < generator.random((count, 1))).sum(1).clip(max=classes - 1)


def mapies(scores: np.ndarray, truth: np.ndarray, levels: list[float]) -> SplitConformalClassifier:
    classifier = SplitConformalClassifier(Given(scores.shape[1]), confidence_level=levels, conformity_score="lac")
    return classifier.conformalize(scores, truth)


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("seed", range(4))
def test_sets_are_mapies_but_for_what_lies_between_two_scores(classes, seed):
    """MAPIE's edge is a validation score; ours is halfway to the next, so that rounding turns no class out."""
    scores, truth = drawn(203, classes, seed)
    fresh, _ = drawn(2_000, classes, seed + 50)
    levels = [0.8, 0.9, 0.95]
    _, sets = mapies(scores, truth, levels).predict_set(fresh)
    wrong = np.sort(1 - scores[np.arange(len(truth)), truth])
    for place, level in enumerate(levels):
        edge = cutoff(scores, np.eye(classes)[truth], level)
        ours = Calibration(cutoffs={level: edge}).kept(fresh, level)
        theirs = sets[:, :, place]
        rank = int(np.ceil((len(wrong) + 1) * level))
        assert 1 - wrong[rank] < edge < 1 - wrong[rank - 1]
        assert not (theirs & ~ours).any()
        between = (1 - fresh > wrong[rank - 1]) & (1 - fresh <= 1 - edge)
        np.testing.assert_array_equal(ours & ~theirs, between)


def test_where_mapie_refuses_nothing_is_ruled_out():
    """Nine rows cannot promise 95 %: MAPIE raises, and a report that would end there is no use to anybody."""
    scores, truth = drawn(9, 3, 0)
    with pytest.raises(ValueError, match="confidence"):
        mapies(scores, truth, [0.95]).predict_set(scores)
    assert cutoff(scores, np.eye(3)[truth], 0.95) == 0.0
