"""What the server keeps for visitors: results by a name that nobody can guess, and files to take away."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Generic, TypeVar

from suite.errors import SuiteError

KEPT_SECONDS = 3600
"""How long files for download stay: what people ask is private, and an hour is enough to fetch the answer."""
T = TypeVar("T")


class Held(Generic[T]):
    """Results of many visitors, each under a name; a session holds only the name. Safe in several threads.

    At most `most` are kept, the least used of which goes first: choose it by what the largest weighs. `gone` says what
    a visitor reads whose result is no longer there.
    """

    def __init__(self, most: int, *, gone: str) -> None:
        self._most, self._gone = most, gone
        self._values: OrderedDict[str, T] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, value: T) -> str:
        """The name of a new value: 96 random bits."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            self._values[name] = value
            while len(self._values) > self._most:
                self._values.popitem(last=False)
        return name

    def __getitem__(self, name: str) -> T:
        """The value of that name. Raises `SuiteError` where it is no longer kept, or never was."""
        with self._lock:
            if name not in self._values:
                raise SuiteError(self._gone)
            self._values.move_to_end(name)
            return self._values[name]


class Downloads:
    """A folder for files that visitors take away: what is older than an hour is removed, and all of it at the end."""

    def __init__(self, prefix: str) -> None:
        self._root = tempfile.TemporaryDirectory(prefix=prefix)

    def folder(self) -> Path:
        """A new empty folder, so that files of two visitors may have one name."""
        root = Path(self._root.name)
        for old in root.iterdir():
            if time.time() - _changed(old) > KEPT_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
        return Path(tempfile.mkdtemp(dir=root))


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # another thread has just removed it
        return time.time()
