"""What a person should look at, in a table beside a file whose format has no mark for it.

The table is read back: what it lists and nobody has changed since is translated anew by the next call, as what is fuzzy
in a catalogue is. A line that is taken out, or a translation that is put right in the file, counts as looked at. A list
of what was left untranslated has a column `suggestion` instead: what of it is in the file was put there by somebody.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from suite import SuiteError, as_written, csv_text, decoding
from suite_translation.formats.base import read_content, write_aside

_COLUMNS = ("key", "source", "target", "confidence", "why")
_ENDING = ".review.csv"


def beside(path: Path) -> Path:
    """Where the list for a file is: app.de.json.review.csv beside app.de.json."""
    return path.with_name(path.name + _ENDING)


def is_one(path: Path) -> bool:
    """Whether a file is such a list, rather than a table to translate: the file it is for is beside it."""
    return path.name.endswith(_ENDING) and path.with_name(path.name.removesuffix(_ENDING)).is_file()


def write(path: Path, doubts: Sequence[Mapping[str, Any]], *, left: bool) -> str:
    """Writes the list for the file at `path` and gives its own path; "" where nothing is to be listed.

    `doubts` have key, source, target, confidence and why; `left` tells that the file has none of them.
    """
    names = ["key", "source", "suggestion" if left else "translation", "confidence", "why"]
    if not doubts:
        beside(path).unlink(missing_ok=True)
        return ""
    table = csv_text([names, *([doubt[name] for name in _COLUMNS] for doubt in doubts)])
    write_aside(beside(path), table.encode())
    return str(beside(path))


def read(path: Path) -> dict[str, str]:
    """The translations, by key, that the list for the file at `path` says are in it.

    Raises `SuiteError` for a table of another kind.
    """
    if not beside(path).is_file():
        return {}
    with decoding(beside(path), "give it another name, or take it away."):
        table = csv.DictReader(io.StringIO(read_content(beside(path)).text, newline=""))
        names, rows = set(table.fieldnames or ()), list(table)
    if "suggestion" in names:
        return {}
    if missing := {"key", "translation"} - names:
        raise SuiteError(
            f"{beside(path)} is no list of translations to look at, as it has no column {min(missing)!r}; give it "
            "another name, or take it away."
        )
    return {as_written(row["key"] or ""): as_written(row["translation"] or "") for row in rows}
