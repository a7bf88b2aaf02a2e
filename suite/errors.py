"""The one exception that becomes a message; everything else is a bug and keeps its traceback."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from suite.console import warn


class SuiteError(Exception):
    """A mistake the user can mend: one sentence saying what was given, what was possible, what to do.

    The command line prints it without a traceback and exits with status 2. `changes` are options with which a run that
    ended so can be tried again, where to go on with it as it is would end alike.
    """

    def __init__(self, message: str, *, changes: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.changes = dict(changes or {})


@contextmanager
def logged(what: str) -> Iterator[None]:
    """For clean-up alone: an exception of the block becomes a warning, so that it never takes another one's place."""
    try:
        yield
    except Exception as error:
        warn(f"{what} failed: {type(error).__name__}: {error}")


@contextmanager
def afterwards(step: Callable[[], object], what: str) -> Iterator[None]:
    """Takes `step` after the block, as `finally` does, but what the block raised stays what is raised.

    Where the block worked, the step's own exception is raised: its work may be what was asked for.
    """
    try:
        yield
    except BaseException:
        with logged(what):
            step()
        raise
    step()


def unknown(kind: str, given: str, known: Iterable[str], *, hint: str = "") -> SuiteError:
    """The error for a name nobody knows: names the nearest one, then all of them.

    >>> str(unknown("domain", "wether", ["weather", "tides"]))
    "No domain 'wether'. Did you mean 'weather'? Known: tides, weather."
    """
    names = sorted(known)
    near = difflib.get_close_matches(str(given), names, n=1)  # YAML's names may be dates or nothing
    parts = [f"No {kind} {given!r}."]
    if near:
        parts.append(f"Did you mean {near[0]!r}?")
    parts.append(f"Known: {', '.join(names) or 'none'}.")
    if hint:
        parts.append(hint)
    return SuiteError(" ".join(parts))
