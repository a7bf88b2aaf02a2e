"""Tables larger than memory: written to Arrow files in the cache a batch at a time, and mapped into memory from there.

Mapped pages belong to the file: the system takes them back when it needs room, whatever the number of rows.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from filelock import FileLock

from suite.assets.asset import cache_dir
from suite.errors import SuiteError, afterwards

if TYPE_CHECKING:
    from datasets import Dataset

Sink = Callable[["pa.Schema", Iterable["pa.RecordBatch"]], "pa.Table"]
"""Takes the batches of a table and gives the table, held wherever the sink holds it."""
_ENDS = 1 << 20
"""Bytes hashed at either end of a file. Hashing all of it would make each start wait for the whole disk."""
_ONE_ARRAY = 1 << 30
"""Bytes that safely fit into one Arrow array, whose offsets end at 2 GiB."""
_FORM = "2"
"""Raised when readers come to read the same file otherwise: older tables are then made anew."""


def column(rows: Dataset, name: str) -> pa.ChunkedArray:
    """One column of the rows as selected and ordered, not decoded; dictionaries are resolved to their values."""
    array = rows.data.column(name)
    if rows._indices is not None:
        array = _taken(rows, name, array)
    if array.num_chunks and pa.types.is_dictionary(array.type):
        return array.cast(array.type.value_type)
    return array


def _taken(rows: Dataset, name: str, array: pa.ChunkedArray) -> pa.ChunkedArray:
    """The selected rows in order. The public way makes a chunk of each row: a million of them cost half a minute."""
    if array.nbytes < _ONE_ARRAY:
        return array.combine_chunks().take(rows._indices.column(0))
    return rows.select_columns([name]).with_format("arrow")[:].column(name)


def in_memory(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> pa.Table:
    """A table in memory, for what is small."""
    return pa.Table.from_batches(batches, schema)


def on_disk(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> pa.Table:
    """A table in a file of the cache that nobody else sees and that is gone with the table."""
    folder = _made(cache_dir() / "tables")
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".arrow") as file:
        # Unlinked when this block ends; the mapping keeps the content until nothing refers to it.
        return _written(Path(file.name), schema, batches)


def kept(path: Path, reading: object, read: Callable[[Sink], pa.Table]) -> pa.Table:
    """`read`'s table of the file `path`, kept in the cache: the next one who asks only maps it.

    Kept under the file's path, size, time of change and the SHA-256 of its first and last megabyte, so that a file
    put in another's place is seen even if its time was copied; a byte changed in the middle of a larger file is seen
    by its time alone. `reading` says by its repr how it was read. What was kept of an older content is removed.
    Raises what `read` raises, then keeping nothing.
    """
    content, form = _content(path), _short(repr(reading) + _FORM)
    folder = _made(cache_dir() / "tables" / _short(str(path.resolve())))
    target = folder / f"{content}-{form}.arrow"
    with FileLock(folder / "lock"):  # the ranks of one run all come at once; one of them reads
        if target.is_file():
            return _mapped(target)
        for stale in folder.glob("*.arrow"):
            if not stale.name.startswith(content):
                stale.unlink()
        aside = folder / "part.arrow"
        with afterwards(lambda: aside.unlink(missing_ok=True), f"Removing {aside}"):
            read(lambda schema, batches: _written(aside, schema, batches))
            aside.rename(target)
    return _mapped(target)


def _written(target: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> pa.Table:
    with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for batch in batches:
            try:
                writer.write_batch(batch)
            except OSError as error:
                raise SuiteError(
                    f"Cannot write {target.parent}: {error}; free some space, or set SUITE_CACHE to another folder."
                ) from None
    return _mapped(target)


def _mapped(target: Path) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(target))).read_all()


def _content(path: Path) -> str:
    stat, ends = path.stat(), hashlib.sha256()
    with path.open("rb") as opened:
        ends.update(opened.read(_ENDS))
        opened.seek(max(stat.st_size - _ENDS, 0))
        ends.update(opened.read(_ENDS))
    return f"{stat.st_size}-{stat.st_mtime_ns}-{ends.hexdigest()[:16]}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SuiteError(f"Cannot write {folder}: {error.strerror}; set SUITE_CACHE to a folder of yours.") from None
    return folder
