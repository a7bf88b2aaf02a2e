"""Features: equal to a slow reference, blind to the future, the same block by block."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite_fraud.data.features import NAMES, Stream, compute, names
from suite_fraud.data.tables import Transactions

DAY = 86_400


def toy(time, entity, counterparty, amount, label):
    def codes(values):
        distinct = sorted(set(values))
        return np.array([distinct.index(value) for value in values], np.int32), pa.array([str(v) for v in distinct])

    who, who_names = codes(entity)
    whom, whom_names = (None, None) if counterparty is None else codes(counterparty)
    return Transactions(
        time=np.array(time, np.float64),
        entity=who,
        entity_names=who_names,
        counterparty=whom,
        counterparty_names=whom_names,
        amount=np.array(amount, np.float64),
        label=np.array(label, np.int8),
        order=np.arange(len(time)),
    )


def random_toy(seed, count=120, days=60):
    generator = np.random.default_rng(seed)
    return toy(
        np.sort(generator.integers(0, days * 24, count)) * 3600,  # whole hours: ties and exact edges happen
        generator.integers(0, 4, count),
        generator.integers(0, 5, count),
        np.round(generator.normal(50, 40, count), 2),
        generator.choice([-1, 0, 1], count, p=[0.1, 0.6, 0.3]),
    )


def reference(rows, windows, delay):
    return np.array([_row(rows, i, windows, delay) for i in range(len(rows))], np.float32)


def _row(rows, i, windows, delay):
    now, amount = rows.time[i], rows.amount[i]
    log = [math.copysign(math.log1p(abs(a)), a) for a in rows.amount]
    hour = now % DAY / 3600
    own = [j for j in range(i + 1) if rows.entity[j] == rows.entity[i]]
    inside = [[j for j in own if rows.time[j] > now - days * DAY] for days in windows]
    means = [sum(rows.amount[j] for j in window) / len(window) for window in inside]
    longest = max(range(len(windows)), key=lambda w: windows[w])
    earlier = [log[j] for j in inside[longest] if j < i]
    surprise = 0.0
    if len(earlier) >= 2:
        surprise = (log[i] - np.mean(earlier)) / max(np.std(earlier), 0.1)
    known = [j for j in own[:-1] if rows.time[j] <= now - delay * DAY]
    late = [j for j in known if rows.time[j] > now - (delay + windows[longest]) * DAY]
    values = [amount, log[i], hour < 7, now // DAY % 7 in (2, 3), math.sin(hour * math.pi / 12)]
    values += [math.cos(hour * math.pi / 12)]
    values += [min((now - rows.time[own[-2]]) / DAY, max(windows)) if len(own) > 1 else max(windows)]
    values += [len(window) for window in inside] + means
    values += [amount / means[longest] if abs(means[longest]) >= 1e-6 else 1.0]
    values += [min(max(surprise, -10), 10), sum(rows.label[j] == 1 for j in late)]
    return values + _of_counterparty(rows, i, windows, delay)


def _of_counterparty(rows, i, windows, delay):
    if rows.counterparty is None:
        return [0.0] * (2 * len(windows))
    end = rows.time[i] - delay * DAY
    same = [j for j in range(i) if rows.counterparty[j] == rows.counterparty[i] and rows.time[j] <= end]
    inside = [[j for j in same if rows.time[j] > end - days * DAY] for days in windows]
    labels = [[rows.label[j] for j in window if rows.label[j] >= 0] for window in inside]
    risks = [sum(known) / len(known) if known else 0.0 for known in labels]
    return [len(window) for window in inside] + risks


@pytest.mark.parametrize("delay", [0.0, 7.0])
@pytest.mark.parametrize("seed", range(3))
def test_features_equal_a_slow_reference(seed, delay):
    rows = random_toy(seed)
    np.testing.assert_allclose(compute(rows, delay=delay), reference(rows, (1, 7, 30), delay), rtol=2e-5, atol=2e-5)


def test_features_without_a_counterparty_equal_the_reference_and_are_not_missing():
    rows = random_toy(5)
    alone = toy(rows.time, rows.entity, None, rows.amount, rows.label)
    values = compute(alone)
    np.testing.assert_allclose(values, reference(alone, (1, 7, 30), 7), rtol=2e-5, atol=2e-5)
    assert (values[:, [name.startswith("counterparty") for name in NAMES]] == 0).all()


def test_a_delayed_fraud_is_known_to_the_millisecond_and_forgotten_after_the_window():
    week = 7 * DAY
    rows = toy(
        [0, week - 0.001, week, week + DAY - 0.001, week + DAY], [0, 1, 2, 3, 4], [0] * 5, [10.0] * 5, [1, 0, 0, 0, 0]
    )
    risk = compute(rows)[:, NAMES.index("counterparty_risk_1d")]
    assert risk.tolist() == [0, 0, 1, 1, 0]


def test_night_and_weekend_of_known_dates():
    monday = 1_522_627_200  # 2018-04-02 00:00 UTC
    rows = toy(
        [monday - 1, monday + 6.9 * 3600, monday + 7 * 3600, monday + 5 * DAY], [0] * 4, None, [1.0] * 4, [0] * 4
    )
    values = compute(rows)
    assert values[:, NAMES.index("is_weekend")].tolist() == [1, 0, 0, 1]
    assert values[:, NAMES.index("is_night")].tolist() == [0, 1, 0, 1]


events = st.lists(
    st.tuples(
        st.integers(0, 45 * 24),
        st.integers(0, 2),
        st.integers(0, 2),
        st.floats(-1e6, 1e9, allow_nan=False),
        st.sampled_from([-1, 0, 1]),
    ),
    min_size=1,
    max_size=40,
)


def of_events(transactions):
    time, entity, counterparty, amount, label = zip(*sorted(transactions, key=lambda event: event[0]), strict=True)
    return toy(np.array(time) * 3600, entity, counterparty, amount, label)


@settings(max_examples=60, deadline=None)
@given(events, events, st.integers(0, 39), st.sampled_from([0.0, 2.0, 7.0]))
def test_no_later_row_and_no_label_younger_than_the_delay_changes_a_feature(transactions, others, cut, delay):
    """Whatever follows a row, and whatever turns out about the last days before it: its features stay, to the bit."""
    transactions = sorted(transactions, key=lambda event: event[0])
    cut = min(cut, len(transactions) - 1)
    now = transactions[cut][0]
    past = [(*event[:4], event[4] if event[0] <= now - delay * 24 else -1) for event in transactions[: cut + 1]]
    future = [(now + event[0], *event[1:]) for event in others]
    row = compute(of_events(transactions), delay=delay)[cut]
    if delay == 0:  # labels are known at once: only the row's own is not
        past = [*transactions[:cut], (*transactions[cut][:4], -1)]
    assert np.array_equal(row, compute(of_events(past + future), delay=delay)[cut])


@settings(max_examples=40, deadline=None)
@given(events, st.lists(st.integers(0, 40), max_size=6), st.sampled_from([0.0, 7.0]))
def test_a_stream_gives_the_same_features_to_the_bit(transactions, cuts, delay):
    rows = of_events(transactions)
    bounds = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    stream = Stream((1.0, 3.0), delay)
    blocks = [stream.push(rows.take(np.arange(a, b))) for a, b in itertools.pairwise(bounds)]
    assert np.array_equal(np.concatenate(blocks), compute(rows, windows=(1.0, 3.0), delay=delay))


@pytest.mark.parametrize("rows", [7, 50])
def test_a_stream_keeps_what_the_longest_delayed_window_needs(rows):
    every = random_toy(9, count=400)
    stream = Stream((1.0, 3.0), 7.0)
    blocks = [stream.push(every.take(np.arange(a, min(a + rows, 400)))) for a in range(0, 400, rows)]
    assert np.array_equal(np.concatenate(blocks), compute(every, windows=(1.0, 3.0)))


def test_who_always_pays_the_same_is_not_surprised_by_little_more():
    rows = toy(np.arange(4) * DAY, [0] * 4, None, [50.0, 50.0, 50.0, 55.0], [0] * 4)
    surprise = compute(rows)[:, NAMES.index("amount_zscore")]
    assert surprise[:3].tolist() == [0, 0, 0]
    assert surprise[3] == pytest.approx(math.log(56 / 51) / 0.1, abs=1e-3)


def test_a_stream_forgets_rows_and_names_it_no_longer_needs():
    stream = Stream((1.0,), 1.0)
    for start in range(0, 100, 10):
        many = [f"{start}-{i}" for i in range(10)]
        stream.push(toy([(start + i) * DAY for i in range(10)], many, many, [1.0] * 10, [0] * 10))
    assert len(stream._past) <= 3
    assert len(stream._past.entity_names) <= 3 and len(stream._past.counterparty_names) <= 3


def test_a_stream_refuses_to_go_back_in_time():
    stream = Stream()
    stream.push(toy([DAY], [0], [0], [1.0], [0]))
    with pytest.raises(ValueError, match="before the last one ended"):
        stream.push(toy([DAY - 1], [0], [0], [1.0], [0]))


def test_columns_and_names_go_together():
    rows = random_toy(1)
    for windows in ((1,), (2, 14), (1, 7, 30, 90)):
        assert compute(rows, windows=windows).shape == (len(rows), len(names(windows)))
    assert len(set(NAMES)) == len(NAMES) == 22
    assert compute(rows.take(np.arange(0))).shape == (0, 22)
