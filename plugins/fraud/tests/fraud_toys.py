"""A made-up portfolio that is quick to train on."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from suite_fraud.starter.simulate import Portfolio, simulate

TOY = Portfolio(
    customers=300, terminals=200, days=40, seed=3, radius=15.0, compromised_terminals=1, compromised_customers=1,
    per_day=(1.0, 3.0), terminal_days=10,
)  # fmt: skip
"""20,000 transactions, a tenth of a second; frauds enough for each part."""


def written(folder: Path, **changes: object) -> Path:
    """The portfolio as a Parquet file with the simulator's column names, and further columns if given."""
    path = folder / "toy.parquet"
    table = simulate(TOY)
    for name, values in changes.items():
        table = table.append_column(name, values)
    pq.write_table(table, path)
    return path
