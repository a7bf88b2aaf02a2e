"""Calibration, thresholds and outcomes on numbers that can be done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from suite_fraud.model import decisions
from suite_fraud.model.decisions import Outcome, Platt, Thresholds


def test_platt_finds_the_line_that_made_the_labels():
    g = np.random.default_rng(0)
    scores = g.normal(0, 2, 200_000)
    label = (g.random(len(scores)) < decisions.sigmoid(0.5 * scores - 2)).astype(int)
    line = Platt.fit(scores, label)
    assert line.slope == pytest.approx(0.5, abs=0.02)
    assert line.intercept == pytest.approx(-2, abs=0.03)


def test_platt_leaves_scores_that_fall_with_the_label_and_stays_finite_on_parted_classes():
    label = np.array([0, 0, 0, 1, 1, 1])
    assert Platt.fit(np.array([3.0, 2, 1, -1, -2, -3]), label) == Platt()
    parted = Platt.fit(np.array([-3.0, -2, -1, 1, 2, 3]), label)
    assert np.isfinite(parted.slope) and parted.slope > 1


def test_log_odds_undo_the_sigmoid_and_bear_certainty():
    values = np.array([-20.0, 0.0, 3.0])
    assert decisions.log_odds(decisions.sigmoid(values)) == pytest.approx(values, rel=1e-6)
    assert np.isfinite(decisions.log_odds(np.array([0.0, 1.0]))).all()


CHANCE = np.array([0.9, 0.8, 0.7, 0.6, 0.1])
LABEL = np.array([1, 0, 1, 0, 1])
AMOUNT = np.array([100.0, 50.0, 20.0, 10.0, 4.0])


def test_thresholds_of_least_cost_and_of_capacity():
    # Gains when looking at the first 1, 2, …: 95, 90, 105, 100, 99 at a cost of 5 a look.
    found = Thresholds.choose(CHANCE, LABEL, AMOUNT, review_cost=5, share=0.4)
    assert found == Thresholds(cost=0.7, capacity=0.8)


def test_a_threshold_takes_equal_probabilities_together():
    chance = np.array([0.9, 0.5, 0.5])
    found = Thresholds.choose(chance, np.array([1, 1, 0]), np.array([10.0, 6.0, 1.0]), review_cost=4, share=1)
    # Between the two of .5 no line can be drawn: both bring 6 - 8 < 0.
    assert found.cost == 0.9


def test_where_no_look_pays_the_threshold_is_above_all():
    found = Thresholds.choose(CHANCE, LABEL, AMOUNT, review_cost=1_000, share=1)
    assert not (found.cost <= CHANCE).any()


def test_outcome_counts_money_and_frauds():
    day = np.array([0, 0, 0, 1, 1])
    found = Outcome.of(CHANCE >= 0.7, LABEL, AMOUNT, day, review_cost=5)
    assert found == Outcome(1.5, 2, 1, 2 / 3, 120 - 15, 4)


def test_the_curve_takes_the_first_of_each_day():
    day = np.array([0, 0, 1, 1, 1])
    assert decisions.ranks(CHANCE, day).tolist() == [0, 1, 0, 1, 2]
    found = decisions.curve(CHANCE, LABEL, AMOUNT, day, review_cost=0, capacities=(1, 3))
    assert (found[1].frauds_found, found[1].alerts_per_day, found[3].frauds_missed) == (2, 1.0, 0)


def test_the_table_names_each_row():
    found = Outcome.of(CHANCE >= 0.7, LABEL, AMOUNT, np.zeros(5), review_cost=5)
    assert "| by cost | 3 | 2 | 1 | 66.7% | 105 | 4 |" in decisions.table({"by cost": found})
