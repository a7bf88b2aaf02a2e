"""Cuts a text into sentences and puts them together again: every character is kept, no placeholder is cut.

A model that was trained on single sentences drops some of a longer text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from unicodedata import east_asian_width

_ABBREVIATIONS = (
    " e.g i.e cf vs approx ca no nos p pp vol fig eq sec ch ed mr mrs ms dr prof st jr sr inc ltd co corp resp incl "
    "excl max min avg bzw usw ggf evtl z.b d.h u.a o.ä nr str abs mme mlle p.ex env sra srta p.ej ud uds núm pág "
)
"""Words, without their last point, that a point ends without ending the sentence: English, German, French, Spanish.
Not "etc." and its like, which end one more often than not when a capital follows."""
_END = re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s)|[。！？]+[”』」）]*|(?<!\s)(?=\s)")
_GAP = re.compile(r"\s*")
_TAG = re.compile(r"<[^<>]*>")
_LONGEST_WORD = 20
"""Characters before a point that are looked at: longer than any abbreviation or number of a list."""
_NEVER_FIRST = frozenset(",;:.!?)]}-–—|/+*=")
"""No sentence begins with these; one that seems to goes on."""


class Piece(NamedTuple):
    """A sentence, and the white space behind it; the text of the first one is empty where white space leads."""

    text: str
    gap: str


def split(text: str) -> list[Piece]:
    """The sentences of a text, whose texts and gaps make up the text again; every line break ends one.

    A text of one sentence gives one piece, an empty one none. Text between braces or inside a tag is never cut.

    >>> [piece.text for piece in split("Save %s? It is new, e.g. from Dr. No. 1. Sign in")]
    ['Save %s?', 'It is new, e.g. from Dr. No. 1.', 'Sign in']
    """
    pieces, start, held = [], 0, _held(text)
    leading = _gap(text, 0)
    if leading:
        pieces.append(Piece("", leading))
        start = len(leading)
    for match in _END.finditer(text):
        gap = _gap(text, match.end())
        if match.end() > start and _ends(text, start, match, match.end() + len(gap)) and not held[match.end()]:
            pieces.append(Piece(text[start : match.end()], gap))
            start = match.end() + len(gap)
    if start < len(text):
        pieces.append(Piece(text[start:], ""))
    return pieces


def join(pieces: Sequence[Piece], texts: Sequence[str] | None = None) -> str:
    """The text again, with `texts` (one for each piece, such as translations) in the place of the pieces' own."""
    own = [piece.text for piece in pieces] if texts is None else texts
    return "".join(text + piece.gap for text, piece in zip(own, pieces, strict=True))


def uncovered(sources: Sequence[str], targets: Sequence[str]) -> list[int]:
    """Numbers of the sentences whose translation is missing, or so short that something must be.

    A quarter of the source's letters is less than any pair of our languages needs for a sentence; words of up to
    twelve letters may have much shorter ones ("Preferences": "Einst.").
    """
    lengths = [(_letters(source), _letters(target)) for source, target in zip(sources, targets, strict=True)]
    return [
        number
        for number, (asked, given) in enumerate(lengths)
        if (asked and not given) or (asked > 12 and 4 * given < asked)
    ]


def _gap(text: str, at: int) -> str:
    match = _GAP.match(text, at)
    return match[0] if match else ""


def _ends(text: str, start: int, match: re.Match[str], after: int) -> bool:
    """Whether a sentence that began at `start` ends here; `after` is where the next one would begin."""
    if "\n" in text[match.end() : after] or "\r" in text[match.end() : after] or match[0][:1] in tuple("。！？"):
        return True
    following = text[after : after + 1]
    if not following:
        return True
    if not match[0] or following.islower() or following in _NEVER_FIRST:
        return False
    return match[0] != "." or not abbreviated(text[start : match.start()])


def abbreviated(before: str) -> bool:
    """Whether the point behind these words belongs to the last one: an abbreviation, an initial, a list's number."""
    words = before[-_LONGEST_WORD:].split()
    said = words[-1].lower().lstrip("([\"'“«") if words else ""
    return before.isdigit() or (len(said) == 1 and said.isalpha()) or f" {said} " in _ABBREVIATIONS


def _held(text: str) -> bytearray:
    """1 for each place inside a tag or an outermost pair of braces; an unmatched brace holds nothing."""
    held, depth, opened = bytearray(len(text) + 1), 0, 0
    spans = [match.span() for match in _TAG.finditer(text)]
    for at, character in enumerate(text):
        if character == "{":
            opened = opened if depth else at
            depth += 1
        elif character == "}" and depth:
            depth -= 1
            if not depth:
                spans.append((opened, at + 1))
    for begin, end in spans:
        held[begin + 1 : end] = bytes([1]) * (end - begin - 1)
    return held


def _letters(text: str) -> int:
    # A Chinese character says as much as three letters or more; a kana or a Korean syllable as two or so.
    return sum(3 if east_asian_width(character) == "W" else 1 for character in text if character.isalnum())
