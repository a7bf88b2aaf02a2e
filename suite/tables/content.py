"""What files hold, compared without reading more than that takes: size first, then the ends, then all of it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

_WHOLE = 1 << 20
"""Bytes up to which a file is hashed whole; of a larger one its size, head and tail."""
_PART = 1 << 16
_KNOWN = 1 << 17
"""Files whose digest is remembered: a run asks several times, and each takes 0.3 KB."""


def digest(value: Any) -> list[Any] | None:
    """Size and digest of a path's file or of a struct's bytes: of all of it up to 1 MB, else of head and tail.

    Remembered as long as a file keeps its size and time of change. None where there is no file; a name where there is
    one that can't be read.
    """
    if isinstance(value, Mapping):
        content = value.get("bytes")
        if content is not None:
            return [len(content), hashlib.sha256(_ends(content)).hexdigest()]
        value = value.get("path")
    if not value:
        return None
    try:
        stat = Path(value).stat()
        return [stat.st_size, _of_ends(str(value), stat.st_size, stat.st_mtime_ns)]
    except (OSError, ValueError):
        return [Path(value).name, "unreadable"]


def content_codes(array: pa.ChunkedArray) -> np.ndarray:
    """A number per row of a column of files, equal for equal content; what cannot be read is told apart by name."""
    values = array.to_pylist()
    digests = [digest(value) for value in values]
    large: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for value, seen in zip(values, digests, strict=True):
        if seen and isinstance(seen[0], int) and seen[0] > _WHOLE:
            large[tuple(seen)].add(_name(value))
    several = {key for key, names in large.items() if len(names) > 1}
    keys: dict[Any, int] = {}
    codes = np.empty(len(values), dtype=np.int64)
    for row, (value, seen) in enumerate(zip(values, digests, strict=True)):
        key: Any = ("none", row) if seen is None else tuple(seen)
        if seen and seen[1] == "unreadable":
            key = ("unreadable", _name(value))
        if key in several:
            key = (*key, _whole(value))
        codes[row] = keys.setdefault(key, len(keys))
    return codes


def _name(value: Any) -> str:
    """What tells large files of the same size and ends apart before they are read: the path, or that it is bytes."""
    if not isinstance(value, Mapping):
        return str(value)
    return str(value.get("path")) if value.get("bytes") is None else f"bytes {id(value)}"


def _whole(value: Any) -> str:
    if isinstance(value, Mapping) and value.get("bytes") is not None:
        return hashlib.sha256(value["bytes"]).hexdigest()
    path = Path(value["path"] if isinstance(value, Mapping) else value)
    stat = path.stat()
    return _of_all(str(path), stat.st_size, stat.st_mtime_ns)


def _ends(content: bytes) -> bytes:
    return content if len(content) <= _WHOLE else content[:_PART] + content[-_PART:]


@lru_cache(maxsize=_KNOWN)
def _of_ends(path: str, size: int, changed: int) -> str:
    with Path(path).open("rb") as opened:
        content = opened.read(_WHOLE if size <= _WHOLE else _PART)
        if size > _WHOLE:
            opened.seek(-_PART, 2)
            content += opened.read(_PART)
    return hashlib.sha256(content).hexdigest()


@lru_cache(maxsize=_KNOWN)
def _of_all(path: str, size: int, changed: int) -> str:
    with Path(path).open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
