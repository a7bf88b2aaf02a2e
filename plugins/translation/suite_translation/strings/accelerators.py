"""Keyboard accelerators: the sign before the letter that opens a menu (`&File`, `_Open`, `~Edit`).

Prose has the same signs ("AT&T", "snake_case", "~5"), so a sign counts only where a toolkit's would stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from unicodedata import east_asian_width

from suite_translation.strings.tokens import Token, outside, tokens

SIGNS = "&_~"
# Styles of text that is never the label of a menu.
_PLAIN = ("html", "icu", "js", "none")
_START = r"(?:(?<=^)|(?<=[\s(\[\"'«„“/⟧-]))"
_CANDIDATE = re.compile(
    rf"{_START}[&~](?=[^\W\d_])(?!\w+=)"  # &File, ~Edit
    r"|(?<=[^\W\d_])&(?=[^\W\d_])(?![^\W\d_]\w*=)"  # E&xit; "AT&T" is sorted out below
    r"|(?<=[^\W\d_])~(?=[^\W\d_])"
    rf"|{_START}_(?=[^\W_])(?!\w*_)"  # _Open, but not _my_name
    r"|(?<=[^\W\d_])_(?=[^\W\d_])(?!\w*_)"  # Fiel_d; "snake_case" is sorted out below
)
# What follows the bracket of an accelerator.
_ENDS = re.compile(r"[\s.…:：。！？!?]*$")
# A word with all that hangs on to it, as far as that is no word of its own; a path is one.
_WORDS = re.compile(r"(?<!\w)[^\W\d_](?::?\\\S*|\w*(?:\\\S*)?)")
_BEHIND = re.compile(r"(?<=⟧)[^\W\d_]")


def candidates(text: str, style: str | None, known: list[Token] | None = None) -> list[int]:
    """Where in `text` signs stand that make an accelerator."""
    if style in _PLAIN:
        return []
    known = tokens(text, style) if known is None else known
    # Of the same length as the text, so that positions hold; a token counts as the end of something.
    blanked = list(text)
    for token in known:
        blanked[token.start : token.end] = "⟧" * (token.end - token.start)
    words = "".join(blanked)
    return [sign.start() for sign in _CANDIDATE.finditer(words) if not _prose(words, sign.start())]


def _prose(words: str, at: int) -> bool:
    """Whether the sign is inside a word that is written so: AT&T, R&D, snake_case, MAX_VALUE."""
    before, after = words[at - 1 : at] if at else "", words[at + 1]
    if not before.isalpha():
        return False
    head = re.search(r"\w+$", words[:at])
    inside_name = words[at] == "_" and (head is None or not head[0][0].isupper() or "_" in head[0])
    return inside_name or (before.isupper() and after.isupper()) or (words[at] != "&" and after.isupper())


def accelerator(text: str, style: str | None, known: list[Token]) -> int | None:
    """Where the one accelerator of `text` stands; None when it has none or several, which then are text."""
    places = candidates(text, style, known)
    return places[0] if len(places) == 1 else None


def count(text: str, sign: str, known: list[Token]) -> int:
    """How often a sign stands in the words of `text`."""
    return outside(text, known).count(sign)


def placed(slotted: str, sign: str, letter: str) -> Iterator[str]:
    """`slotted` with the sign before a letter: the one given at a word's start, then the first ones, then nowhere.

    East of that, the keyboards have the source's letter and the words don't: "文件(&F)". What stands right behind a
    slot, which may be the unit of a number, gets a sign last, and a path only where nothing else goes.
    """
    if any(map(_wide, slotted)):
        end = _ENDS.search(slotted)
        at = end.start() if end else len(slotted)
        yield f"{slotted[:at]}({sign}{letter.upper()}){slotted[at:]}"
    else:
        starts = [word.start() for word in _WORDS.finditer(slotted) if "\\" not in word[0]]
        behind = [at for at in starts if slotted[at - 1 : at] == "⟧"]
        free = [at for at in starts if at not in behind]
        wanted = [at for at in free if slotted[at].casefold() == letter.casefold()]
        # Five: where the first place makes an entity of its word, a later one will do, or none. In "$AT&T" only the
        # sign parts the slot from what follows.
        for at in [*wanted[:5], *free[:5], *behind[:5]]:
            yield f"{slotted[:at]}{sign}{slotted[at:]}"
    yield slotted
    # Last of all behind a slot that hangs on a path: in "C:\path$AT&T" the sign alone parts the slot from the T.
    for letter_behind in _BEHIND.finditer(slotted):
        yield f"{slotted[: letter_behind.start()]}{sign}{slotted[letter_behind.start() :]}"


def hidden(text: str, place: int | None) -> tuple[int, int]:
    """From where to where the accelerator at `place` is no text: its sign, or all of the bracket in "文件(&F)"."""
    if place is None:
        return 0, 0
    bracket = re.compile(rf"[(（][{SIGNS}]\w[)）]").match(text, max(place - 1, 0))
    return bracket.span() if bracket and any(map(_wide, text)) else (place, place + 1)


def _wide(character: str) -> bool:
    return character.isalpha() and east_asian_width(character) == "W"
