"""What is known about a transaction at the moment it happens: habits of its entity, risk of its counterparty.

Nothing looks ahead: a feature uses earlier rows and labels that are at least `delay` days old. Sums are taken over
integers, so that they come out the same, to the bit, whichever other rows are in the table; `Stream` relies on it.
Recency, frequency, amount and delayed risk follow the ULB fraud detection handbook, chapters 3.4 and 5.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from suite_fraud.data.tables import Transactions

WINDOWS = (1.0, 7.0, 30.0)
"""Days over which habits and risks are summed up."""
DELAY = 7.0
"""Days until a label is known: the handbook's week for an investigation."""
_DAY = 86_400_000
"""Milliseconds: times are compared in whole ones."""
_CENTS = 2.0**20
"""Amounts are summed in these parts of a unit: finer than any currency, and 1e9 still fits nine thousand times."""
_LOGS = 2.0**16
"""Logarithms of amounts are summed in these parts; their squares then fit two million times into 64 bits."""
_LARGEST = 2.0**62 / _CENTS
_SURPRISED = 10.0
"""Most standard deviations told: beyond them the amount is simply unheard of."""
_FLOOR = 0.1
"""Least spread of log amounts: who always pays the same is not surprised by ten per cent more."""


def names(windows: Sequence[float] = WINDOWS) -> tuple[str, ...]:
    """The features, in the order of `compute`'s columns, for windows of so many days."""
    spans = [f"{days:g}d" for days in windows]
    return (
        "amount",
        "log_amount",
        "is_night",
        "is_weekend",
        "hour_sin",
        "hour_cos",
        "recency_days",
        *(f"entity_count_{span}" for span in spans),
        *(f"entity_mean_{span}" for span in spans),
        "amount_ratio",
        "amount_zscore",
        "entity_frauds",
        *(f"counterparty_count_{span}" for span in spans),
        *(f"counterparty_risk_{span}" for span in spans),
    )


NAMES: tuple[str, ...] = names()
"""The features for the windows of 1, 7 and 30 days."""


def compute(transactions: Transactions, *, windows: Sequence[float] = WINDOWS, delay: float = DELAY) -> np.ndarray:
    """Features of all transactions, float32 (n, len(names(windows))), none of them NaN.

    `windows` and `delay` are in days. A window that ends with the transaction includes it (time - window, time]; one
    over delayed labels is (time - delay - window, time - delay]. Ties in time count in the order of the rows. Labels
    of -1 count neither as fraud nor as known. Without counterparties, their features are 0.
    """
    return _compute(_Columns.of(transactions), windows=windows, delay=delay, start=0)


class Stream:
    """The features of `compute`, block by block, in memory that does not grow with the table.

    It keeps the rows of the last max(windows) + delay days.
    """

    def __init__(self, windows: Sequence[float] = WINDOWS, delay: float = DELAY) -> None:
        self.windows, self.delay = tuple(windows), delay
        self._past: Transactions | None = None

    @property
    def latest(self) -> float | None:
        """Time of the last row pushed, in seconds; None before the first."""
        return None if self._past is None or not len(self._past) else float(self._past.time[-1])

    def push(self, transactions: Transactions) -> np.ndarray:
        """Features of the next rows, which must not be earlier than those pushed before: raises ValueError."""
        if not len(transactions):
            return np.empty((0, len(names(self.windows))), np.float32)
        if self.latest is not None and transactions.time[0] < self.latest:
            raise ValueError("a block of transactions begins before the last one ended")
        known = 0 if self._past is None else len(self._past)
        every = transactions if self._past is None else self._past.followed_by(transactions)
        features = _compute(_Columns.of(every), windows=self.windows, delay=self.delay, start=known)
        # One millisecond more than the windows need: times are rounded to whole ones.
        oldest = every.time[-1] - (max(self.windows) + self.delay) * 86_400 - 1e-3
        self._past = every.bare().after(oldest)
        return features


@dataclass(frozen=True)
class _Columns:
    """The numbers all features are made of, (n,) each, in order of time."""

    time: np.ndarray
    """int64 milliseconds."""
    entity: np.ndarray
    counterparty: np.ndarray | None
    amount: np.ndarray
    label: np.ndarray

    @classmethod
    def of(cls, rows: Transactions) -> _Columns:
        time = np.round(rows.time * 1e3).astype(np.int64)
        return cls(time, rows.entity, rows.counterparty, rows.amount, rows.label)


def _compute(rows: _Columns, *, windows: Sequence[float], delay: float, start: int) -> np.ndarray:
    """Features of the rows from `start` on; the earlier ones are their past."""
    features = np.zeros((len(rows.time) - start, len(names(windows))), np.float32)
    own = _own(rows, start)
    column = 0
    for column, values in enumerate([*own, *_entity(rows, windows, delay, start)]):
        features[:, column] = values
    if rows.counterparty is not None:
        for later, values in enumerate(_counterparty(rows, windows, delay, start), column + 1):
            features[:, later] = values
    return features


def _own(rows: _Columns, start: int) -> Iterator[np.ndarray]:
    """What the transaction itself says."""
    amount, time = rows.amount[start:], rows.time[start:]
    yield amount
    yield _log(amount)
    hour = time % _DAY / 3_600_000
    yield hour < 7  # the handbook's night: hours 0 to 6
    yield (time // _DAY + 3) % 7 >= 5  # 1 January 1970 was a Thursday, day 3 of a week from Monday
    yield np.sin(hour * (2 * np.pi / 24))
    yield np.cos(hour * (2 * np.pi / 24))


def _entity(rows: _Columns, windows: Sequence[float], delay: float, start: int) -> Iterator[np.ndarray]:
    """How the transaction fits what its entity does."""
    groups = _Groups.of(rows.entity, rows.time, start, reach=max(windows) + delay)
    end = groups.place + 1
    begins = [groups.until(days) for days in windows]
    cents = groups.running(np.round(np.clip(rows.amount, -_LARGEST, _LARGEST) * _CENTS).astype(np.int64))
    longest = int(np.argmax(windows))
    yield groups.recency(max(windows))
    for begin in begins:
        yield end - begin
    means = [(cents[end] - cents[begin]) / _CENTS / (end - begin) for begin in begins]
    yield from means
    yield _ratio(rows.amount[start:], means[longest])
    yield _surprise(rows, groups, begins[longest], start)
    frauds = groups.running(rows.label == 1)
    yield frauds[groups.until(delay)] - frauds[groups.until(delay + windows[longest])]


def _counterparty(rows: _Columns, windows: Sequence[float], delay: float, start: int) -> Iterator[np.ndarray]:
    """What is known by now about whom the money goes to."""
    assert rows.counterparty is not None
    groups = _Groups.of(rows.counterparty, rows.time, start, reach=max(windows) + delay)
    end = groups.until(delay)
    begins = [groups.until(delay + days) for days in windows]
    frauds, known = groups.running(rows.label == 1), groups.running(rows.label >= 0)
    for begin in begins:
        yield end - begin
    for begin in begins:
        yield (frauds[end] - frauds[begin]) / np.maximum(known[end] - known[begin], 1)


@dataclass(frozen=True)
class _Groups:
    """Rows sorted by key, then time, then order: a window of one key is a run of neighbours."""

    order: np.ndarray
    """Rows in sorted order, int64 (n,)."""
    keys: np.ndarray
    """Key and time in one sorted number, int64 (n,); far enough apart that no window reaches into another key."""
    place: np.ndarray
    """Where in `order` each row asked about is, int64 (m,)."""

    @classmethod
    def of(cls, key: np.ndarray, time: np.ndarray, start: int, *, reach: float) -> _Groups:
        order = np.argsort(key, kind="stable")
        span = (int(time[-1] - time[0]) if len(time) else 0) + int(reach * _DAY) + 2
        keys = key[order].astype(np.int64) * span + (time - time[:1])[order]
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        return cls(order, keys, place[start:])

    def until(self, days: float) -> np.ndarray:
        """How many sorted rows come before the time `days` ago (that included) of each row asked about, int64 (m,).

        The row itself and what follows it never do, even with no delay and equal times.
        """
        asked = np.zeros(len(self.keys), bool)
        asked[self.place] = True
        # Sorted questions walk through memory in order, which makes the search several times as fast.
        count = np.empty(len(self.keys), np.int64)
        where = np.flatnonzero(asked)
        count[where] = np.searchsorted(self.keys, self.keys[where] - round(days * _DAY), side="right")
        return np.minimum(count[self.place], self.place)

    def running(self, values: np.ndarray) -> np.ndarray:
        """Sums of the first 0, 1, ... n sorted rows' values, int64 (n + 1,)."""
        sums = np.zeros(len(self.order) + 1, np.int64)
        np.cumsum(values[self.order], out=sums[1:])
        return sums

    def recency(self, most: float) -> np.ndarray:
        """Days since the same key's last row, at most `most`, which also stands for a first row."""
        before = np.maximum(self.place - 1, 0)
        days = (self.keys[self.place] - self.keys[before]) / _DAY
        return np.where(self.place > 0, np.minimum(days, most), most)


def _ratio(amount: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Amount over mean, 1 where the mean is 0, within ±1000: a mean near 0 of payments and refunds says little."""
    safe = np.where(np.abs(mean) < 1e-6, 1.0, mean)
    return np.where(np.abs(mean) < 1e-6, 1.0, np.clip(amount / safe, -1e3, 1e3))


def _surprise(rows: _Columns, groups: _Groups, begin: np.ndarray, start: int) -> np.ndarray:
    """How many standard deviations the log amount is from those before it in the window; 0 without two of them."""
    logs = np.round(_log(rows.amount) * _LOGS).astype(np.int64)
    sums, squares = groups.running(logs), groups.running(logs * logs)
    count = groups.place - begin
    some = np.maximum(count, 1)
    mean = (sums[groups.place] - sums[begin]) / some
    variance = np.maximum((squares[groups.place] - squares[begin]) / some - mean * mean, 0.0)
    score = (logs[start:] - mean) / np.maximum(np.sqrt(variance), _FLOOR * _LOGS)
    return np.where(count >= 2, np.clip(score, -_SURPRISED, _SURPRISED), 0.0)


def _log(amount: np.ndarray) -> np.ndarray:
    """log(1 + amount), mirrored for refunds."""
    return np.sign(amount) * np.log1p(np.abs(amount))
