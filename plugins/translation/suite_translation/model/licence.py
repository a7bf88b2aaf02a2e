"""Refuses models that may not be used commercially, unless the user says that they may be here."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from suite import SuiteError, decoding, read_json

_FAMILIES = ("nllb", "seamless")
"""Families published under CC-BY-NC as a whole; hub snapshots come without the card that would say so."""


def enforce(source: Path, name: str, *, allowed: bool) -> None:
    """Raises `SuiteError` for a model folder whose licence is non-commercial, unless `allowed`.

    `name` is what the user called the model. The licence is that of the card's front matter (`README.md`); without
    one, a family known to be non-commercial is told by its tokenizer and its name.
    """
    licence = restriction(source, name)
    if licence and not allowed:
        raise SuiteError(
            f"The model {name or source} is licensed {licence}, which forbids commercial use. If your use is not "
            "commercial, say so with --set allow_noncommercial=true; else take another model, such as Marian or M2M100."
        )


def restriction(source: Path, name: str) -> str:
    """The non-commercial licence of a model folder, "" if none is known."""
    stated = _stated(source / "README.md")
    if stated:
        return stated if "-nc" in stated.lower() else ""
    signs = [name, *source.parts[-3:], _value(source / "config.json", "_name_or_path")]
    signs.append(_value(source / "tokenizer_config.json", "tokenizer_class"))
    known = [family for family in _FAMILIES if any(family in str(sign).lower() for sign in signs)]
    return f"CC-BY-NC-4.0 (as every {known[0].upper()} model)" if known else ""


def _stated(card: Path) -> str:
    """The licence in the front matter of a card; "" without one. A finished run's card has none."""
    if not card.is_file():
        return ""
    fence, front, *_ = [*card.read_text(encoding="utf-8", errors="replace").split("---", 2), "", ""]
    if fence.strip():
        return ""
    values: Any = None
    with suppress(SuiteError), decoding(card):
        values = yaml.safe_load(front)
    licence: Any = values.get("license", "") if isinstance(values, dict) else ""
    return ", ".join(map(str, licence)) if isinstance(licence, list) else str(licence or "")


def _value(path: Path, key: str) -> str:
    with suppress(SuiteError):
        return str(read_json(path).get(key, ""))
    return ""
