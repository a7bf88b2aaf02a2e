"""Fraud: which transactions of a portfolio to look at first, learned and tested without looking ahead."""

from __future__ import annotations

from collections.abc import Iterable

from suite import Entry, hookimpl


@hookimpl
def suite_domains() -> Iterable[Entry]:
    """The one domain of this plugin."""
    summary = "Rank transactions by how likely they are fraud; fine-tune on any transaction table."
    return [Entry("fraud", summary, "suite_fraud.domain:FRAUD")]


@hookimpl
def suite_commands() -> Iterable[Entry]:
    """What only transactions need: streams, portfolios made up, tests through time, small trees."""
    return [
        Entry(
            "fraud score", "Score a file of any size, with reasons for each alert.", "suite_fraud.commands.files:score"
        ),
        Entry("fraud simulate", "Make up a portfolio of card transactions.", "suite_fraud.commands.files:simulate"),
        Entry("fraud labels", "Write a table with the labels analysts gave.", "suite_fraud.commands.labels:labels"),
        Entry("fraud drift", "Tell weekly drift, and when to train anew.", "suite_fraud.commands.files:drift"),
        Entry(
            "fraud prequential",
            "Test every system on successive weeks.",
            "suite_fraud.commands.prequential:prequential",
        ),
        Entry(
            "fraud unlabelled",
            "Learn what is odd where there are no labels.",
            "suite_fraud.commands.unlabelled:unlabelled",
        ),
        Entry(
            "fraud student", "Export a run's best system as a small LightGBM.", "suite_fraud.commands.student:student"
        ),
    ]
