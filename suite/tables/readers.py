"""Reads CSV, TSV, Parquet, JSON and JSONL files into Arrow tables, types and text as they stand in the file.

A file is read a block at a time; a large one into an Arrow file in the cache, see `store.py`. A JSON list is the
exception, since it ends where its last bracket does: it is read whole.

Unlike most readers: "NA" stays text, "007" stays "007" in columns the domain reads as text, category or id, and a row
with a field too many is an error that names its line, not a guess.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from suite import console
from suite.decoders import decoding
from suite.errors import SuiteError
from suite.tables.columns import SPLIT, Columns, match_columns
from suite.tables.layout import layout
from suite.tables.store import Sink, in_memory, kept

SUFFIXES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".json")
"""Endings of the files this reads."""
_AS_TEXT = ("text", "category", "id", "audio", "image", "structure")
"""Kinds whose values are read as they are written, never as numbers or dates."""
_LARGE = 4 << 20
"""Bytes above which a file is unpacked to the cache and mapped into memory rather than loaded. Reading less takes less
than a second, and less memory than importing torch."""
_BATCH = 8 << 20
"""Bytes that a batch of a Parquet file should hold, unpacked: few hold the memory down, many the number of batches."""
_LINES = 5000
"""JSON objects made into a batch: Python's objects take some ten times the room of the text."""
_EXACT = 1 << 53
"""Whole numbers up to this are exact in floating point."""
_FAILED = re.compile(r"In CSV column #(\d+): .*conversion error")
"""How Arrow says which column's values don't fit its type; another text costs memory, not correctness."""


@dataclass(frozen=True)
class Reading:
    """What the reader must know of the domain: its columns, and the mapping that the user gave."""

    columns: Columns
    given: Mapping[str, str]
    as_written: bool = False
    """Whether all columns of CSV and JSON are read as text, whatever they are."""

    def mapping(self, names: Iterable[str]) -> dict[str, str]:
        """Our column names to the data's."""
        return match_columns(names, self.columns, self.given)

    def texts(self, names: Iterable[str]) -> set[str]:
        """The data's columns that must be read as text."""
        if self.as_written:
            return set(names)
        ours = {column.name for column in self.columns if column.kind in _AS_TEXT} | {SPLIT}
        return {theirs for name, theirs in self.mapping(names).items() if name in ours}

    def structures(self, names: Iterable[str]) -> set[str]:
        """The data's columns that hold lists or structures."""
        ours = {column.name for column in self.columns.structures}
        return {theirs for name, theirs in self.mapping(names).items() if name in ours} if ours else set()


AS_WRITTEN = Reading(Columns(()), {}, as_written=True)
"""For who knows what the columns are: everything in CSV and JSON as it is written there."""


def read_table(path: Path, reading: Reading | Columns = AS_WRITTEN, *, like: str = "") -> pa.Table:
    """The rows of one file as every domain reads them: see above for what is made of values.

    `reading` says which columns are text, by the columns of a domain; else all of CSV and JSON are. `like` is the
    ending of a file that has another: ".tsv". Raises `SuiteError` naming file and line for what can't be read.
    """
    reading = Reading(reading, {}) if isinstance(reading, Columns) else reading
    suffix = like or path.suffix.lower()
    if suffix not in SUFFIXES:
        raise SuiteError(f"Cannot read {path}: {suffix or 'no ending'} is not one of {', '.join(SUFFIXES)}.")
    with decoding(path, "save it anew, as what its ending says."):
        if path.stat().st_size == 0:
            raise SuiteError(f"{path} is empty.")
        read = partial(_READERS[suffix], path, reading)
        table = kept(path, reading, read) if path.stat().st_size > _LARGE else read(in_memory)
    if table.num_rows == 0:
        raise SuiteError(f"{path} holds no row.")
    return _checked_names(table, path)


def _checked_names(table: pa.Table, path: Path) -> pa.Table:
    names = [name or f"column_{number}" for number, name in enumerate(table.column_names, start=1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SuiteError(f"{path} has several columns named {twice[0]!r}; rename all but one.")
    # Renaming drops the metadata, in which data sets of the Hub have the names of their classes.
    return table.rename_columns(names).replace_schema_metadata(table.schema.metadata)


def _read_csv(path: Path, reading: Reading, sink: Sink) -> pa.Table:
    how = layout(path)
    encoding, delimiter = how.encoding, how.delimiter
    if not how.certain:
        console.warn(f"{path} is not UTF-8; read as {encoding}. If letters look wrong, save it as UTF-8.")
    quote: str | bool = '"' if how.quoted else False
    names = how.names
    bad: list[Any] = []

    def keep_bad(row: Any) -> str:
        bad.append((row.number, row.actual_columns, row.expected_columns))
        return "skip"

    # One thread: only then does Arrow know the number of a bad row. It skips a byte order mark itself.
    parsing = {
        "read_options": arrow_csv.ReadOptions(
            encoding="utf8" if encoding == "utf-8-sig" else encoding, use_threads=False
        ),
        "parse_options": arrow_csv.ParseOptions(
            delimiter=delimiter,
            quote_char=quote,
            newlines_in_values=quote is not False,
            invalid_row_handler=keep_bad,
        ),
    }
    types = {name: pa.string() for name in reading.texts(dict.fromkeys(names))}
    table = _typed(path, types, parsing, bad, sink)
    if long := _long_numbers(path, table, parsing):
        del table  # before its file is written anew
        table = _typed(path, types | dict.fromkeys(long, pa.string()), parsing, bad, sink)
    if bad:
        number, actual, expected = bad[0]
        raise SuiteError(
            f"{path}: row {number} has {actual} fields where the header has {expected} "
            f"({len(bad)} such rows; the header is row 1); close every quote, and quote fields that hold {delimiter!r}."
        )
    return table


def _typed(path: Path, types: dict[str, Any], parsing: dict[str, Any], bad: list[Any], sink: Sink) -> pa.Table:
    """The rows of a CSV file; a column's type is the first of `_kinds` that fits all its values, far down ones too.

    Arrow guesses types by the first block. Where a later value does not fit, `_settled_types` looks at all of them.
    """
    schema = None
    try:
        with arrow_csv.open_csv(path, **parsing, convert_options=_converting(types)) as opened:
            schema = opened.schema
            return sink(schema, opened)
    except pa.ArrowInvalid as error:
        if not _FAILED.search(str(error)) or schema is None:
            raise
    settled = _settled_types(path, {field.name: field.type for field in schema} | types, parsing)
    bad.clear()
    if settled is not None:
        with arrow_csv.open_csv(path, **parsing, convert_options=_converting(settled)) as opened:
            return sink(opened.schema, opened)
    table = arrow_csv.read_csv(path, **parsing, convert_options=_converting(types))
    return sink(table.schema, table.to_batches())


def _converting(types: dict[str, Any]) -> arrow_csv.ConvertOptions:
    return arrow_csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True)


def _settled_types(path: Path, types: dict[str, Any], parsing: dict[str, Any]) -> dict[str, Any] | None:
    """Types that fit all values, None where one is of no known kind.

    All columns are looked at in one reading: one by one, a file of 160 columns was read 160 times. A wider type need
    not fit what the narrower one did (1 and 2 are no booleans), so it is read until nothing changes, at most once for
    each kind.
    """
    changed = True
    while changed:
        changed = False
        texts = dict.fromkeys(types, pa.string())
        with arrow_csv.open_csv(path, **parsing, convert_options=_converting(texts)) as opened:
            for batch in opened:
                for name in [name for name, kind in types.items() if kind != pa.string()]:
                    while not _fits(batch.column(name), types[name]):
                        if types[name] not in _kinds():
                            return None
                        types[name] = _kinds()[_kinds().index(types[name]) + 1]
                        changed = True
    return types


def _fits(texts: pa.Array, kind: pa.DataType) -> bool:
    """Whether Arrow's CSV reader makes these texts values of a kind: asked itself, as casts have other rules."""
    if kind == pa.string():
        return True
    file = pa.BufferOutputStream()
    arrow_csv.write_csv(pa.table({"a": texts.drop_null()}), file)
    try:
        arrow_csv.read_csv(pa.py_buffer(file.getvalue()), convert_options=_converting({"a": kind}))
    except pa.ArrowInvalid:
        return False
    return True


def _long_numbers(path: Path, table: pa.Table, parsing: dict[str, Any]) -> list[str]:
    """Columns read as floating point though they hold whole numbers that it cannot hold: those stay text."""
    floats = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    large = [name for name in floats if pc.any(pc.greater(pc.abs(table[name]), float(_EXACT))).as_py()]
    if not large or len(set(table.column_names)) < table.num_columns:
        return []
    convert = arrow_csv.ConvertOptions(column_types=dict.fromkeys(large, pa.string()), include_columns=large)
    texts = arrow_csv.read_csv(path, **parsing, convert_options=convert)
    whole = r"^\s*[+-]?\d{16,}\s*$"
    return [name for name in large if pc.any(pc.match_substring_regex(texts[name], whole)).as_py()]


def _kinds() -> list[pa.DataType]:
    """Types of CSV columns from narrow to wide, in the order in which Arrow's own reader tries them."""
    times = [pa.timestamp(unit, zone) for zone in (None, "UTC") for unit in ("s", "ns")]
    return [pa.null(), pa.int64(), pa.bool_(), pa.date32(), pa.time32("s"), *times, pa.float64(), pa.string()]


def _read_parquet(path: Path, reading: Reading, sink: Sink) -> pa.Table:
    file = parquet.ParquetFile(path, memory_map=True)
    schema = file.schema_arrow
    for place, field in enumerate(schema):
        if pa.types.is_dictionary(field.type):
            schema = schema.set(place, field.with_type(field.type.value_type))
    size = sum(file.metadata.row_group(group).total_byte_size for group in range(file.num_row_groups))
    count = max(1, min(1 << 16, _BATCH * file.metadata.num_rows // max(size, 1)))
    return sink(schema, (_plain(batch, schema) for batch in file.iter_batches(batch_size=count)))


def _plain(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with dictionaries resolved, since an Arrow file holds one dictionary for all its batches.

    Raises for texts that are no UTF-8, which Arrow takes as they are and which fall wherever they are first looked at.
    """
    batch.validate(full=True)
    columns = [
        array if array.type == field.type else array.cast(field.type)
        for array, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


class Written(float):
    """A number of JSON that knows how it was written: "1.50" in a column of text stays that."""

    def __new__(cls, text: str) -> Written:
        """The number, with its text."""
        made = super().__new__(cls, text)
        made.text = text
        return made

    text: str


def _read_json(path: Path, reading: Reading, sink: Sink) -> pa.Table:
    """A JSON list of objects, an object that holds one such list, or an object per line."""
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"), parse_float=Written)
    except UnicodeDecodeError:
        raise _not_utf8(path) from None
    except ValueError:
        return _read_jsonl(path, reading, sink)
    if not isinstance(value, dict | list):
        raise SuiteError(
            f"{path} holds a {type(value).__name__} and no rows; give a list of objects with named values."
        )
    lists = [part for part in value.values() if isinstance(part, list)] if isinstance(value, dict) else [value]
    if isinstance(value, dict) and len(lists) != 1:
        lists = [[value]]
    objects = lists[0]
    return _from_objects(path, lambda: iter(objects), reading, sink)


def _read_jsonl(path: Path, reading: Reading, sink: Sink) -> pa.Table:
    return _from_objects(path, lambda: _lines(path), reading, sink)


def _lines(path: Path) -> Iterator[Any]:
    try:
        with path.open(encoding="utf-8-sig") as opened:
            for number, line in enumerate(opened, start=1):
                if line.strip():
                    try:
                        yield json.loads(line, parse_float=Written)
                    except ValueError as error:
                        message = f"{path}: line {number} is not JSON ({error}); give one object per line."
                        raise SuiteError(message) from None
    except UnicodeDecodeError:
        raise _not_utf8(path) from None


def _not_utf8(path: Path) -> SuiteError:
    return SuiteError(f"{path} is not UTF-8, as JSON must be; save it as UTF-8.")


def _from_objects(path: Path, read: Callable[[], Iterator[Any]], reading: Reading, sink: Sink) -> pa.Table:
    """Reads all objects twice: for the names and types of all of them, and for their values."""
    types: dict[str, pa.DataType | Exception] = {}
    for objects in _parts(path, read()):
        for name in dict.fromkeys(name for value in objects for name in value):
            types[name] = _wider(types.get(name, pa.null()), [value.get(name) for value in objects])
    texts, nested = reading.texts(types), reading.structures(types)
    types |= dict.fromkeys(nested, pa.string())  # row by row it is told what does not fit, as of a CSV file
    schema = pa.schema([(name, _settled(path, name, kind, text=name in texts)) for name, kind in types.items()])
    return sink(schema, (_batch(path, objects, schema, nested) for objects in _parts(path, read())))


def _wider(kind: pa.DataType | Exception, values: list[Any]) -> pa.DataType | Exception:
    """The type of earlier values and of these, or why there is none: as text they may still go together."""
    if isinstance(kind, Exception):
        return kind
    try:
        both = [pa.schema([("values", kind)]), pa.schema([("values", pa.array(values).type)])]
        return pa.unify_schemas(both, promote_options="permissive").field(0).type
    except (pa.ArrowException, TypeError, OverflowError) as error:
        return error


def _settled(path: Path, name: str, kind: pa.DataType | Exception, *, text: bool) -> pa.DataType:
    if isinstance(kind, OverflowError) or (text and isinstance(kind, Exception)):
        return pa.string()
    if isinstance(kind, Exception):
        raise _mixed(path, name, kind)
    return pa.string() if text and not (pa.types.is_nested(kind) or pa.types.is_null(kind)) else kind


def _batch(path: Path, objects: list[Any], schema: pa.Schema, nested: Collection[str]) -> pa.RecordBatch:
    arrays = []
    for field in schema:
        values = [value.get(field.name) for value in objects]
        try:
            if field.name in nested:
                values = [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
            elif pa.types.is_string(field.type):
                values = [_as_text(value) for value in values]
            arrays.append(pa.array(values, field.type))
        except (pa.ArrowException, TypeError, OverflowError) as error:
            raise _mixed(path, field.name, error) from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _as_text(value: Any) -> str | None:
    """A value as JSON writes it. Raises `TypeError` for a list or an object, of which no text is made."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list | dict):
        raise TypeError(f"{'a list' if isinstance(value, list) else 'an object'} beside text")
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.text if isinstance(value, Written) else str(value)


def _mixed(path: Path, name: str, error: Exception) -> SuiteError:
    return SuiteError(f"{path}: {name!r} mixes values of several types ({error}); use one.")


def _parts(path: Path, values: Iterator[Any]) -> Iterator[list[Any]]:
    before = 0
    while objects := list(islice(values, _LINES)):
        for number, value in enumerate(objects, start=before + 1):
            if not isinstance(value, dict):
                raise SuiteError(
                    f"{path}: entry {number} is a {type(value).__name__}, not an object with named values."
                )
        yield objects
        before += len(objects)


_READERS = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".parquet": _read_parquet,
    ".json": _read_json,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
}
