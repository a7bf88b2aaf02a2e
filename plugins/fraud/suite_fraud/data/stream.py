"""Tables of any size, block by block: CSV and Parquet in, alerts in CSV, JSON lines or Parquet out."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from suite import SuiteError, decoding, inert
from suite_fraud.data.columns import ALIASES, COLUMNS

ROWS = 200_000
"""Rows per block. Each block is joined with the weeks before it, so larger ones cost less; this takes some 100 MB."""
INPUTS, OUTPUTS = (".csv", ".parquet"), (".csv", ".jsonl", ".parquet")
_BYTES = 16 << 20
_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?")
_MAYBE = r"^['=+\-@\t\r\n\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}]"
"""What a text begins with that `inert` may have to change: most columns have none, and are not looked at one by one."""


def columns(path: Path) -> list[str]:
    """Column names of a table. Raises `SuiteError` if there is no such file, or none of a kind that can be read."""
    if path.suffix.lower() not in INPUTS:
        raise SuiteError(f"Cannot read {path.name}: give a file that ends in .csv or .parquet.")
    if not path.is_file():
        raise SuiteError(f"There is no file {str(path)!r}.")
    with decoding(path.name):
        if path.suffix.lower() == ".parquet":
            return list(pq.read_schema(path).names)
        with pyarrow.csv.open_csv(path) as reader:
            return list(reader.schema.names)


def blocks(
    path: Path, wanted: list[str], *, rows: int = ROWS, texts: frozenset[str] = frozenset(), verbatim: bool = False
) -> Iterator[pa.Table]:
    """The wanted columns in blocks of about so many rows; those of `texts` as strings, if the file is a CSV.

    A CSV's other columns have the kind that its first megabytes suggest; `verbatim` makes all of them the text they
    are, so that they can be written again as they were.
    """
    with decoding(path.name):
        yield from _sized(
            _parquet(path, wanted, rows) if path.suffix.lower() == ".parquet" else _csv(path, wanted, texts, verbatim),
            rows,
        )


def _parquet(path: Path, wanted: list[str], rows: int) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=rows, columns=wanted):
            batch.validate(full=True)  # Arrow takes texts that are no UTF-8 as they are
            yield pa.Table.from_batches([batch])


def _csv(path: Path, wanted: list[str], texts: frozenset[str], verbatim: bool) -> Iterator[pa.Table]:
    types = dict.fromkeys(wanted if verbatim else texts, pa.string())
    nulls = {"null_values": [""]} if verbatim else {}  # "NA" may be Namibia
    convert = pyarrow.csv.ConvertOptions(include_columns=wanted, column_types=types, strings_can_be_null=True, **nulls)
    with pyarrow.csv.open_csv(
        path, read_options=pyarrow.csv.ReadOptions(block_size=_BYTES), convert_options=convert
    ) as reader:
        for batch in reader:
            yield pa.Table.from_batches([batch])


def _sized(tables: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of exactly `rows`, but for the last."""
    waiting: list[pa.Table] = []
    count = 0
    for table in tables:
        waiting.append(table)
        count += len(table)
        while count >= rows:
            joined = pa.concat_tables(waiting)
            yield joined.slice(0, rows)
            waiting, count = [joined.slice(rows)], count - rows
    if count:
        yield pa.concat_tables(waiting)


class Writer(Protocol):
    """Takes tables of one schema, in order."""

    def write(self, table: pa.Table) -> None:
        """Appends the rows."""


@contextmanager
def writing(path: Path, schema: pa.Schema, *, verbatim: bool = False) -> Iterator[Writer]:
    """A writer whose file appears when all is written, or not at all; its ending picks the format.

    Texts of a CSV that a spreadsheet would run are made inert; with `verbatim`, which all cells are texts of, numbers
    stay.

    Raises `SuiteError` for an ending that is none of .csv, .jsonl and .parquet, or a folder that is not there.
    """
    check_output(path)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with _open(aside, path.suffix.lower(), schema, verbatim) as writer:
            yield writer
        aside.replace(path)
    finally:
        with suppress(FileNotFoundError):
            aside.unlink()


def check_output(path: Path, *sources: Path) -> None:
    """Raises `SuiteError` if no table can be written there, or if it would replace one of those that are read."""
    if path.resolve() in [source.resolve() for source in sources]:
        raise SuiteError(f"{path} is the file that is read; give another one with --output.")
    if path.suffix.lower() not in OUTPUTS:
        raise SuiteError(f"Cannot write {path.name}: give --output an ending of .csv, .jsonl or .parquet.")
    if not path.parent.is_dir():
        raise SuiteError(f"There is no folder {str(path.parent)!r} to write {path.name} in; make it first.")


@contextmanager
def _open(path: Path, ending: str, schema: pa.Schema, verbatim: bool) -> Iterator[Writer]:
    if ending == ".parquet":
        with pq.ParquetWriter(path, schema) as parquet:
            yield _Arrow(parquet)
    elif ending == ".csv":
        named = pa.schema([field.with_name(inert(field.name)) for field in schema])
        with pyarrow.csv.CSVWriter(path, named) as text:
            yield _Csv(text, verbatim)
    else:
        with path.open("w", encoding="utf-8") as lines:
            yield _Lines(lines)


class _Arrow:
    def __init__(self, file: Any) -> None:
        self.file = file

    def write(self, table: pa.Table) -> None:
        self.file.write_table(table)


class _Csv(_Arrow):
    def __init__(self, file: Any, verbatim: bool) -> None:
        super().__init__(file)
        self.verbatim = verbatim

    def write(self, table: pa.Table) -> None:
        for place, field in enumerate(table.schema):
            kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
            if pa.types.is_string(kind) or pa.types.is_large_string(kind):
                texts = table[place].cast(kind)
                if pc.any(pc.match_substring_regex(texts, _MAYBE)).as_py():
                    texts = pa.chunked_array([pa.array([self._inert(text) for text in texts.to_pylist()], kind)])
                    table = table.set_column(place, field.name, texts.cast(field.type))
        self.file.write_table(table.rename_columns([inert(name) for name in table.column_names]))

    def _inert(self, text: str | None) -> str | None:
        return text if self.verbatim and text and _NUMBER.fullmatch(text) else inert(text)


class _Lines(_Arrow):
    def write(self, table: pa.Table) -> None:
        for row in table.to_pylist():
            self.file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")


def mapping(names: list[str], given: Mapping[str, str], remembered: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our columns to those of a file that has these names: as `given`, else by their names.

    `remembered` are those a model was taught on; they count where they are there. Raises `SuiteError` for a given
    column that is not there, and where none is found for what every transaction has.
    """
    for ours, theirs in given.items():
        if theirs not in names:
            raise SuiteError(f"There is no column {theirs!r} for {ours}; the file has: {', '.join(names)}.")
    remembered = remembered or {}
    theirs_by_ours: dict[str, str] = {}
    for column in COLUMNS:
        options = [remembered.get(column.name, column.name), column.name, *ALIASES[column.name]]
        options = [given[column.name]] if column.name in given else [n for n in options if n not in given.values()]
        there = [name for name in options if name in names and name not in theirs_by_ours.values()]
        if there:
            theirs_by_ours[column.name] = there[0]
        elif column.required:
            raise SuiteError(
                f"No column for {column.name!r} ({column.summary}) among {', '.join(names)}; "
                f"say which: --columns {column.name}=THEIRS."
            )
    return theirs_by_ours
