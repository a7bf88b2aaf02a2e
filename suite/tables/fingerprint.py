"""A name for the content of data: equal on every machine and path, different as soon as a value is."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from suite.tables.arrow import is_text
from suite.tables.columns import Columns
from suite.tables.store import column

if TYPE_CHECKING:
    from datasets import Dataset

_WHOLE = 1 << 20
"""Bytes up to which a file is hashed whole; of a larger one its size, head and tail."""
_PART = 1 << 16
_ROWS = 1 << 17
"""Rows looked at together; a multiple of 8, so that their null bits fill whole bytes."""


def fingerprint(rows: Dataset, columns: Columns | None = None) -> str:
    """SHA-256 of names and values, in 16 hexadecimal digits; the order of rows counts, that of columns doesn't.

    For the file columns of `columns`, the files' content counts instead of their paths: whole up to 1 MB, else size,
    head and tail. Without `columns` paths are text like any other.
    """
    files = set(columns.files) if columns else set()
    total = hashlib.sha256(str(len(rows)).encode())
    for name in sorted(rows.column_names):
        array = column(rows, name)
        digests = [_file(value) for value in array.to_pylist()] if name in files else None
        total.update(json.dumps([name, digests]).encode() if digests is not None else name.encode() + _values(array))
    return total.hexdigest()[:16]


def _file(value: Any) -> list[Any] | None:
    """Size and digest of a path's file or of a struct's bytes."""
    if isinstance(value, dict):
        content = value.get("bytes")
        if content is not None:
            return [len(content), hashlib.sha256(_ends(content)).hexdigest()]
        value = value.get("path")
    if not value:
        return None
    try:
        return _read(Path(value))
    except (OSError, ValueError):
        return [Path(value).name, "unreadable"]


def _ends(content: bytes) -> bytes:
    return content if len(content) <= _WHOLE else content[:_PART] + content[-_PART:]


def _read(path: Path) -> list[Any]:
    size = path.stat().st_size
    with path.open("rb") as opened:
        content = opened.read(_WHOLE if size <= _WHOLE else _PART)
        if size > _WHOLE:
            opened.seek(-_PART, 2)
            content += opened.read(_PART)
    return [size, hashlib.sha256(content).hexdigest()]


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
