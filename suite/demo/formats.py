"""Numbers, shares, times and lists as every page writes them. Text in, text out: nothing here is HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

NARROW = "\N{NARROW NO-BREAK SPACE}"
"""Before a percent sign, which must not begin a line."""
MISSING = "–"
"""What is not a number."""


def number(value: float, digits: int = 0) -> str:
    """A number with `digits` decimals, thousands separated and a true minus.

    >>> number(1234567.891), number(-1234.5, 2), number(-0.2)
    ('1,234,568', '−1,234.50', '0')
    """
    if math.isnan(value):
        return MISSING
    rounded = round(value, digits) + 0.0  # 0.0 takes the sign of a negative zero away
    return f"{rounded:,.{digits}f}".replace("-", "−")


def percent(share: float, digits: int = 0) -> str:
    """A probability from 0 to 1 in words that never promise certainty.

    >>> [percent(one).replace(NARROW, " ") for one in (0.9996, 0.5, 0.004)]
    ['> 99 %', '50 %', '< 1 %']
    >>> percent(0.9996, 1).replace(NARROW, " ")
    '> 99.9 %'
    """
    if math.isnan(share):
        return MISSING
    least = 10.0**-digits  # one step of the last decimal, in percent
    value = 100 * share
    if value >= 100 - least / 2:
        return f"> {100 - least:.{digits}f}{NARROW}%"
    return f"< {least:.{digits}f}{NARROW}%" if value < least else f"{value:.{digits}f}{NARROW}%"


def clock(seconds: float) -> str:
    """A length or a place in time, to a tenth of a second.

    >>> clock(59.96), clock(3661.24)
    ('1:00.0', '1:01:01.2')
    """
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    front = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{front}:{rest // 10:02}.{rest % 10}"


def when(time: str | datetime) -> str:
    """A date and time to the minute; `time` is a datetime or begins as ISO 8601 writes one.

    >>> when("2026-03-01T12:30:59")
    '2026-03-01 12:30'
    """
    return str(time)[:16].replace("T", " ")


def counted(count: int, noun: str, plural: str = "") -> str:
    """How many of what; `plural` where an s does not make it.

    >>> counted(1, "segment"), counted(1200, "segment"), counted(2, "is a copy", "are copies")
    ('1 segment', '1,200 segments', '2 are copies')
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def listed(names: Sequence[str], last: str = "and") -> str:
    """Names in a row; empty without any.

    >>> listed(["a", "b", "c"]), listed(["a", "b"], "or"), listed([])
    ('a, b and c', 'a or b', '')
    """
    return f" {last} ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
