"""Which plugins the user has switched off: a small file in the user's configuration folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from suite.console import warn
from suite.decoders import read_json
from suite.errors import SuiteError
from suite.files import write_json


def path() -> Path:
    """The file: `plugins.json` in `SUITE_CONFIG`, else in `suite` in the user's configuration folder."""
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(os.environ.get("SUITE_CONFIG") or f"{home}/suite").expanduser().absolute() / "plugins.json"


def disabled() -> set[str]:
    """Names of the plugins that are switched off. A damaged file switches none off, and is told."""
    if not path().exists():
        return set()
    try:
        names = read_json(path(), "delete it, or mend it.", fields={"disabled": list})["disabled"]
    except SuiteError as error:
        warn(f"No plugin is switched off: {error}")
        return set()
    return {str(name) for name in names}


def write(names: Iterable[str]) -> None:
    """Switches off these plugins, and no others."""
    try:
        path().parent.mkdir(parents=True, exist_ok=True)
        write_json(path(), {"disabled": sorted(names)})
    except OSError as error:
        raise SuiteError(
            f"{path()} cannot be written: {error.strerror}; set SUITE_CONFIG to a folder of yours."
        ) from None
