"""Rows to learn from: the finished segments of all files of strings below a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from suite_translation import formats
from suite_translation.formats.json_file import language_in, siblings

_BOTH = (".po", ".xlf", ".xliff", ".tmx")
_ONE = (".json", ".arb")


def pair_files(folder: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """The rows of `formats.pairs`, each with its file as a path in `folder`, file by file in order of their names, and
    which of the file's segments it is, from 0.

    A catalogue's language is its header's, else what its name says. JSON files are read in pairs: one named or
    foldered `en`, and the same of each other language beside it.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    languages = sorted({language for path in files if path.suffix.lower() in _ONE and (language := language_in(path))})
    for path in files:
        if path.suffix.lower() in _BOTH:
            yield from _rows(path, folder, "" if path.suffix.lower() == ".tmx" else _language(path))
        elif path.suffix.lower() in _ONE and language_in(path).startswith("en"):
            for language in languages:
                if not language.startswith("en") and any(sibling.is_file() for sibling in siblings(path, language)):
                    yield from _rows(path, folder, language)


def _rows(path: Path, folder: Path, language: str) -> Iterator[tuple[dict[str, Any], int]]:
    document = formats.read_document(path, language)
    for row, place in zip(formats.pairs(document), formats.places(document), strict=True):
        yield {**row, "file": str(path.relative_to(folder))}, place


def _language(path: Path) -> str:
    """As in `de.po`, and in `de/LC_MESSAGES/app.po`."""
    return language_in(path) or language_in(path.parent.parent / path.name)
