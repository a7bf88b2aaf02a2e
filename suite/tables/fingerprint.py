"""A name for the content of data: equal on every machine and path, different as soon as a value is."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from suite.tables.arrow import is_text
from suite.tables.columns import Column, Columns
from suite.tables.content import digest
from suite.tables.store import column
from suite.tables.structures import structured

if TYPE_CHECKING:
    from datasets import Dataset

_ROWS = 1 << 17
"""Rows looked at together; a multiple of 8, so that their null bits fill whole bytes."""


def fingerprint(rows: Dataset, columns: Columns | None = None) -> str:
    """SHA-256 of names and values, in 16 hexadecimal digits; the order of rows counts, that of columns doesn't.

    For the file columns of `columns`, the files' content counts instead of their paths: whole up to 1 MB, else size,
    head and tail. Structure columns count by their values, whether these were written as text or as lists. Without
    `columns` paths are text like any other.
    """
    files = set(columns.files) if columns else set()
    shapes = {column.name: column for column in columns.structures} if columns else {}
    total = hashlib.sha256(str(len(rows)).encode())
    for name in sorted(rows.column_names):
        array = column(rows, name)
        digests = [digest(value) for value in array.to_pylist()] if name in files else None
        values = _structures(shapes[name], array, rows.features[name]) if name in shapes else None
        total.update(json.dumps([name, digests]).encode() if digests is not None else name.encode())
        total.update(b"" if digests is not None else values or _values(array))
    return total.hexdigest()[:16]


def _structures(ours: Column, array: pa.ChunkedArray, feature: Any) -> bytes:
    """Digest of a column's values in its shape; what has another counts as it is."""
    values, findings = structured(ours, array, feature)
    wrong = [(finding.row, array[finding.row].as_py()) for finding in findings if finding.row is not None]
    return hashlib.sha256(_values(values) + repr(wrong).encode()).digest()


def _values(array: pa.ChunkedArray) -> bytes:
    """Digest of a column's values, whatever their chunks, widths and offsets in memory; a part at a time."""
    kind, digest = array.type, hashlib.sha256()
    parts = [array.slice(start, _ROWS) for start in range(0, len(array), _ROWS)]
    for part in parts:
        digest.update(np.packbits(pc.is_null(part).to_numpy().astype(bool)).tobytes())
    if is_text(array) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        for part in parts:
            digest.update(np.asarray(pc.binary_length(_filled(part)).to_numpy(), dtype="<i8").tobytes())
        for part in parts:
            for chunk in _filled(part).chunks:
                digest.update(_joined(chunk))
    elif pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        wide = "<f8" if pa.types.is_floating(kind) else "<i8"
        for part in parts:
            filled = pc.fill_null(part, False if pa.types.is_boolean(kind) else 0)
            digest.update(np.asarray(filled.to_numpy(), dtype=wide).tobytes())
    else:
        for part in parts:
            for chunk in part.chunks:
                digest.update("".join(repr(value) + "\n" for value in chunk.to_pylist()).encode())
    return digest.digest()


def _filled(part: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.fill_null(part.cast(pa.large_binary()), b"")


def _joined(chunk: pa.LargeBinaryArray) -> bytes:
    """All values of a chunk behind one another, read from its buffers."""
    _, offsets, data = chunk.buffers()
    if data is None or len(chunk) == 0:
        return b""
    ends = np.frombuffer(offsets, dtype=np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
    return data[int(ends[0]) : int(ends[-1])].to_pybytes()
