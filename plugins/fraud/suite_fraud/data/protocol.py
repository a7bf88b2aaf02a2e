"""Tests through time: train on some days, wait until labels are known, test on the days after, and again a week later.

The ULB fraud detection handbook's protocol (chapters 3.5 and 5): 7 days of training, 7 of delay, 7 of test, four folds
a week apart. Its own test weeks are days 129 to 156 (8 August to 4 September 2018) of its 183; `HANDBOOK_END` sets the
same here. Otherwise the last fold ends with the data.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from suite import SuiteError
from suite_fraud.data.tables import Transactions

HANDBOOK_END = 157
"""The day on which the handbook's last test week is over, counted from its first: 5 September 2018."""


@dataclass(frozen=True)
class Fold:
    """Rows to train on, rows whose labels come too late to be trained on, and rows to be tested on; int64 each."""

    train: np.ndarray
    delay: np.ndarray
    test: np.ndarray
    days: tuple[int, int, int, int]
    """First day of the training, of the delay, of the test, and the day after it; from the table's first day on."""


def folds(
    rows: Transactions,
    *,
    train_days: int = 7,
    delay_days: int = 7,
    test_days: int = 7,
    count: int = 4,
    end: int | None = None,
) -> list[Fold]:
    """Prequential folds, oldest first, `test_days` apart; the last ends before day `end` (None: with the data).

    Rows of unknown label are in neither training nor test. Raises `SuiteError` if the table has too few days.
    """
    day = rows.days
    over = int(day[-1]) + 1 if len(day) else 0
    over = over if end is None else min(over, end)
    needed = train_days + delay_days + count * test_days
    if over < needed:
        raise SuiteError(
            f"{count} folds of {train_days} days of training, {delay_days} of delay and {test_days} of test need "
            f"{needed} days of transactions; these span {over}. Ask for fewer or shorter ones."
        )
    starts = [over - back * test_days for back in range(count, 0, -1)]
    return [_fold(rows, day, start, train_days, delay_days, test_days) for start in starts]


def _fold(rows: Transactions, day: np.ndarray, test: int, train_days: int, delay_days: int, test_days: int) -> Fold:
    days = (test - delay_days - train_days, test - delay_days, test, test + test_days)
    train, delay, tested = (
        np.arange(*np.searchsorted(day, [begin, until])) for begin, until in itertools.pairwise(days)
    )
    known = rows.label >= 0
    tested = tested[known[tested] & ~compromised(rows, tested, since=days[0], delay_days=delay_days)]
    return Fold(train[known[train]], delay, tested, days)


def compromised(rows: Transactions, tested: np.ndarray, *, since: int, delay_days: int) -> np.ndarray:
    """Which of the tested rows are of an entity that is known to be compromised by then, bool (len(tested),).

    Known on a day are the frauds since the day `since` that are more than `delay_days` days old: their cards are
    blocked already, and to flag them again would be no merit.
    """
    day = rows.days
    frauds = np.flatnonzero((rows.label == 1) & (day >= since))
    first = np.full(len(rows.entity_names), np.iinfo(np.int64).max)
    np.minimum.at(first, rows.entity[frauds], day[frauds])
    blocked: np.ndarray = first[rows.entity[tested]] < day[tested] - delay_days
    return blocked
