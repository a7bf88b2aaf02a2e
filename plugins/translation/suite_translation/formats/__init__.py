"""Files of strings: read into segments, written back with nothing changed but the targets.

document = read_document(Path("messages.po"), "de")
document.write(Path("messages.de.po"), {document.segments[0].key: Answer("Öffnen")}, language="de")
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from suite import SuiteError, decoding
from suite_translation.formats.base import LONGEST, Answer, Document, Segment

__all__ = ["FORMATS", "LONGEST", "Answer", "Document", "Segment", "pairs", "places", "read_document"]

FORMATS: dict[str, str] = {
    ".po": "A gettext catalogue: plural forms, contexts, flags, comments, obsolete and previous messages.",
    ".pot": "A gettext template; the header is filled in.",
    ".xlf": "XLIFF 1.2 or 2: inline elements become tags, states and size limits are kept.",
    ".xliff": "XLIFF 1.2 or 2, like .xlf.",
    ".tmx": "A translation memory; the variant in the target language is changed or added.",
    ".tsv": "A table with a line of column names, divided by tabs.",
    ".csv": "A table with a line of column names, divided by commas, semicolons, tabs or bars.",
    ".json": "Keys and strings, nested at will (i18next, Chrome's messages.json).",
    ".arb": "Flutter's JSON with ICU messages.",
    ".srt": "Subtitles; a cue is a segment.",
}
_MODULES = {
    ".pot": "po",
    ".xlf": "xliff",
    ".tsv": "tables",
    ".csv": "tables",
    ".json": "json_file",
    ".arb": "json_file",
}
_MODULES |= {".po": "po", ".xliff": "xliff", ".tmx": "tmx", ".srt": "srt"}


def read_document(path: Path, language: str = "") -> Document:
    """The document at `path`; `language` is the one to translate into, needed where the file does not say it.

    Raises `SuiteError` for a file of another kind, and for one that is damaged, which is left as it is.
    """
    if path.suffix.lower() not in FORMATS:
        raise SuiteError(f"{path.name} is no file of strings that is known; its name must end in {', '.join(FORMATS)}.")
    read: Callable[[Path, str], Document] = import_module(f"{__name__}.{_MODULES[path.suffix.lower()]}").read
    with decoding(path.name, "mend it by hand, or export it anew."):
        return read(path, language)


def pairs(document: Document) -> list[dict[str, Any]]:
    """Rows of source, target, language, context, file and style: the finished segments, to learn from."""
    return [
        {
            "source": segment.source,
            "target": segment.target,
            "language": document.target_language,
            "context": segment.context,
            "file": document.path.name,
            "style": segment.style,
        }
        for segment in document.segments
        if _finished(segment)
    ]


def places(document: Document) -> list[int]:
    """Which of the document's segments, from 0, each of `pairs` is."""
    return [place for place, segment in enumerate(document.segments) if _finished(segment)]


def _finished(segment: Segment) -> bool:
    return bool(segment.translate and segment.source.strip() and segment.target.strip() and not segment.fuzzy)
