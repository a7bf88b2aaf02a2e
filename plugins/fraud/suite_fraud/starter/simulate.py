"""Simulated card portfolios with known frauds, after the description of the ULB fraud detection handbook.

Le Borgne, Siblini, Lebichot, Bontempi: Reproducible Machine Learning for Credit Card Fraud Detection (2022), chapter 3,
https://fraud-detection-handbook.github.io. Written from the text; no code is shared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

DAY = 86_400
START = date(2018, 4, 1)
"""First day of every portfolio, the handbook's: a Sunday."""
GRID = 100.0
"""Side of the square on which customers and terminals live; `Portfolio.radius` is measured on it."""


@dataclass(frozen=True, kw_only=True)
class Portfolio:
    """Everything a portfolio is drawn from. The defaults are the handbook's: 1,754,155 transactions, 14,681 frauds.

    A scenario is switched off by a threshold of infinity, or by no compromised terminals or customers per day.
    """

    customers: int = 5_000
    terminals: int = 10_000
    days: int = 183
    seed: int = 0
    radius: float = 5.0
    """A customer uses the terminals within this distance, each as often as the others."""
    amount: tuple[float, float] = (5.0, 100.0)
    """Range of the customers' mean amounts."""
    amount_spread: float = 0.5
    """Standard deviation of a customer's amounts, as a share of their mean."""
    per_day: tuple[float, float] = (0.0, 4.0)
    """Range of the customers' mean numbers of transactions a day."""
    hour: float = 12.0
    """Hour of the day around which transactions happen."""
    hour_spread: float = 20_000 / 3_600
    """Standard deviation of the hour; what falls outside its day does not happen."""
    threshold: float = 220.0
    """Scenario 1: every larger amount is fraud."""
    compromised_terminals: int = 2
    """Scenario 2: so many terminals are drawn every day ..."""
    terminal_days: int = 28
    """... and all their transactions are fraud for so long."""
    compromised_customers: int = 3
    """Scenario 3: so many customers are drawn every day ..."""
    customer_days: int = 14
    """... and for so long ..."""
    customer_share: float = 1 / 3
    """... this share of their transactions is fraud, ..."""
    multiplier: float = 5.0
    """... with the amount multiplied."""


def simulate(portfolio: Portfolio, *, scenarios: bool = False) -> pa.Table:
    """The portfolio's transactions in order of time; equal portfolios give equal tables.

    Columns: transaction (int64), time (timestamp[s]), customer and terminal (string), amount (float64, two decimals),
    fraud (int8) and, if asked for, scenario (int8: 0 for none, else 1 to 3).
    """
    generator = np.random.default_rng(portfolio.seed)
    customer, seconds, terminal, amount = _transactions(portfolio, generator)
    scenario = _frauds(portfolio, generator, customer, seconds, terminal, amount)
    start = np.datetime64(START, "s")
    columns = {
        "transaction": np.arange(len(seconds)),
        "time": start + seconds.astype("timedelta64[s]"),
        "customer": _names("C", customer, portfolio.customers),
        "terminal": _names("T", terminal, portfolio.terminals),
        "amount": np.round(amount, 2),
        "fraud": (scenario > 0).astype(np.int8),
    }
    return pa.table(columns | ({"scenario": scenario} if scenarios else {}))


def _transactions(portfolio: Portfolio, generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Honest transactions in order of time: customer, seconds since the start, terminal, amount; (n,) each."""
    mean = generator.uniform(*portfolio.amount, portfolio.customers)
    rate = generator.uniform(*portfolio.per_day, portfolio.customers)
    first, terminals = _reach(portfolio, generator)
    rate[np.diff(first) == 0] = 0.0  # nobody buys where there is no terminal
    counts = generator.poisson(rate[:, None], (portfolio.customers, portfolio.days))
    customer = np.repeat(np.arange(portfolio.customers), counts.sum(1))
    day = np.repeat(np.tile(np.arange(portfolio.days), portfolio.customers), counts.ravel())
    of_day = generator.normal(portfolio.hour * 3_600, portfolio.hour_spread * 3_600, len(day)).astype(np.int64)
    kept = (of_day > 0) & (of_day < DAY)
    customer, seconds = customer[kept], (day * DAY + of_day)[kept]
    order = np.argsort(seconds, kind="stable")
    customer, seconds = customer[order], seconds[order]
    amount = generator.normal(mean[customer], mean[customer] * portfolio.amount_spread)
    amount = np.where(amount < 0, generator.uniform(0, 2 * mean[customer]), amount)
    choice = first[customer] + (generator.random(len(customer)) * np.diff(first)[customer]).astype(np.int64)
    return customer, seconds, terminals[choice], np.round(amount, 2)


def _reach(portfolio: Portfolio, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Terminals within reach of each customer: those of customer i are `terminals[first[i] : first[i + 1]]`."""
    homes = generator.uniform(0, GRID, (portfolio.customers, 2))
    places = generator.uniform(0, GRID, (portfolio.terminals, 2))
    near = []
    for rows in np.array_split(homes, max(1, portfolio.customers // 500)):  # 500 x 10,000 distances are 40 MB
        away = np.hypot(rows[:, None, 0] - places[None, :, 0], rows[:, None, 1] - places[None, :, 1])
        near += [np.flatnonzero(inside) for inside in away < portfolio.radius]
    first = np.concatenate([[0], np.cumsum([len(terminals) for terminals in near])])
    return first, np.concatenate([*near, np.empty(0, np.int64)])


def _frauds(
    portfolio: Portfolio,
    generator: np.random.Generator,
    customer: np.ndarray,
    seconds: np.ndarray,
    terminal: np.ndarray,
    amount: np.ndarray,
) -> np.ndarray:
    """Scenario of each transaction, int8; multiplies the amounts of scenario 3 in place. A later scenario overrides."""
    scenario = (amount > portfolio.threshold).astype(np.int8)
    drawn = _draw(portfolio.compromised_terminals, portfolio.terminals, portfolio.days, generator)
    for rows in _rows(drawn, portfolio.terminal_days, terminal, seconds):
        scenario[rows] = 2
    drawn = _draw(portfolio.compromised_customers, portfolio.customers, portfolio.days, generator)
    for rows in _rows(drawn, portfolio.customer_days, customer, seconds):
        hit = generator.permutation(rows)[: int(len(rows) * portfolio.customer_share)]
        amount[hit] *= portfolio.multiplier
        scenario[hit] = 3
    return scenario


def _draw(per_day: int, population: int, days: int, generator: np.random.Generator) -> list[np.ndarray]:
    """Who is compromised on each day: distinct within a day, afresh on the next."""
    return [generator.choice(population, min(per_day, population), replace=False) for _ in range(days)]


def _rows(drawn: list[np.ndarray], lasting: int, key: np.ndarray, seconds: np.ndarray) -> Iterator[np.ndarray]:
    """The transactions of each one drawn, from the morning of its day and for `lasting` days."""
    order = np.argsort(key, kind="stable")
    keys = key[order]
    for day, members in enumerate(drawn):
        for member in members:
            own = order[np.searchsorted(keys, member) : np.searchsorted(keys, member, side="right")]
            begin, end = np.searchsorted(seconds[own], [day * DAY, (day + lasting) * DAY])
            yield own[begin:end]


def _names(letter: str, codes: np.ndarray, count: int) -> pa.Array:
    width = len(str(max(count - 1, 0)))
    names = pa.array([f"{letter}{number:0{width}d}" for number in range(count)])
    return names.take(pa.array(codes))
