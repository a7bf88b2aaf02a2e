"""Text with marks: words that are doubtful, placeholders, words that belong together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from suite.demo.markup import Content, Markup, Tone, css, join, tag, toned


class Mark(NamedTuple):
    """A stretch of a text, from `start` up to and without `end`, and what is said of it."""

    start: int
    end: int
    tone: Tone = ""
    """warn is dotted, bad is wavy, so that both differ without their colours too."""
    title: str = ""
    """What is shown when the pointer rests on it."""
    group: int | None = None
    """Marks of one group light up together, see `panel`."""
    code: bool = False
    """Set as a piece of a program: a placeholder."""


def marked(text: str, marks: Sequence[Mark]) -> Markup:
    """The text, escaped, with its marks in it, which must be in order and must not overlap.

    Raises `ValueError` where they do, or leave the text.
    """
    pieces: list[Content] = []
    at = 0
    for mark in marks:
        if not at <= mark.start <= mark.end <= len(text):
            raise ValueError(f"the mark {mark.start}:{mark.end} leaves the text or overlaps the one before")
        pieces += [text[at : mark.start], _mark(text[mark.start : mark.end], mark)]
        at = mark.end
    return join([*pieces, text[at:]])


def passage(text: Content, *, lang: str = "") -> Markup:
    """A text to be read, larger than the words around it, in its own direction; `lang` is its code, for its voice."""
    return tag("p", text, class_="kit-passage", lang=lang or None, dir="auto")


def legend(items: Iterable[tuple[Tone, str]]) -> Markup:
    """What the tones of marks mean."""
    shown = (tag("li", tag("span", words, class_=css("kit-mark", toned(tone)))) for tone, words in items)
    return tag("ul", *shown, class_="kit-legend")


def _mark(text: str, mark: Mark) -> Markup:
    kind = css("kit-mark", toned(mark.tone), "kit-code" if mark.code else "")
    return tag("code" if mark.code else "span", text, class_=kind, title=mark.title or None, data_group=mark.group)
