"""Rankings: equal to scikit-learn's measures, and counted by hand."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn import metrics as theirs

from suite import Ranking


def drawn(seed: int, count: int = 500, levels: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Scores, on so many levels that equal ones are usual, and labels that go with them; one in ten is positive."""
    generator = np.random.default_rng(seed)
    labels = (generator.random(count) < 0.1).astype(np.int8)
    scores = generator.random(count) * 0.6 + 0.3 * labels
    return (np.round(scores * levels) / levels if levels else scores), labels


@pytest.mark.parametrize("levels", [None, 20, 1])
@pytest.mark.parametrize("seed", range(3))
def test_areas_equal_those_of_scikit_learn(seed, levels):
    scores, labels = drawn(seed, levels=levels)
    ranking = Ranking(scores, labels)
    # Both sum the same few hundred terms of size 1 in another order.
    assert ranking.auroc() == pytest.approx(theirs.roc_auc_score(labels, scores), abs=1e-12)
    assert ranking.average_precision() == pytest.approx(theirs.average_precision_score(labels, scores), abs=1e-12)


@pytest.mark.parametrize("levels", [None, 20])
def test_counts_and_thresholds_are_the_points_of_scikit_learns_curve(levels):
    scores, labels = drawn(7, levels=levels)
    false, true, thresholds = theirs.roc_curve(labels, scores, drop_intermediate=False)
    ranking = Ranking(scores, labels)
    np.testing.assert_array_equal(ranking.thresholds, thresholds[1:])  # theirs begins above the highest
    np.testing.assert_allclose(ranking.hits / ranking.hits[-1], true[1:], rtol=1e-15)
    np.testing.assert_allclose(ranking.alarms / ranking.alarms[-1], false[1:], rtol=1e-15)


@pytest.mark.parametrize("levels", [None, 20])
@pytest.mark.parametrize("rate", [0.01, 0.05, 0.1, 0.5])
def test_recall_within_a_rate_of_false_alarms_equals_the_roc_curves(levels, rate):
    scores, labels = drawn(7, levels=levels)
    false, true, _ = theirs.roc_curve(labels, scores, drop_intermediate=False)
    ranking = Ranking(scores, labels)
    assert ranking.recall(ranking.count_within(rate)) == pytest.approx(true[false <= rate].max(), abs=1e-12)


def test_a_rate_that_binary_cannot_write_is_meant_exactly():
    # .29 * 100 is 28.999999999999996, and 29 of 100 negatives are .29 of them.
    ranking = Ranking(np.linspace(1, 0, 101), np.append(np.zeros(100, int), 1))
    assert [ranking.count_within(rate) for rate in (0.07, 0.28999, 0.29, 0.57, 1 - 0.9)] == [7, 28, 29, 57, 10]


def test_equal_scores_stay_in_their_own_order():
    scores = np.tile([0.5, 0.9], 100)
    assert Ranking(scores, np.zeros(200)).order.tolist() == [*range(1, 200, 2), *range(0, 200, 2)]


def test_equal_scores_lie_on_one_side_of_a_threshold():
    ranking = Ranking(np.array([0.9, 0.5, 0.5, 0.5, 0.1]), np.array([1, 0, 1, 0, 0]))
    assert ranking.counts.tolist() == [1, 4, 5] and ranking.hits.tolist() == [1, 2, 2]
    assert ranking.count_within(0.5) == 1, "the three of .5 would bring two of three negatives"
    assert ranking.auroc() == pytest.approx(5 / 6), "of six pairs four are in order and two are ties"


def test_recalls_are_weighed():
    ranking = Ranking(np.array([0.9, 0.8, 0.7, 0.1]), np.array([1, 0, 1, 1]))
    weight = np.array([10.0, 99.0, 30.0, 60.0])
    assert [ranking.recall(count, weight=weight) for count in (0, 1, 3, 9)] == [0, 0.1, 0.4, 1]
    assert [ranking.recall(count) for count in (0, 1, 3, 9)] == [0, 1 / 3, 2 / 3, 1]
    assert np.isnan(ranking.recall(1, weight=np.zeros(4)))


def test_how_many_hold_a_share_of_the_positives():
    labels = np.array([1, 0, 1, 1, 0, 0, 1, 1, 0, 0])
    ranking = Ranking(np.linspace(1, 0, 10), labels)
    assert [ranking.count_for(recall) for recall in (0.2, 0.4, 0.6, 0.8, 0.81, 1.0)] == [1, 3, 4, 7, 8, 8]
    assert Ranking(np.ones(10), labels).count_for(0.2) == 10, "equal scores are taken together"


def test_unknown_labels_count_nowhere():
    scores, labels = drawn(1, levels=20)
    filled = Ranking.of_known(np.append(scores, [0.99, 0.0]), np.append(labels.astype(float), [np.nan, np.nan]))
    assert filled.average_precision() == Ranking(scores, labels).average_precision()


@pytest.mark.parametrize("labels", [[0, 0], [1, 1], []])
def test_one_class_leaves_a_ranking_unmeasured(labels):
    ranking = Ranking(np.linspace(0, 1, len(labels)), np.array(labels))
    values = [ranking.auroc(), ranking.average_precision(), ranking.recall(1), ranking.count_for(0.5)]
    assert np.isnan(values).all() and not ranking.both and ranking.count_within(0.5) == 0


def test_a_bootstrap_can_afford_them():
    scores, labels = drawn(1, 600)

    def spent() -> float:
        start = time.process_time()
        for _ in range(100):
            ranking = Ranking(scores, labels)
            ranking.auroc(), ranking.average_precision(), ranking.recall(ranking.count_within(0.1))
        return time.process_time() - start

    # Some .1 ms each on an idle core; scikit-learn's three take 3 ms, so that a thousand resamples of four systems
    # would take 12 s where these take less than one.
    assert min(spent() for _ in range(5)) < 100 * 0.001
