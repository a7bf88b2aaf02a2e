"""How wide a text is on a screen of equal columns."""

from __future__ import annotations

import unicodedata


def width(text: str) -> int:
    """Columns: two for the wide characters of East Asia, none for marks that combine with the one before.

    Widths after UAX #11, https://www.unicode.org/reports/tr11/.

    >>> width("Größe"), width("設定"), width("e\u0301")
    (5, 4, 1)
    """
    return sum(
        2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
        if not unicodedata.combining(character) and unicodedata.category(character) != "Cf"
    )


def too_wide(text: str, most: int | None) -> str:
    """The sentence that says by how much a text is too wide; empty where it fits or `most` is None or 0."""
    columns = width(text)
    return f"It has {columns} of at most {most} characters." if most and columns > most else ""
