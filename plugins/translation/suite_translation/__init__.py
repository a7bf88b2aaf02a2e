"""Translation: strings and files into other languages, placeholders intact; fine-tune on your own strings."""

from __future__ import annotations

from collections.abc import Iterable

from suite import Entry, hookimpl


@hookimpl
def suite_domains() -> Iterable[Entry]:
    """The one domain of this plugin."""
    summary = "Translate texts and files, placeholders intact; fine-tune on your own strings."
    return [Entry("translation", summary, "suite_translation.domain:TRANSLATION")]


@hookimpl
def suite_commands() -> Iterable[Entry]:
    """The verb that only files of strings need."""
    summary = "Translate a PO, XLIFF, TMX, CSV, JSON or SRT file into another language."
    return [Entry("translation localize", summary, "suite_translation.commands.localize:localize")]
