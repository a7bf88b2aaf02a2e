"""The model and data that work with no argument: the pretrained network it ships, and a portfolio made up here."""

from __future__ import annotations

from suite import Asset, Starter, minilm

MODEL = Asset(
    name="fraud-network",
    kind="model",
    summary="network pretrained on simulated portfolios, 0.4 M parameters",
    licence="Apache-2.0",
    url="https://fraud-detection-handbook.github.io/fraud-detection-handbook/",
    shipped="suite_fraud:starter",
)


def _portfolio(name: str, summary: str, convert: str) -> Asset:
    return Asset(
        name=name,
        kind="data",
        summary=summary,
        licence="Apache-2.0",
        url="https://fraud-detection-handbook.github.io/fraud-detection-handbook/",
        convert=f"suite_fraud.starter.portfolios:{convert}",
    )


DATA = _portfolio("simulated-portfolio", "2,000 made-up customers for 75 days, frauds known", "make_small")
HANDBOOK = _portfolio("handbook", "the ULB handbook's portfolio: 5,000 made-up customers, 183 days", "make_handbook")
STARTER = Starter(model=MODEL.name, data=DATA.name, assets=(MODEL, DATA, HANDBOOK, minilm))
