"""Simulated portfolios: who is compromised, when, and what it looks like."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
import pytest

from suite_fraud.starter.simulate import Portfolio, _rows, simulate

SMALL = Portfolio(customers=200, terminals=400, days=30, seed=3)
HONEST = {"threshold": float("inf"), "compromised_terminals": 0, "compromised_customers": 0}


def small(**changes):
    return simulate(Portfolio(**{"customers": 200, "terminals": 400, "days": 30, "seed": 3, **changes}), scenarios=True)


def test_equal_portfolios_give_equal_tables_and_another_seed_another():
    assert simulate(SMALL).equals(simulate(SMALL))
    assert not simulate(SMALL).equals(simulate(Portfolio(customers=200, terminals=400, days=30, seed=4)))


def test_the_table_is_in_order_and_its_columns_are_as_said():
    table = simulate(SMALL)
    kinds = {name: str(kind) for name, kind in zip(table.schema.names, table.schema.types, strict=True)}
    assert kinds == {
        "transaction": "int64",
        "time": "timestamp[s]",
        "customer": "string",
        "terminal": "string",
        "amount": "double",
        "fraud": "int8",
    }
    time = table["time"].to_numpy()
    assert (np.diff(time) >= np.timedelta64(0)).all()
    assert str(time[0])[:10] == "2018-04-01" and str(time[-1])[:10] == "2018-04-30"
    assert table["transaction"].to_pylist() == list(range(table.num_rows))


def test_rates_and_amounts_are_those_asked_for():
    table = small(**HONEST, amount=(50.0, 50.0), per_day=(3.0, 3.0))
    assert pc.sum(table["fraud"]).as_py() == 0
    # Of 200 x 30 x 3 transactions 3.1 % fall outside their day.
    assert table.num_rows == pytest.approx(18_000 * 0.969, rel=0.03)
    amounts = table["amount"].to_numpy()
    # A normal of mean 50 and spread 25 whose 2.3 % below 0 are drawn from U(0, 100) instead.
    assert amounts.mean() == pytest.approx(51.4, abs=1)
    assert amounts.min() >= 0


def test_no_threshold_no_fraud_of_the_first_kind_and_above_it_all_is():
    table = small(**{**HONEST, "threshold": 120.0})
    fraud = table["fraud"].to_numpy() == 1
    assert fraud.sum() > 20
    assert np.array_equal(fraud, table["amount"].to_numpy() > 120)


def test_a_compromised_terminal_is_fraud_for_its_days_and_only_then():
    table = small(**{**HONEST, "compromised_terminals": 1, "terminal_days": 3, "days": 12})
    day = (table["time"].to_numpy() - np.datetime64("2018-04-01")).astype("timedelta64[D]").astype(int)
    terminal, fraud = np.array(table["terminal"].to_pylist()), table["fraud"].to_numpy() == 1
    assert fraud.sum() > 5
    for name in set(terminal[fraud]):
        spoilt = set(day[(terminal == name) & fraud])
        honest = set(day[(terminal == name) & ~fraud])
        assert not spoilt & honest, "a day of a terminal is either compromised or not"


def test_the_days_of_who_is_drawn_begin_in_the_morning_and_end_at_midnight():
    hours = np.arange(6 * 24)
    keys = hours % 2
    (rows,) = _rows([[], [1]], 3, keys, hours * 3600)
    assert rows.tolist() == [hour for hour in range(24, 4 * 24) if hour % 2 == 1]


def test_negative_amounts_are_drawn_anew_between_0_and_twice_the_mean():
    amounts = small(**HONEST, amount=(50.0, 50.0), amount_spread=100.0)["amount"].to_numpy()
    # Half of a normal this wide is negative; of the other half next to none is below 100.
    assert (amounts <= 100).mean() == pytest.approx(0.5, abs=0.03)


def test_of_a_compromised_customer_a_third_is_multiplied_and_fraud():
    settings = {"amount": (10.0, 10.0), "amount_spread": 0.0, "per_day": (4.0, 4.0)}
    table = small(**{**HONEST, "compromised_customers": 1, "customer_days": 30, "days": 3}, **settings)
    amount, fraud = table["amount"].to_numpy(), table["fraud"].to_numpy() == 1
    assert np.array_equal(amount > 10, fraud)
    assert set(amount[fraud]) <= {50.0, 250.0}
    # One of 200 customers a day, for the rest of 3 days with 4 transactions each: a third of 12 + 8 + 4 transactions.
    assert 3 <= fraud.sum() <= 12
    assert set(table["scenario"].to_pylist()) == {0, 3}


def test_terminals_are_within_reach_and_nobody_without_one_buys():
    wide, narrow = small(**HONEST), small(**HONEST, radius=1.0)
    assert narrow.num_rows < wide.num_rows
    used = {}
    for customer, terminal in zip(wide["customer"].to_pylist(), wide["terminal"].to_pylist(), strict=True):
        used.setdefault(customer, set()).add(terminal)
    assert max(map(len, used.values())) <= 12  # 400 terminals on 100 x 100: 3.1 within a radius of 5


@pytest.mark.slow
def test_the_whole_portfolio_is_near_the_handbooks():
    table = simulate(Portfolio())
    assert table.num_rows == pytest.approx(1_754_155, rel=0.02)
    assert pc.sum(table["fraud"]).as_py() == pytest.approx(14_681, rel=0.05)


def test_of_one_customer_alone_exactly_a_third_is_fraud():
    settings = {"customers": 1, "compromised_customers": 1, "per_day": (40.0, 40.0), "radius": 50.0}
    table = small(**{**HONEST, **settings, "days": 1})
    assert pc.sum(table["fraud"]).as_py() == table.num_rows // 3 > 0
