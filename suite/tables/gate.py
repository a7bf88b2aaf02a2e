"""The gate every file name in data passes: nothing outside the given folders is opened, no address is fetched."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from suite.errors import SuiteError


class Gate:
    """Lets file names through that lead, all links followed, into one of `roots`; relative ones start at the first."""

    def __init__(self, *roots: Path) -> None:
        self.roots = [os.path.realpath(root) for root in roots]
        # A million names share a few folders: only those are resolved step by step.
        self._folder: Callable[[str], str] = lru_cache(maxsize=65536)(os.path.realpath)

    def path(self, name: str, where: str = "") -> str:
        """The absolute path of `name`, which need not exist. Raises `SuiteError`, telling `where`, if it's outside."""
        if "://" in name or name.startswith("\\\\"):
            raise SuiteError(f"{where}{name!r} is an address, and data are never fetched from one; give a local file.")
        if "\0" in name:
            raise SuiteError(f"{where}{name!r} is no file name.")
        path = self._resolve(os.path.join(self.roots[0], name))  # noqa: PTH118 - a Path costs ten times as much
        if not any(path == root or path.startswith(root.rstrip(os.sep) + os.sep) for root in self.roots):
            raise SuiteError(
                f"{where}{name!r} leads outside {self.roots[0]}, and nothing there is opened; "
                "put the file into that folder, or give the folder that holds all files."
            )
        return path

    def _resolve(self, joined: str) -> str:
        folder, name = os.path.split(joined)
        if name in {"", ".", ".."}:
            return os.path.realpath(joined)
        path = os.path.join(self._folder(folder), name)  # noqa: PTH118
        return os.path.realpath(path) if os.path.islink(path) else path  # noqa: PTH114
