"""Fraud: which transactions of a portfolio to look at first, learned and tested without looking ahead."""

from __future__ import annotations

from collections.abc import Iterable

from suite import Entry, hookimpl


@hookimpl
def suite_domains() -> Iterable[Entry]:
    """The one domain of this plugin."""
    summary = "Rank transactions by how likely they are fraud; fine-tune on any transaction table."
    return [Entry("fraud", summary, "suite_fraud.domain:FraudDomain")]
