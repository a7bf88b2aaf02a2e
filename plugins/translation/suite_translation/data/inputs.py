"""What `predict` is given: a text, a file of lines, a file of strings."""

from __future__ import annotations

import re
from pathlib import Path

from suite import SuiteError, decoding
from suite_translation import formats
from suite_translation.data.cleaning import LONGEST
from suite_translation.data.source import Source

_PATH = re.compile(r"[\w.~/\\:-]+\.[A-Za-z0-9]{1,5}")
"""What was meant for a file rather than for a text: one word with an ending."""


def read_argument(argument: str, language: str) -> list[Source]:
    """Examples of one argument of `predict`. Raises `SuiteError` for a file that is not there or cannot be read."""
    path = Path(argument).expanduser()
    if not _is_file(path):
        if _PATH.fullmatch(argument):
            raise SuiteError(f"There is no file {argument!r}; give a text, a .txt file or a file of strings.")
        if not argument.strip():
            raise SuiteError("The text is empty; give one to translate.")
        return [_source(_fitting(argument), language)]
    if path.suffix.lower() == ".txt":
        return [_source(line, language) for line in _lines(path) if line.strip()]
    return _segments(path, language)


def _segments(path: Path, language: str) -> list[Source]:
    segments = formats.read_document(path, language=language).segments
    return [
        {"source": segment.source, "language": language, "style": segment.style, "max_length": segment.max_length}
        for segment in segments
        if segment.translate and segment.source.strip()
    ]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # longer than a name may be, or with a NUL: a text
        return False


def _lines(path: Path) -> list[str]:
    with decoding(path.name, "save it as UTF-8."):
        return path.read_text(encoding="utf-8-sig").splitlines()


def _fitting(text: str) -> str:
    if len(text) > LONGEST:
        raise SuiteError(
            f"The text has {len(text):,} characters, and {LONGEST:,} is the most for one; give a .txt file of lines."
        )
    return text


def _source(text: str, language: str) -> Source:
    return {"source": text, "language": language, "style": None, "max_length": None}
