"""Calibration, thresholds and outcomes on numbers that can be done by hand."""

from __future__ import annotations

import numpy as np

from suite import PlattScaling
from suite_fraud.model import decisions
from suite_fraud.model.decisions import Outcome, Thresholds, rising_line


def test_scores_that_fall_with_the_label_are_left_as_they_are():
    scores, label = np.array([3.0, 2, 1, -1, -2, -3]), np.array([0, 0, 1, 0, 1, 1])
    assert rising_line(scores, label) == PlattScaling()
    assert rising_line(-scores, label).slope > 0.5


CHANCE = np.array([0.9, 0.8, 0.7, 0.6, 0.1])
LABEL = np.array([1, 0, 1, 0, 1])
AMOUNT = np.array([100.0, 50.0, 20.0, 10.0, 4.0])


def test_thresholds_of_least_cost_and_of_capacity():
    # Gains when looking at the first 1, 2, …: 95, 90, 105, 100, 99 at a cost of 5 a look.
    thresholds = Thresholds.choose(CHANCE, LABEL, AMOUNT, review_cost=5, share=0.4)
    assert thresholds == Thresholds(cost=0.7, capacity=0.8)


def test_a_threshold_takes_equal_probabilities_together():
    chance = np.array([0.9, 0.5, 0.5])
    thresholds = Thresholds.choose(chance, np.array([1, 1, 0]), np.array([10.0, 6.0, 1.0]), review_cost=4, share=1)
    # Between the two of .5 no line can be drawn: both bring 6 - 8 < 0.
    assert thresholds.cost == 0.9


def test_where_no_look_pays_the_threshold_is_above_all():
    thresholds = Thresholds.choose(CHANCE, LABEL, AMOUNT, review_cost=1_000, share=1)
    assert not (thresholds.cost <= CHANCE).any()


def test_outcome_counts_money_and_frauds():
    day = np.array([0, 0, 0, 1, 1])
    outcome = Outcome.of(CHANCE >= 0.7, LABEL, AMOUNT, day, review_cost=5)
    assert outcome == Outcome(1.5, 2, 1, 2 / 3, 120 - 15, 4)


def test_the_curve_takes_the_first_of_each_day():
    day = np.array([0, 0, 1, 1, 1])
    assert decisions.ranks(CHANCE, day).tolist() == [0, 1, 0, 1, 2]
    outcomes = decisions.curve(CHANCE, LABEL, AMOUNT, day, review_cost=0, capacities=(1, 3))
    assert (outcomes[1].frauds_found, outcomes[1].alerts_per_day, outcomes[3].frauds_missed) == (2, 1.0, 0)


def test_the_table_names_each_row():
    outcome = Outcome.of(CHANCE >= 0.7, LABEL, AMOUNT, np.zeros(5), review_cost=5)
    assert "| by cost | 3 | 2 | 1 | 66.7% | 105 | 4 |" in decisions.table({"by cost": outcome})
