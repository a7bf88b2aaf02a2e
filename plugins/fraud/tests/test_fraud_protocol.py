"""Folds through time: which days, which labels, and whose cards are blocked already."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from suite import SuiteError
from suite_fraud.data.protocol import compromised, folds
from suite_fraud.data.tables import Transactions

DAY = 86_400


def daily(days, entities=1, *, frauds=(), unknown=(), start=5 * 3600):
    """One transaction of each entity on each day; `frauds` and `unknown` are (day, entity)."""
    pairs = [(day, entity) for day in range(days) for entity in range(entities)]
    label = [1 if pair in frauds else -1 if pair in unknown else 0 for pair in pairs]
    return Transactions(
        time=np.array([start + day * DAY for day, _ in pairs], np.float64),
        entity=np.array([entity for _, entity in pairs], np.int32),
        entity_names=pa.array([str(entity) for entity in range(entities)]),
        counterparty=None,
        counterparty_names=None,
        amount=np.ones(len(pairs)),
        label=np.array(label, np.int8),
        order=np.arange(len(pairs)),
    )


def test_folds_are_a_test_apart_oldest_first_and_end_with_the_data():
    parts = folds(daily(30), train_days=7, delay_days=5, test_days=3, count=3)
    assert [fold.days for fold in parts] == [(9, 16, 21, 24), (12, 19, 24, 27), (15, 22, 27, 30)]
    assert parts[0].train.tolist() == list(range(9, 16))
    assert parts[0].delay.tolist() == list(range(16, 21))
    assert parts[0].test.tolist() == [21, 22, 23]


def test_an_end_before_that_of_the_data_is_where_the_last_fold_ends():
    assert folds(daily(60), end=40, count=1)[0].days == (19, 26, 33, 40)


def test_too_few_days_are_an_error_that_counts_them():
    with pytest.raises(SuiteError, match=r"4 folds .* need 42 days of transactions; these span 41"):
        folds(daily(41))
    assert len(folds(daily(42))) == 4


def test_entities_with_a_fraud_in_training_are_not_tested():
    (fold,) = folds(daily(21, 3, frauds={(0, 1), (6, 2)}), count=1)
    assert set((fold.test % 3).tolist()) == {0}


def test_a_fraud_of_the_delay_is_known_day_by_day():
    """Fraud on day 9: with 7 days of delay it is known on day 17, not yet on day 16."""
    (fold,) = folds(daily(21, 2, frauds={(9, 1)}), count=1)
    days = [int(row) // 2 for row in fold.test if row % 2 == 1]
    assert days == [14, 15, 16]


def test_frauds_before_the_training_are_forgotten():
    rows = daily(30, 2, frauds={(3, 1)})
    (fold,) = folds(rows, count=1)
    assert fold.days[0] == 9
    assert len(fold.test) == 14
    assert compromised(rows, fold.test, since=3, delay_days=7)[1::2].all()


def test_unknown_labels_are_neither_trained_on_nor_tested():
    (fold,) = folds(daily(21, 1, unknown={(2, 0), (15, 0)}), count=1)
    assert fold.train.tolist() == [0, 1, 3, 4, 5, 6]
    assert fold.test.tolist() == [14, 16, 17, 18, 19, 20]
