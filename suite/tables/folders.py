"""Reads a folder: a table beside its files, tables or folders named after splits, or a folder per class."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa

from suite.decoders import check_name
from suite.errors import SuiteError
from suite.tables.columns import SPLIT, Column
from suite.tables.origin import Run, joined, with_runs
from suite.tables.readers import SUFFIXES, Reading, read_table
from suite.tables.splits import ALIASES

ENDINGS = {
    "audio": (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".aiff"),
    "image": (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
}
"""Endings that make a file one of its kind."""
_METADATA = tuple(f"metadata{suffix}" for suffix in (".csv", ".jsonl", ".parquet"))
"""The hub's name for the table that describes the files beside it."""


def read_folder(folder: Path, reading: Reading) -> pa.Table:
    """All rows of a folder; file columns hold names relative to it, and a `split` column is there if it has splits.

    In this order: metadata.csv (.jsonl, .parquet); tables named train, validation, test; folders so named; the only
    table; files in a folder per class. Raises `SuiteError` telling what is there if that is none of these.
    """
    entries = _entries(folder)
    if not entries:
        raise SuiteError(f"The folder {folder} is empty; give a table such as metadata.csv, or files.")
    tables = [path for path in entries if path.is_file() and path.suffix.lower() in SUFFIXES]
    if metadata := [path for path in tables if path.name in _METADATA]:
        return _table(metadata[0], reading)
    if by_split := [(name, path) for path in tables if (name := _split_of(path))]:
        return _joined([_marked(_table(path, reading), name) for name, path in by_split], folder)
    if by_split := [(name, path) for path in entries if path.is_dir() and (name := _split_of(path))]:
        parts = [_below(read_folder(path, reading), path.name, reading) for _, path in by_split]
        return _joined([_marked(part, name) for part, (name, _) in zip(parts, by_split, strict=True)], folder)
    if len(tables) == 1:
        return _table(tables[0], reading)
    if len(tables) > 1:
        names = ", ".join(path.name for path in tables)
        raise SuiteError(f"{folder} holds several tables ({names}); give one, or name them train, validation and test.")
    return _files(folder, entries, reading)


def _table(path: Path, reading: Reading) -> pa.Table:
    table = read_table(path, reading)
    return with_runs(table, [Run(path, 0, table.num_rows)])


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise SuiteError(f"Cannot read the folder {folder}: {error.strerror}.") from None


def _split_of(path: Path) -> str | None:
    """Split by the name of a file or folder: `train`, `dev.csv`, `test-00000-of-00001.parquet`."""
    return ALIASES.get(path.name.partition(".")[0].partition("-")[0].lower())


def _marked(table: pa.Table, split: str) -> pa.Table:
    if SPLIT in table.column_names:
        table = table.drop_columns(SPLIT)
    return table.append_column(SPLIT, pa.array([split] * table.num_rows, pa.string()))


def _below(table: pa.Table, folder: str, reading: Reading) -> pa.Table:
    """File names relative to `folder`, made relative to its parent."""
    for ours, theirs in reading.mapping(table.column_names).items():
        place = table.column_names.index(theirs)
        if ours in reading.columns.files and pa.types.is_string(table.schema.field(place).type):
            names = [name and os.path.join(folder, name) for name in table.column(place).to_pylist()]  # noqa: PTH118
            table = table.set_column(place, theirs, pa.array(names, pa.string()))
    return table


def _joined(tables: list[pa.Table], folder: Path) -> pa.Table:
    try:
        return joined(tables, pa.concat_tables(tables, promote_options="permissive"))
    except pa.ArrowException as error:
        raise SuiteError(f"The tables in {folder} don't go together: {str(error).splitlines()[0]}") from None


def _files(folder: Path, entries: list[Path], reading: Reading) -> pa.Table:
    """A row per file, with the name of its folder as its label if files lie in folders."""
    column = _file_column(folder, entries, reading)
    names = _walk(folder, ENDINGS[column.kind])
    if not names:
        raise SuiteError(
            f"The folder {folder} holds {_told(entries)}, but no {column.kind} file "
            f"({', '.join(ENDINGS[column.kind])}) and no table ({', '.join(SUFFIXES)})."
        )
    rows: dict[str, Any] = {column.name: names}
    if any(len(Path(name).parts) > 1 for name in names):
        rows[_label(reading)] = [Path(name).parent.name or None for name in names]
    return pa.table({name: pa.array(values, pa.string()) for name, values in rows.items()})


def _file_column(folder: Path, entries: list[Path], reading: Reading) -> Column:
    columns = [column for column in reading.columns if column.name in reading.columns.files]
    if len(columns) != 1:
        raise SuiteError(
            f"The folder {folder} holds {_told(entries)}, but no table ({', '.join(SUFFIXES)}), which is needed here."
        )
    return columns[0]


def _label(reading: Reading) -> str:
    categories = [column.name for column in reading.columns if column.kind == "category"]
    return categories[0] if categories else "label"


def _walk(folder: Path, endings: tuple[str, ...]) -> list[str]:
    """Names below `folder`, sorted. Folders that are links are not entered; linked files meet the gate later."""
    names = []
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inside = Path(where).relative_to(folder)
        names += [
            str(inside / name) for name in sorted(files) if name.lower().endswith(endings) and not name.startswith(".")
        ]
    for name in names:
        check_name(name)
    return names


def _told(entries: list[Path]) -> str:
    names = [path.name for path in entries[:3]]
    return ", ".join(names) + (f" and {len(entries) - 3} more" if len(entries) > 3 else "")
