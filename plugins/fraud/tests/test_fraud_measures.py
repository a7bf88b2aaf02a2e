"""Measures: equal to scikit-learn's, and counted by hand."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from sklearn import metrics

from suite import Ranking, Scored
from suite.evaluation.intervals import Bootstrap
from suite_fraud.config import FraudConfig
from suite_fraud.data.measures import cards, looked, measure
from suite_fraud.evaluation.scores import FraudScores


def random_case(seed, count=500, levels=None):
    generator = np.random.default_rng(seed)
    label = (generator.random(count) < 0.1).astype(np.int8)
    probability = generator.random(count) * 0.6 + 0.3 * label
    return (np.round(probability * levels) / levels if levels else probability), label


@pytest.mark.parametrize("levels", [None, 20, 1])
@pytest.mark.parametrize("seed", range(3))
def test_areas_and_brier_equal_those_of_scikit_learn(seed, levels):
    probability, label = random_case(seed, levels=levels)
    values = measure(probability, label)
    assert values["roc_auc"] == pytest.approx(metrics.roc_auc_score(label, probability), abs=1e-12)
    assert values["average_precision"] == pytest.approx(metrics.average_precision_score(label, probability), abs=1e-12)
    assert values["brier"] == pytest.approx(metrics.brier_score_loss(label, probability), abs=1e-12)


def test_each_measure_is_that_of_the_ranking():
    probability = np.linspace(1, 0, 110)
    label = np.isin(np.arange(110), (0, 2, 3, 4, 5, 6, 7, 8, 9, 60)).astype(int)
    amount = np.where(np.arange(110) == 0, 11.0, 1.0)
    values = measure(probability, label, amount=amount)
    # One of 100 legitimate ones is the second; before the next come nine of the ten frauds.
    assert (values["recall_at_1_fpr"], values["value_recall_at_1_fpr"]) == (0.9, 0.95)
    assert (values["alerts_for_80_recall"], values["alerts_for_90_recall"]) == (9, 10)


def test_card_precision_counts_cards_a_day_and_leaves_out_those_found():
    #                day 0            | day 1
    day = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1])
    entity = np.array([1, 1, 2, 3, 4, 1, 2, 3, 5])
    score = np.array([0.9, 0.1, 0.8, 0.2, 0.1, 0.9, 0.8, 0.7, 0.1])
    label = np.array([0, 1, 0, 1, 0, 1, 0, 1, 1])
    amount = np.array([1.0, 2.0, 1.0, 4.0, 1.0, 8.0, 1.0, 16.0, 32.0])
    # Day 0: cards 1 (a fraud, though not its most suspicious payment) and 2. Day 1: card 1 is blocked, so 2 and 3.
    precision, value = cards(label, day, looked(Ranking(score, label), day, entity, k=2), amount=amount)
    assert precision == 0.5
    assert value == pytest.approx((2 + 16) / (2 + 4 + 8 + 16 + 32))
    precision, _ = cards(label, day, looked(Ranking(score, label), day, entity, k=10))
    assert precision == (2 / 4 + 1 / 2) / 2, "with few cards all are looked into, but for 1 and 3 on day 1"


def test_card_precision_equals_a_slow_reference_with_busy_cards():
    generator = np.random.default_rng(0)
    day, entity = generator.integers(0, 5, 3000), (generator.pareto(1, 3000) * 3).astype(int)
    score, label = generator.random(3000), (generator.random(3000) < 0.05).astype(int)
    caught, shares = set(), []
    for today in range(5):
        best = {}
        for row in np.flatnonzero(day == today):
            if entity[row] not in caught:
                best[entity[row]] = max(best.get(entity[row], 0), score[row])
        first = sorted(best, key=best.get, reverse=True)[:20]
        hit = [who for who in first if label[(day == today) & (entity == who)].any()]
        caught |= set(hit)
        shares.append(len(hit) / 20)
    looks = looked(Ranking(score, label), day, entity, k=20)
    assert cards(label, day, looks)[0] == pytest.approx(np.mean(shares), abs=1e-12)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_leaves_rankings_unmeasured(label):
    values = measure(np.array([0.1, 0.2]), np.array([label, label]), amount=np.ones(2))
    for name in ("roc_auc", "average_precision", "recall_at_1_fpr", "alerts_for_80_recall"):
        assert math.isnan(values[name])
    assert values["brier"] >= 0


NO_LOOKS = {name: np.empty(0) for name in ("looked", "hit", "saved")}


def test_nothing_is_measured_of_nothing():
    none = np.empty(0)
    assert all(math.isnan(v) for v in measure(none, none, amount=none, day=none, looks=NO_LOOKS).values())


def test_a_bootstrap_can_afford_them():
    generator = np.random.default_rng(1)
    probability, label = random_case(1, 60_000)
    day, entity, amount = generator.integers(0, 7, 60_000), generator.integers(0, 5000, 60_000), np.ones(60_000)
    looks = looked(Ranking(probability, label), day, entity)
    spent = []
    for _ in range(5):
        start = time.process_time()
        measure(probability, label, amount=amount, day=day, looks=looks)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.1  # about 0.015 on an idle core


def test_a_day_that_is_drawn_twice_is_two_days_and_keeps_what_the_days_before_it_left():
    """Two days with card precisions of 1 and 0, the second because its card was found out on the first: resampled days
    give 0, .5 and 1. Merged, two draws of the first would look into its cards once; by rows, nearly anything."""
    config = FraudConfig(capacity=1)
    scores = FraudScores(config, None)
    stacked = {
        "probability": np.array([0.9, 0.1, 0.9, 0.2]), "label": np.array([1, 0, 1, 0]), "amount": np.ones(4),
        "day": np.array([3, 3, 5, 5]), "entity": np.array([1, 2, 1, 2]),
    }  # fmt: skip
    units = {name: stacked[name] for name in ("entity", "day")}
    drawn = Bootstrap.of(scores, Scored([{}] * 4, [None] * 4, stacked, units), 0)
    assert drawn.point["card_precision_at_1"] == 0.5
    assert set(drawn.drawn["card_precision_at_1"]) == {0.0, 0.5, 1.0}
    assert drawn.units["card_precision_at_1"].too_few() == "2 days are too few for a claim (20 are needed)"
    assert str(drawn.units["average_precision"]) == "2 entities"
