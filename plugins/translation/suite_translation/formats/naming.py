"""What a translated file is called."""

from __future__ import annotations

import re
from pathlib import Path

from suite_translation.strings.languages import alike

_CODE = re.compile(r"(?:^|(?<=[._-]))(?=(\w{2,3}(?:[-_]\w{2,4})?)$)")
"""A language at the end of a file's name."""


def named(path: Path, language: str, source_language: str) -> Path:
    """Where a file's translation goes: beside it, its name with the language in it; a template becomes a catalogue.

    >>> [named(Path(name), "de", "en").name for name in ("messages.pot", "app.en.json", "en.xlf", "app_en.arb")]
    ['messages.de.po', 'app.de.json', 'de.xlf', 'app_de.arb']
    """
    stem = f"{path.stem}.{language}"
    for code in _CODE.finditer(path.stem):
        if any(alike(code[1], known) for known in (language, source_language)):
            stem = path.stem[: code.start(1)] + language
            break
    return path.with_name(stem + (".po" if path.suffix.lower() == ".pot" else path.suffix))


def partial(path: Path) -> Path:
    """Where the work goes when Ctrl-C ends it before `path` can be written."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")
