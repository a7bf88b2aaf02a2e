"""The portfolios that are made up here instead of fetched: a small one to start with, and the handbook's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from suite_fraud.starter.simulate import Portfolio, simulate

SMALL = Portfolio(customers=2_000, terminals=4_000, days=75, seed=1, compromised_terminals=1, compromised_customers=2)
"""Two fifths of the handbook's customers and days: a run with its report takes a minute or two."""


def make_small(wheels: Sequence[Path], out: Path) -> None:
    """Simulates the small portfolio into `out`."""
    _write(SMALL, out)


def make_handbook(wheels: Sequence[Path], out: Path) -> None:
    """Simulates the handbook's portfolio into `out`."""
    _write(Portfolio(), out)


def _write(portfolio: Portfolio, out: Path) -> None:
    pq.write_table(simulate(portfolio), out / "transactions.parquet")
