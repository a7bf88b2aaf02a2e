"""The model and data that work with no argument: the pretrained network it ships, and a portfolio made up here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suite import Asset, Starter, minilm
from suite_fraud.starter.simulate import Portfolio

MODEL = Asset(
    name="fraud-network",
    kind="model",
    summary="network pretrained on simulated portfolios, 0.4 M parameters",
    licence="Apache-2.0",
    url="https://fraud-detection-handbook.github.io/fraud-detection-handbook/",
    shipped="suite_fraud:starter",
)
SMALL = Portfolio(customers=2_000, terminals=4_000, days=75, seed=1, compromised_terminals=1, compromised_customers=2)
"""Two fifths of the handbook's customers and days: a run with its report takes a minute or two."""


def _portfolio(name: str, summary: str, convert: str) -> Asset:
    return Asset(
        name=name,
        kind="data",
        summary=summary,
        licence="Apache-2.0",
        url="https://fraud-detection-handbook.github.io/fraud-detection-handbook/",
        convert=f"suite_fraud.starter.assets:{convert}",
    )


DATA = _portfolio("simulated-portfolio", "2,000 made-up customers for 75 days, frauds known", "make_small")
HANDBOOK = _portfolio("handbook", "the ULB handbook's portfolio: 5,000 made-up customers, 183 days", "make_handbook")
STARTER = Starter(model=MODEL.name, data=DATA.name, assets=(MODEL, DATA, HANDBOOK, minilm))


def make_small(wheels: Sequence[Path], out: Path) -> None:
    """Simulates the small portfolio into `out`."""
    _write(SMALL, out)


def make_handbook(wheels: Sequence[Path], out: Path) -> None:
    """Simulates the handbook's portfolio into `out`."""
    _write(Portfolio(), out)


def _write(portfolio: Portfolio, out: Path) -> None:
    import pyarrow.parquet as pq

    from suite_fraud.starter.simulate import simulate

    pq.write_table(simulate(portfolio), out / "transactions.parquet")
