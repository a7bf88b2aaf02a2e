"""Files that a reader never sees half written, and what is said where the disk is full."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from suite.errors import SuiteError, logged

_FULL = (errno.ENOSPC, errno.EDQUOT)


def write_json(path: Path, value: Any, *, lasting: bool = True) -> None:
    """Writes JSON so that a reader sees the old file or the new one, never half of it."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n", lasting=lasting)


def write_text(path: Path, text: str, *, lasting: bool = True) -> None:
    """Writes aside, flushes to disk and renames. What need not outlast a power cut need not be `lasting`: no flush."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if lasting:
                os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        with logged(f"Removing {aside}"):  # on a full disk it takes the room of what comes next
            aside.unlink(missing_ok=True)
        raise


def is_full(error: BaseException) -> bool:
    """Whether a disk, or somebody's share of it, was full. Libraries in Rust and C++ say so in their text only.

    torch's `RuntimeError` about shared memory has the same words and is another matter.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _FULL
    return "No space left" in str(error) and not isinstance(error, RuntimeError)


def disk_full(folder: Path, needed: int = 0) -> SuiteError:
    """The sentence for a full disk, with the numbers and the way on; `needed` is the size of a checkpoint in bytes."""
    free = _free(folder) / 1e6
    said = f"The disk of {folder} is full: {free:.0f} MB are free."
    if needed:
        said = f"The disk of {folder} is full: a checkpoint needs {needed / 1e6:.0f} MB and {free:.0f} MB are free."
    return SuiteError(f"{said} Earlier checkpoints are intact: free some space, then continue with --resume.")


@contextmanager
def full_disk_named(*folders: Path) -> Iterator[None]:
    """Makes a full disk that sentence, whoever wrote; of `folders` the one with the least room is named."""
    try:
        yield
    except Exception as error:
        if not is_full(error):
            raise
        raise disk_full(min(folders, key=_free)) from error


def _free(folder: Path) -> int:
    """Free bytes where `folder` is or would be."""
    return shutil.disk_usage(next(path for path in (folder, *folder.absolute().parents) if path.exists())).free
