"""Which line of a file a row is: counted when somebody must be told, not while rows are read."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

from suite.tables.layout import Layout, layout

_TEXT = (".jsonl", ".ndjson")
_TABLES = (".csv", ".tsv")


def numbered(path: Path, rows: Collection[int]) -> tuple[str, dict[int, int]]:
    """What is counted in a file, and the number, from 1, of each of its rows, which count from 0 without a header.

    Lines are those a text editor counts: blank ones and ones inside a quoted field too. The file is read once, as far
    as the last of the rows.
    """
    suffix = path.suffix.lower()
    last = max(rows, default=-1)
    if suffix in _TABLES:
        starts: Iterator[int] = islice(_records(path, layout(path)), 1, last + 2)  # the first is the header
    elif suffix in _TEXT or (suffix == ".json" and _is_lines(path)):
        starts = islice(_written(path), last + 1)
    else:
        return "entry" if suffix == ".json" else "row", {row: row + 1 for row in rows}
    wanted = set(rows)
    return "line", {row: line for row, line in enumerate(starts) if row in wanted}


def _written(path: Path) -> Iterator[int]:
    """The numbers of the lines that are not blank."""
    with path.open("rb") as opened:
        for number, line in enumerate(opened, start=1):
            if line.strip():
                yield number


def _records(path: Path, how: Layout) -> Iterator[int]:
    """The number of the line on which each record of a table begins."""
    with path.open(encoding=how.encoding, errors="replace", newline="") as opened:
        if not how.quoted:
            yield from (number for number, line in enumerate(opened, start=1) if line.strip("\r\n"))
            return
        reader, before = csv.reader(opened, delimiter=how.delimiter), 0
        for record in reader:
            if record:  # a blank line is none, as for the reader of rows
                yield before + 1
            before = reader.line_num


def _is_lines(path: Path) -> bool:
    """Whether a .json file holds an object a line rather than one list."""
    with path.open("rb") as opened:
        first = next((line for line in opened if line.strip()), b"").strip()
        return first.startswith(b"{") and first.endswith(b"}") and any(line.strip() for line in opened)
