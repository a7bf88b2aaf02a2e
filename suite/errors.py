"""The one exception that becomes a message; everything else is a bug and keeps its traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any


class SuiteError(Exception):
    """A mistake the user can mend: one sentence saying what was given, what was possible, what to do.

    The command line prints it without a traceback and exits with status 2. `changes` are options with which a run that
    ended so can be tried again, where to go on with it as it is would end alike.
    """

    def __init__(self, message: str, *, changes: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.changes = dict(changes or {})


def unknown(kind: str, given: str, known: Iterable[str], *, hint: str = "") -> SuiteError:
    """The error for a name nobody knows: names the nearest one, then all of them.

    >>> str(unknown("domain", "wether", ["weather", "tides"]))
    "No domain 'wether'. Did you mean 'weather'? Known: tides, weather."
    """
    names = sorted(known)
    near = difflib.get_close_matches(given, names, n=1)
    parts = [f"No {kind} {given!r}."]
    if near:
        parts.append(f"Did you mean {near[0]!r}?")
    parts.append(f"Known: {', '.join(names) or 'none'}.")
    if hint:
        parts.append(hint)
    return SuiteError(" ".join(parts))
