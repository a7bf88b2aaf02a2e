"""Lists and figures, against numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from suite_recommendations.evaluation import baselines
from suite_recommendations.evaluation.ranking import metrics, score_list
from suite_recommendations.model.counts import SMALLEST, covisitation, extend, kernel_weights, stack, unstack
from suite_recommendations.model.ranking import surprise, top


def listed(*ranks: int) -> dict[str, np.ndarray]:
    """Stacked scores of users whose target was at these places (0: not shown), all shown items 0 … 9."""
    rows = []
    for rank in ranks:
        items = [f"i{n}" for n in range(20)]
        rows.append(score_list(items, range(20), [1.0] * 20, items[rank - 1] if rank else "elsewhere"))
    return {key: np.asarray([row[key] for row in rows]) for key in rows[0]}


def test_metrics_by_hand():
    values = metrics(listed(1, 3, 11, 0), catalogue=40)
    assert values["hr@5"] == 2 / 4 and values["hr@10"] == 2 / 4 and values["hr@20"] == 3 / 4
    assert values["ndcg@10"] == pytest.approx((1 + 1 / math.log2(4)) / 4)
    assert values["ndcg@20"] == pytest.approx((1 + 1 / math.log2(4) + 1 / math.log2(12)) / 4)
    assert values["mrr@10"] == pytest.approx((1 + 1 / 3) / 4)
    assert values["coverage@10"] == 10 / 40
    assert values["novelty@10"] == 1.0


def test_metrics_of_a_resample_are_those_of_its_users():
    scores = listed(1, 0)
    twice = {key: values[[0, 0]] for key, values in scores.items()}
    assert metrics(twice, 40)["hr@5"] == 1.0 and metrics(scores, 40)["hr@5"] == 0.5


def test_short_lists_are_padded_and_not_counted():
    row = score_list(["a", "b"], [0, 1], [2.0, 4.0], "b")
    values = metrics({key: np.asarray([value]) for key, value in row.items()}, 10)
    assert row["rank"] == 2 and values["coverage@10"] == 0.2 and values["novelty@10"] == 3.0


def test_surprise_is_in_bits():
    assert surprise(np.array([4, 2, 2, 0])).tolist() == [1, 2, 2, 3]


def test_seen_items_are_never_shown_and_ties_go_to_the_lower_number():
    scores = np.array([[3.0, 2.0, 2.0, 1.0]])
    assert top(scores, [np.array([0])], exclude_seen=True, count=3).tolist() == [[1, 2, 3]]
    assert top(scores, [np.array([0])], exclude_seen=False, count=3).tolist() == [[0, 1, 2]]
    assert top(scores, [np.array([0, 1, 2])], exclude_seen=True, count=3).tolist() == [[3, -1, -1]]
    assert scores[0, 0] == 3.0  # the caller's scores are left alone


def test_kernels_forward_and_backward():
    assert kernel_weights(3, 0.5).tolist() == [[0, 1, 0.5], [0, 0, 1], [0, 0, 0]]
    assert kernel_weights(3, -0.5).tolist() == [[0, 0, 0], [1, 0, 0], [0.5, 1, 0]]
    assert kernel_weights(30, 0.5)[0, 20] == 0 and SMALLEST > 0.5**19


def test_covisitation_by_hand_and_its_storage():
    forward, backward = covisitation([np.array([0, 1, 2]), np.array([0, 2])], 3, [0.5, -0.5])
    assert forward.toarray().tolist() == [[0, 1, 1.5], [0, 0, 1], [0, 0, 0]]
    assert backward.toarray().tolist() == forward.toarray().T.tolist()
    pointers, columns, values = stack([forward, backward])
    again = unstack(pointers, columns, values)
    assert [m.toarray().tolist() for m in again] == [forward.toarray().tolist(), backward.toarray().tolist()]


def test_a_new_item_borrows_counts_in_both_directions():
    (forward,) = covisitation([np.array([0, 1])], 2, [0.5])
    (grown,) = extend([forward], np.array([[0.0, 0.5]]))
    assert grown.toarray().tolist() == [[0, 1, 0.5], [0, 0, 0], [0, 0, 0]]
    (grown,) = extend([forward], np.array([[0.5, 0.0]]))
    assert grown.toarray().tolist() == [[0, 1, 0], [0, 0, 0], [0, 0.5, 0]]


HISTORIES = [np.array([0, 1]), np.array([0, 1, 2]), np.array([0])]


def test_popularity_by_hand():
    assert baselines.popularity(HISTORIES, 4)([np.array([3])]).tolist() == [[3, 2, 1, 0]]


def test_item_knn_by_hand(monkeypatch):
    monkeypatch.setattr(baselines, "SHRINK", 1.0)
    scores = baselines.item_knn(HISTORIES, 3)([np.array([0])])[0]
    assert scores.tolist() == pytest.approx([0, 2 / (math.sqrt(6) + 1), 1 / (math.sqrt(3) + 1)])


def test_item_knn_keeps_the_nearest_only(monkeypatch):
    monkeypatch.setattr(baselines, "NEIGHBOURS", 1)
    scores = baselines.item_knn(HISTORIES, 3)([np.array([0])])[0]
    assert np.flatnonzero(scores).tolist() == [1]  # 1's nearest is 0, but 2's nearest is 1


def test_ease_solves_its_own_problem():
    seen = baselines.interactions(HISTORIES, 3).toarray()
    weights = baselines.ease(HISTORIES, 3, penalty=2.0)([np.array([n]) for n in range(3)])
    assert np.diag(weights).tolist() == [0, 0, 0]
    for item in range(3):  # each column is the ridge regression of an item on the others (Steck 2019, eq. 4)
        others = [n for n in range(3) if n != item]
        left = seen[:, others].T @ seen[:, others] + 2.0 * np.eye(2)
        assert weights[others, item] == pytest.approx(np.linalg.solve(left, seen[:, others].T @ seen[:, item]))


def test_decayed_covisitation_by_hand(monkeypatch):
    monkeypatch.setattr(baselines, "COUNT_KERNEL", 0.5)
    monkeypatch.setattr(baselines, "COUNT_DECAY", 0.1)
    scores = baselines.decayed_covisitation([np.array([0, 1, 2])], 3)([np.array([0, 1])])
    assert scores[0].tolist() == pytest.approx([0, 0.1 * 1, 0.1 * 0.5 + 1])


def test_a_repeated_item_counts_at_its_last_place():
    assert baselines.interactions([np.array([1, 0, 1])], 2, decay=0.5).toarray().tolist() == [[0.5, 1.0]]
