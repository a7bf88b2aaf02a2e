"""Every hook of Suite. A hook takes no argument and returns an iterable of `Entry`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pluggy

hookspec = pluggy.HookspecMarker("suite")
hookimpl = pluggy.HookimplMarker("suite")
"""Marks a function of a plugin as the hook of its name."""


@dataclass(frozen=True)
class Entry:
    """One thing a plugin offers: listed by name and summary, imported only when used.

    `target` is `"package.module:attribute"`.
    """

    name: str
    summary: str
    target: str


@hookspec
def suite_domains() -> Iterable[Entry]:
    """Applications: each target is a `Domain`, run as `suite NAME train`."""
    return ()


@hookspec
def suite_commands() -> Iterable[Entry]:
    """Commands: each target is a `click.Command`; `"weather stations"` adds a verb to a domain."""
    return ()


@hookspec
def suite_callbacks() -> Iterable[Entry]:
    """Training callbacks and trackers: each target is a `Callback` subclass, named in `callbacks`."""
    return ()


@hookspec
def suite_sources() -> Iterable[Entry]:
    """Places data come from, used as `--data NAME:reference`: each target is a function of reference and `Task` that
    returns a `datasets.Dataset` ([an example](sources.md))."""
    return ()


@hookspec
def suite_pages() -> Iterable[Entry]:
    """Pages of the web app: each target is a function that builds one inside an open Blocks."""
    return ()
