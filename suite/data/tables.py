"""Reads CSV, TSV, Parquet, JSON and JSONL files into Arrow tables, types and text as they stand in the file.

Unlike most readers: "NA" stays text, "007" stays "007" in columns the domain reads as text, category or id, and a row
with a field too many is an error that names its line, not a guess.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite import console
from suite.data.columns import SPLIT, Columns, match_columns
from suite.errors import SuiteError

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".json")
"""Endings of the files this reads."""
_AS_TEXT = ("text", "category", "id", "audio", "image")
"""Kinds whose values are read as they are written, never as numbers or dates."""
_LARGE = 32 << 20
"""Bytes above which a Parquet file is unpacked to the cache and mapped into memory rather than loaded."""
_HEAD = 1 << 16
"""Bytes looked at to tell text from other files and to find the delimiter."""
_FIELD = r'(?:"(?:[^"]|"")*"|[^"\t][^\t]*)?'
_QUOTED_LINE = re.compile(rf"{_FIELD}(?:\t{_FIELD})*")
"""A line of a tab-separated file whose quotes, if any, enclose whole fields."""


@dataclass(frozen=True)
class Reading:
    """What the reader must know of the domain: its columns, and the mapping that the user gave."""

    columns: Columns
    given: Mapping[str, str]

    def mapping(self, names: Iterable[str]) -> dict[str, str]:
        """Our column names to the data's."""
        return match_columns(names, self.columns, self.given)

    def texts(self, names: Iterable[str]) -> set[str]:
        """The data's columns that must be read as text."""
        ours = {column.name for column in self.columns if column.kind in _AS_TEXT} | {SPLIT}
        return {theirs for name, theirs in self.mapping(names).items() if name in ours}


def read_table(path: Path, reading: Reading) -> pa.Table:
    """The rows of one file. Raises `SuiteError` naming file and line for what can't be read."""
    import pyarrow as pa

    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise SuiteError(f"Cannot read {path}: {suffix or 'no ending'} is not one of {', '.join(SUFFIXES)}.")
    try:
        if path.stat().st_size == 0:
            raise SuiteError(f"{path} is empty.")
        table = _READERS[suffix](path, reading)
    except (OSError, pa.ArrowException, csv.Error, UnicodeError, RecursionError) as error:
        raise SuiteError(f"Cannot read {path}: {str(error).splitlines()[0].rstrip('.')}.") from None
    if table.num_rows == 0:
        raise SuiteError(f"{path} holds no row.")
    return _checked_names(table, path)


def _checked_names(table: pa.Table, path: Path) -> pa.Table:
    names = [name or f"column_{number}" for number, name in enumerate(table.column_names, start=1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SuiteError(f"{path} has several columns named {twice[0]!r}; rename all but one.")
    return table.rename_columns(names)


def _read_csv(path: Path, reading: Reading) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    encoding = _encoding(path)
    head = _head(path).decode(encoding, errors="replace")
    delimiter = "\t" if path.suffix.lower() == ".tsv" else _delimiter(head)
    quote: str | bool = '"'
    if delimiter == "\t" and _has_stray_quotes(path, encoding):
        quote = False
    names = next(iter(_records(head, delimiter)), [])
    bad: list[Any] = []

    def keep_bad(row: Any) -> str:
        bad.append(row)
        return "skip"

    # One thread: only then does Arrow know the number of a bad row.
    table = arrow_csv.read_csv(
        path,
        read_options=arrow_csv.ReadOptions(encoding=encoding, use_threads=False),
        parse_options=arrow_csv.ParseOptions(
            delimiter=delimiter,
            quote_char=quote,
            newlines_in_values=quote is not False,
            invalid_row_handler=keep_bad,
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types={name: pa.string() for name in reading.texts(dict.fromkeys(names))},
            null_values=[""],
            strings_can_be_null=True,
        ),
    )
    if bad:
        row = bad[0]
        raise SuiteError(
            f"{path}: row {row.number} has {row.actual_columns} fields where the header has {row.expected_columns} "
            f"({len(bad)} such rows; the header is row 1); close every quote, and quote fields that hold {delimiter!r}."
        )
    return table


def _head(path: Path) -> bytes:
    with path.open("rb") as opened:
        head = opened.read(_HEAD)
    if not head.strip():
        raise SuiteError(f"{path} is empty.")
    if b"\0" in head and head[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise SuiteError(f"{path} is not a text file, whatever its ending says; give CSV, or name it as what it is.")
    return head


def _encoding(path: Path) -> str:
    """UTF-8 (with or without byte order mark) if the whole file is; else, said aloud, what Windows writes."""
    if path.open("rb").read(2) in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    for encoding in ("utf-8-sig", "cp1252"):
        with suppress(UnicodeDecodeError), path.open(encoding=encoding, newline="") as opened:
            while opened.read(_HEAD):
                pass
            if encoding != "utf-8-sig":
                console.warn(f"{path} is not UTF-8; read as {encoding}. If letters look wrong, save it as UTF-8.")
            return encoding
    console.warn(f"{path} is not UTF-8; read as latin-1. If letters look wrong, save it as UTF-8.")
    return "latin-1"


def _delimiter(head: str) -> str:
    """The one that parts the first records into the most fields, as many in each; else the header's most frequent."""
    best, most = max(",\t;|", key=head.partition("\n")[0].count), 1
    for delimiter in ",\t;|":
        counts = {len(record) for record in _records(head, delimiter)}
        if len(counts) == 1 and max(counts) > most:
            best, most = delimiter, max(counts)
    return best


def _records(head: str, delimiter: str) -> list[list[str]]:
    """The first records, header included; the last is left out if the head may end within it."""
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
    records = [record for record in islice(reader, 20) if record]
    return records[:-1] if len(records) > 1 and len(head) >= _HEAD // 4 else records


def _has_stray_quotes(path: Path, encoding: str) -> bool:
    """Whether quotes in a tab-separated file are plain characters, as corpora of recordings have them."""
    with path.open(encoding=encoding, newline="") as opened:
        return any('"' in line and not _QUOTED_LINE.fullmatch(line.rstrip("\r\n")) for line in opened)


def _read_parquet(path: Path, reading: Reading) -> pa.Table:
    import pyarrow as pa
    from pyarrow import parquet

    file = parquet.ParquetFile(path, memory_map=True)
    if path.stat().st_size > _LARGE:
        return _mapped(path, file)
    table = file.read()
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(field.type.value_type))
    return table


def _mapped(path: Path, file: Any) -> pa.Table:
    """A large Parquet file as an Arrow file in the cache, mapped into memory; made anew when the file changes."""
    import pyarrow as pa

    from suite.assets import cache_dir

    stat, place = path.stat(), hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
    folder = cache_dir() / "tables" / place
    target = folder / f"{stat.st_size}-{stat.st_mtime_ns}.arrow"
    if not target.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        for stale in folder.iterdir():
            stale.unlink()
        aside = target.with_suffix(".part")
        with pa.OSFile(str(aside), "wb") as sink, pa.ipc.new_file(sink, file.schema_arrow) as writer:
            for batch in file.iter_batches(batch_size=1000):
                writer.write_batch(batch)
        aside.replace(target)
    return pa.ipc.open_file(pa.memory_map(str(target))).read_all()


def _read_json(path: Path, reading: Reading) -> pa.Table:
    """A JSON list of objects, an object that holds one such list, or an object per line."""
    text = _json_text(path)
    try:
        value = json.loads(text)
    except ValueError:
        return _read_jsonl(path, reading)
    lists = [part for part in value.values() if isinstance(part, list)] if isinstance(value, dict) else [value]
    if isinstance(value, dict) and len(lists) != 1:
        lists = [[value]]
    return _from_objects(path, lists[0], reading)


def _read_jsonl(path: Path, reading: Reading) -> pa.Table:
    objects = []
    for number, line in enumerate(_json_text(path).split("\n"), start=1):
        if line.strip():
            try:
                objects.append(json.loads(line))
            except ValueError as error:
                raise SuiteError(f"{path}: line {number} is not JSON ({error}); give one object per line.") from None
    return _from_objects(path, objects, reading)


def _json_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise SuiteError(f"{path} is not UTF-8, as JSON must be; save it as UTF-8.") from None


def _from_objects(path: Path, objects: list[Any], reading: Reading) -> pa.Table:
    import pyarrow as pa

    for number, value in enumerate(objects, start=1):
        if not isinstance(value, dict):
            raise SuiteError(f"{path}: entry {number} is a {type(value).__name__}, not an object with named values.")
    names = list(dict.fromkeys(name for value in objects for name in value))
    texts = reading.texts(names)
    arrays = []
    for name in names:
        values = [value.get(name) for value in objects]
        if name in texts:
            values = [value if value is None or isinstance(value, str | dict) else str(value) for value in values]
        try:
            arrays.append(pa.array(values))
        except (pa.ArrowException, TypeError) as error:
            raise SuiteError(f"{path}: {name!r} mixes values of several types ({error}); use one.") from None
    return pa.table(arrays, names=names)


_READERS = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".parquet": _read_parquet,
    ".json": _read_json,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
}
