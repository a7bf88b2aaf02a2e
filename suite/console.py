"""What a person at a terminal sees: lines, tables and progress bars; quiet when asked or when nobody looks.

Lines go through the logger "suite", whose one handler prints them on stderr. Who uses Suite as a library has them as
any logger's: `logging.getLogger("suite").setLevel("WARNING")` leaves warnings only, another handler instead of
`handlers[0]` takes them elsewhere, and after `handlers.clear()` with `propagate = True` they join everybody's.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm  # with what the command does: its help shows no bar

_NUMBER = re.compile(r"[-+]?\d[\d.,]*(e[-+]?\d+)?( ?%)?")


def quiet() -> bool:
    """Whether `-q` was given (it sets `SUITE_QUIET`, so that child processes know too), or another process speaks."""
    return os.environ.get("SUITE_QUIET") == "1" or os.environ.get("RANK", "0") != "0"


class TerminalHandler(logging.Handler):
    """Prints each message on stderr, whatever that is at the time, so that stdout holds results only."""

    def emit(self, record: logging.LogRecord) -> None:
        """A line, or several; a warning begins with that word."""
        mark = "Warning: " if record.levelno >= logging.WARNING else ""
        print(f"{mark}{self.format(record)}", file=sys.stderr, flush=True)  # noqa: T201 - the one place that prints


_LOGGER = logging.getLogger("suite")
_LOGGER.setLevel(logging.INFO)
_LOGGER.propagate = False  # a root logger that somebody set up would print each line once more
_LOGGER.addHandler(TerminalHandler())


def say(text: str = "") -> None:
    """A line for people, unless it is to be quiet."""
    if not quiet():
        _LOGGER.info(text)


def warn(text: str) -> None:
    """A line that must not be missed; printed even when quiet."""
    _LOGGER.warning(text)


def result(text: str) -> None:
    """What the command was asked for, on stdout."""
    print(text, flush=True)  # noqa: T201


def typed(text: str) -> None:
    """A part of what the command was asked for, on stdout, seen at once."""
    print(text, end="", flush=True)  # noqa: T201


@contextmanager
def line_ended() -> Iterator[None]:
    """What is `typed` inside is a line of its own, also where Ctrl-C or an error cuts it short."""
    try:
        yield
    finally:
        result("")


class _Aside:
    """How many threads are inside `aside`, and what stdout was before the first of them came."""

    def __init__(self) -> None:
        self.lock, self.inside, self.stdout = threading.Lock(), 0, sys.stdout
        self.copy: int | None = None

    def enter(self) -> None:
        with self.lock:
            self.inside += 1
            if self.inside == 1:
                self.stdout, self.copy = sys.stdout, _moved(2)
                sys.stdout = sys.stderr

    def leave(self) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                sys.stdout = self.stdout
                if self.copy is not None:
                    os.dup2(self.copy, 1)
                    os.close(self.copy)


def _moved(target: int) -> int | None:
    """Lets what C and other programs write to file 1 go to `target`; returns a copy of 1, None where there is none."""
    if sys.stdout:
        sys.stdout.flush()
    try:
        os.fstat(target)
        copy = os.dup(1)
    except OSError:  # closed, as in `suite list >&-`
        return None
    os.dup2(target, 1)
    return copy


_ASIDE = _Aside()


@contextmanager
def aside() -> Iterator[None]:
    """What is printed inside goes to stderr, whoever prints it: stdout holds results only, and modules print."""
    _ASIDE.enter()
    try:
        yield
    finally:
        _ASIDE.leave()


def bar(
    iterable: Iterable[Any] | None = None, *, description: str, total: int | None = None, unit: str = "it"
) -> tqdm[Any]:
    """A progress bar with time left on stderr; invisible when quiet, or when stderr is no terminal or notebook."""
    from tqdm import tqdm  # with what the command does: its help shows no bar

    seen = sys.stderr.isatty() or "ipykernel" in sys.modules  # a notebook shows bars and is no terminal
    hidden = quiet() or not seen
    return tqdm(iterable, desc=description, total=total, unit=unit, disable=hidden, dynamic_ncols=True, leave=False)


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Aligned text columns: numbers to the right, three decimals below 1000; the last column is free to be long."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(head), *(len(row[i]) for row in cells), 0) for i, head in enumerate(header)]
    numeric = [all(_NUMBER.fullmatch(row[i]) or row[i] in ("", "–") for row in cells) for i in range(len(header))]
    lines = [list(header), *cells]
    return "\n".join(
        "  ".join(
            text.rjust(w) if right else text.ljust(w) for text, w, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in lines
    )


def plain(markdown: str) -> str:
    """Markdown for a terminal: its tables in aligned columns."""
    parts = [(piped, list(lines)) for piped, lines in groupby(markdown.splitlines(), lambda line: line[:1] == "|")]
    return "\n".join(_aligned(lines) if piped else "\n".join(lines) for piped, lines in parts)


def _aligned(lines: list[str]) -> str:
    header, *rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    kept = [row for row in rows if set("".join(row)) - set(":-")]  # without the line below the header
    whole = all(len(row) == len(header) for row in kept)
    return table(header, kept) if whole else "\n".join(lines)


def duration(seconds: float) -> str:
    """`42 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 1000 else f"{value:.0f}"  # a count has no thousandths
    return "–" if value is None else str(value)
