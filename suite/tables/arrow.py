"""Columns of a data set as Arrow arrays, whatever rows were selected: the ground for checks that see a million rows."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from suite.tables.content import content_codes
from suite.tables.store import column

if TYPE_CHECKING:
    from datasets import Dataset

_LARGEST = 1 << 62
"""Numbers below this have room for a sum in 64 bits."""
_AT_ONCE = 1 << 20
"""Keys sorted at once when repeats are looked for: sorting takes some 40 bytes for each."""


def is_text(array: pa.ChunkedArray) -> bool:
    """Whether the values are strings."""
    return pa.types.is_string(array.type) or pa.types.is_large_string(array.type) or pa.types.is_string_view(array.type)


def is_missing(array: pa.ChunkedArray) -> np.ndarray:
    """Boolean per row: null, NaN, blank text, or a file struct with neither bytes nor path."""
    if len(array) == 0:
        return np.zeros(0, dtype=bool)
    if is_text(array):
        missing = pc.equal(pc.utf8_trim_whitespace(array), "")
    elif pa.types.is_struct(array.type) and {"bytes", "path"} <= {field.name for field in array.type}:
        missing = pc.and_(*(pc.is_null(pc.struct_field(array, part)) for part in ("bytes", "path")))
    elif pa.types.is_floating(array.type):
        missing = pc.is_nan(array)
    else:
        missing = pc.is_null(array)
    return pc.or_kleene(pc.is_null(array), missing).fill_null(True).to_numpy().astype(bool)


def codes(array: pa.ChunkedArray) -> tuple[np.ndarray, list[Any]]:
    """A number per row, equal for equal values, and the values by number; nested values count by their content."""
    if pa.types.is_null(array.type):  # nothing in it, not even a type
        return np.zeros(len(array), dtype=np.int64), [None] if len(array) else []
    numbers, values = _numbered(array)
    return numbers, values.to_pylist()


def _numbered(array: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    if pa.types.is_nested(array.type):
        array = pa.chunked_array(
            [[_digest(value) for value in chunk.to_pylist()] for chunk in array.chunks], pa.string()
        )
    encoded = pc.dictionary_encode(array, null_encoding="encode").combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0)
    return encoded.indices.to_numpy(zero_copy_only=False), encoded.dictionary


def row_keys(rows: Dataset, names: tuple[str, ...], files: Collection[str] = ()) -> np.ndarray:
    """A number per row, equal for rows with equal values in all these columns; `files` are compared by content."""
    keys, count = np.zeros(len(rows), dtype=np.int64), 1
    for name in names:
        numbers, different = _ranged(column(rows, name)) if name not in files else _contents(column(rows, name))
        if count * different > _LARGEST:  # numbered anew, since the product would overflow
            keys = np.unique(keys, return_inverse=True)[1].reshape(-1)
            numbers = np.unique(numbers, return_inverse=True)[1].reshape(-1)
            count, different = len(rows), len(rows)
        keys *= different
        keys += numbers
        count *= different
    return keys


def _contents(array: pa.ChunkedArray) -> tuple[np.ndarray, int]:
    numbers = content_codes(array)
    return numbers, max(len(numbers), 1)


def _ranged(array: pa.ChunkedArray) -> tuple[np.ndarray, int]:
    """A number per row from 0, equal for equal values, and a bound above all of them.

    Whole numbers count from the smallest, since a table of all different ones takes ten times their room.
    """
    if pa.types.is_signed_integer(array.type) and len(array) and not array.null_count:
        least, most = pc.min_max(array).values()
        if most.as_py() - least.as_py() < _LARGEST:
            return array.to_numpy().astype(np.int64, copy=False) - least.as_py(), most.as_py() - least.as_py() + 1
    if pa.types.is_null(array.type):
        return np.zeros(len(array), dtype=np.int64), 1
    numbers, values = _numbered(array)
    return numbers, max(len(values), 1)


def repeats(keys: np.ndarray) -> Iterator[tuple[int, int]]:
    """Each place whose key was there before, with the first place that has it, in order of the places."""
    pairs: list[tuple[int, int]] = []
    parts = len(keys) // _AT_ONCE + 1
    for part in range(parts):
        places = np.flatnonzero(keys % parts == part) if parts > 1 else np.arange(len(keys))
        _, first, inverse = np.unique(keys[places], return_index=True, return_inverse=True)
        again = np.flatnonzero(first[inverse] != np.arange(len(places)))
        pairs += zip(places[again].tolist(), places[first[inverse[again]]].tolist(), strict=True)
    yield from sorted(pairs)


def _digest(value: Any) -> str | None:
    """Content of a nested value: a file's bytes if it has them, else everything."""
    if value is None:
        return None
    if isinstance(value, dict) and value.get("bytes") is not None:
        value = value["bytes"]
    return hashlib.blake2b(value if isinstance(value, bytes) else repr(value).encode(), digest_size=16).hexdigest()
