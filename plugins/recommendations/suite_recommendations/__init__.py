"""Recommendations: who will want what next, from any log of users and items."""

from __future__ import annotations

from collections.abc import Iterable

from suite import Entry, hookimpl

_COMMANDS = "suite_recommendations.commands.catalogue"


@hookimpl
def suite_domains() -> Iterable[Entry]:
    """The one domain of this plugin."""
    summary = "Recommend what comes next; fine-tune on any log of users and items."
    return [Entry("recommendations", summary, "suite_recommendations.domain:RECOMMENDATIONS")]


@hookimpl
def suite_commands() -> Iterable[Entry]:
    """Two verbs that only a catalogue needs."""
    return [
        Entry("recommendations similar", "Show items like one item, by id or title.", f"{_COMMANDS}:similar"),
        Entry(
            "recommendations add-items",
            "Put new items into a copy of a model, from their texts.",
            f"{_COMMANDS}:add_items",
        ),
    ]
