"""Where each row was read from: a file, and which of its lines, rows or entries it is."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from suite.tables.lines import numbered
from suite.tables.store import column

if TYPE_CHECKING:
    from datasets import Dataset

_FILE, _NUMBER = "__file__", "__number__"
"""Columns in which a reader says where a row is from; the core takes them out before anybody sees the rows."""
_KEY = b"suite.runs"
"""In the metadata of an Arrow table: the runs of rows it was put together from."""
_SHOWN = 3
"""Places named where there are many: enough to look them up, few enough to read."""


class Place(NamedTuple):
    """A file, as it is called below what the user named, and a number in it, None where the file is the row."""

    file: str
    number: int | None
    unit: str
    """What is counted: the lines of a text file, else rows or entries, all from 1."""


class Run(NamedTuple):
    """Rows that follow each other in a file as they do in the data."""

    path: Path
    start: int
    """The first row's number in the file, from 0, headers aside; -1 where it is not known."""
    size: int
    unit: str = ""
    """What the numbers count, where it is neither lines nor rows nor entries."""


@dataclass(frozen=True)
class Origin:
    """The runs of rows that the data are made of, in order, and the files that were left unread, by ending."""

    root: Path = Path()
    runs: tuple[Run, ...] = ()
    unread: dict[str, int] = field(default_factory=dict)

    def places(self, rows: Sequence[int]) -> list[Place | None]:
        """Where these rows are from; None for those nobody knows of."""
        where = [self._where(row) for row in rows]
        wanted: dict[Path, set[int]] = {}
        for run, number in filter(None, where):
            if number >= 0 and not run.unit:
                wanted.setdefault(run.path, set()).add(number)
        lines = {path: numbered(path, numbers) for path, numbers in wanted.items()}
        return [entry and self._place(*entry, lines.get(entry[0].path)) for entry in where]

    @property
    def files(self) -> set[Path]:
        """The files that rows were read from."""
        return {run.path for run in self.runs}

    @cached_property
    def _ends(self) -> np.ndarray:
        return np.cumsum([run.size for run in self.runs])

    def _where(self, row: int) -> tuple[Run, int] | None:
        place = int(np.searchsorted(self._ends, row, side="right"))
        if place >= len(self.runs):
            return None
        run = self.runs[place]
        inside = row - int(self._ends[place]) + run.size
        return run, inside + run.start if run.start >= 0 else -1

    def _place(self, run: Run, number: int, lines: tuple[str, dict[int, int]] | None) -> Place:
        name = str(run.path.relative_to(self.root)) if run.path.is_relative_to(self.root) else run.path.name
        unit, known = lines or (run.unit, {number: number + 1})
        return Place(name, known.get(number) if number >= 0 else None, unit)


def joined(tables: Sequence[pa.Table], whole: pa.Table) -> pa.Table:
    """`whole`, put together from the rows of `tables` in order, with the runs of all of them."""
    return with_runs(whole, [run for table in tables for run in runs_of(table)])


def with_runs(table: pa.Table, runs: Iterable[Run]) -> pa.Table:
    """The table, in whose metadata the runs are noted."""
    kept = [[str(run.path), run.start, run.size] for run in runs]
    return table.replace_schema_metadata({**(table.schema.metadata or {}), _KEY: json.dumps(kept).encode()})


def runs_of(table: pa.Table) -> tuple[Run, ...]:
    """What `with_runs` noted."""
    kept = json.loads((table.schema.metadata or {}).get(_KEY, b"[]"))
    return tuple(Run(Path(path), start, size) for path, start, size in kept)


def without_runs(table: pa.Table) -> pa.Table:
    """The table as it was before `with_runs`."""
    return table.replace_schema_metadata({k: v for k, v in (table.schema.metadata or {}).items() if k != _KEY})


def located(rows: Dataset, files: Sequence[str | Path], numbers: Sequence[int] = (), unit: str = "") -> Dataset:
    """The rows with where each is from, for `Data.read`: a file, and the number of the row in it, counted from 0.

    Of a table the number leaves out the header; findings then name the line. Of other files say what is counted, such
    as "string". Without `numbers` the file alone is named.
    """
    marked = rows.add_column(_FILE, [f"{unit}\0{file}" for file in files])
    return marked.add_column(_NUMBER, list(numbers) or [-1] * len(rows))


def taken(rows: Dataset, root: Path) -> tuple[Dataset, Origin | None]:
    """The rows without what `located` added, and that; None where nothing was added."""
    if _FILE not in rows.column_names:
        return rows, None
    runs = tuple(_runs(column(rows, _FILE).to_pylist(), column(rows, _NUMBER).to_pylist()))
    return rows.remove_columns([_FILE, _NUMBER]), Origin(root, runs)


def _runs(files: list[str], numbers: list[int]) -> Iterator[Run]:
    start = 0
    for row in range(1, len(files) + 1):
        follows = row < len(files) and files[row] == files[row - 1] and _next(numbers[row - 1], numbers[row])
        if not follows:
            unit, _, path = files[start].partition("\0")
            yield Run(Path(path), numbers[start], row - start, unit)
            start = row


def _next(before: int, number: int) -> bool:
    return number == before + 1 if before >= 0 else number == before


def in_words(places: Sequence[Place | None], rows: Sequence[int]) -> str:
    """`(words.csv, line 3)`, `(12 rows: words.csv, lines 3, 5, 8, …)`; `row 3` where nothing else is known."""
    shown = "; ".join(_by_file(places[:_SHOWN], rows[:_SHOWN]))
    if len(rows) == 1:
        return f"({shown})"
    return f"({len(rows):,} rows: {shown}{', …' if len(rows) > _SHOWN else ''})"


def _by_file(places: Sequence[Place | None], rows: Sequence[int]) -> Iterator[str]:
    """Places of one file together; bare numbers of rows where no file is known."""
    files: dict[Any, list[str]] = {}
    for place, row in zip(places, rows, strict=True):
        key = (place.file, place.unit if place.number is not None else "") if place else None
        number = str(row) if place is None else "" if place.number is None else f"{place.number:,}"
        files.setdefault(key, []).append(number)
    for key, numbers in files.items():
        if key is None:
            yield f"row {numbers[0]}" if len(rows) == 1 else ", ".join(numbers)
        elif not key[1]:
            yield key[0]
        else:
            yield f"{key[0]}, {key[1]}{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"


def unread(folder: Path, known: set[str], reads: Callable[[Path], bool]) -> dict[str, int]:
    """How many files below `folder`, by ending, are none of `known` (absolute paths) and were not read besides.

    The most frequent ending comes first.
    """
    endings: Counter[str] = Counter()
    for path in _below(folder):
        if str(path) not in known and not reads(path):
            endings[path.suffix.lower() or "no ending"] += 1
    return dict(endings.most_common())


def _below(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(where, name) for name in files if not name.startswith("."))
