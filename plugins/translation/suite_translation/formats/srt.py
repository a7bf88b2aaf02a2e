"""Subtitles, SubRip (SRT): numbers and times stay, the text of a cue is a segment."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from suite import SuiteError
from suite_translation.formats.base import (
    Answer,
    Content,
    Document,
    Edit,
    Segment,
    line_of,
    read_content,
    unique,
)

_TIME = re.compile(r"\s*\d+:\d\d:\d\d[,.]\d{1,3}\s*-->\s*\d+:\d\d:\d\d[,.]\d{1,3}[^\r\n]*")
_BLOCK = re.compile(r"[^\r\n]*\S[^\r\n]*(?:(?:\r\n|\r|\n)[^\r\n]*\S[^\r\n]*)*")
_NEWLINE = re.compile(r"\r\n|\r|\n")
# What a cue begins with that is damaged, unlike a text after an empty line: a number alone, or times.
_BEGINNING = re.compile(r"\s*\d+\s*(?:[\r\n]|\Z)|[^\r\n]*\d:\d\d[^\r\n]*->")
_TAG = re.compile(r"<[^<>]*>|\{[^{}]*\}")
# Characters of a line on a television screen, the usual limit of broadcasters.
_WIDTH = 42


@dataclass(frozen=True)
class Cue:
    """Characters `start` to `end` are its text; `whole` tells that no empty line is in it."""

    number: str
    time: str
    start: int
    end: int
    whole: bool = True


class Subtitles(Document):
    """An SRT file. A cue of several lines is one text, but for a dialogue, whose lines begin with a dash.

    A cue with an empty line in it, which the format forbids and players show in part, is left as it is.
    """

    format = "srt"
    shows_fuzzy = False
    in_place = True

    def __init__(self, path: Path, content: Content, language: str) -> None:
        cues = _cues(path, content.text)
        keys = unique(cue.number for cue in cues)
        self.places = {key: (cue.start, cue.end) for key, cue in zip(keys, cues, strict=True)}
        # Numbers move when a cue is added; times stay, and two cues may have the same.
        self.times = dict(zip(keys, unique(cue.time for cue in cues), strict=True))
        segments = [
            Segment(key, _joined(content.text[cue.start : cue.end]), translate=cue.whole)
            for key, cue in zip(keys, cues, strict=True)
        ]
        super().__init__(path, content, segments, ("", language))

    def recalled(self, older: Document) -> dict[str, str]:
        """The translations, by key, in a file that was written from this one: of the cues whose times are the same."""
        times: dict[str, str] = getattr(older, "times", {})
        before = {times.get(segment.key): segment.source for segment in older.segments}
        texts = {segment.key: before.get(self.times[segment.key], "") for segment in self.segments}
        return {
            segment.key: texts[segment.key]
            for segment in self.segments
            if texts[segment.key] not in ("", segment.source)
        }

    def edits(self, answers: Mapping[str, Answer], language: str) -> list[Edit]:
        """The texts of cues, broken into lines where the source has several."""
        made = []
        for key, answer in answers.items():
            start, end = self.places[key]
            old = self.content.text[start:end]
            if answer.target != _joined(old):
                newline = self.content.newline
                made.append((start, end, newline.join(_wrapped(answer.target, several=bool(_NEWLINE.search(old))))))
        return made


def _joined(text: str) -> str:
    lines = [line.strip() for line in _NEWLINE.split(text)]
    dialogue = all(line.startswith(("-", "–", "—")) for line in lines)
    return ("\n" if dialogue else " ").join(lines)


def _wrapped(text: str, *, several: bool) -> list[str]:
    # An empty line would end the cue, an arrow make a time of it.
    lines = [" ".join(line.split()).replace("-->", "→") for line in text.split("\n") if line.strip()]
    if not several:
        return [" ".join(lines)]
    # A tag is one word, whatever stands in it.
    lines = [_TAG.sub(lambda tag: tag[0].replace(" ", "\0"), line) for line in lines]
    wrap = textwrap.TextWrapper(_WIDTH, break_long_words=False, break_on_hyphens=False).wrap
    return [piece.replace("\0", " ") for line in lines for piece in wrap(line)]


def _cues(path: Path, text: str) -> list[Cue]:
    """The cues as they stand there, but those without text."""
    cues: list[Cue] = []
    for block in _BLOCK.finditer(text):
        number, newline, rest = block[0].partition(_newline_in(block[0]))
        if _TIME.fullmatch(number):  # some programs leave numbers out
            number, newline, rest = "", "", block[0]
        time = _TIME.match(rest)
        if time is None or (number and not number.strip().isdecimal()):
            if not cues or _BEGINNING.match(block[0]):
                raise SuiteError(
                    f"{path.name}, line {line_of(text, block.start())}: {block[0][:30]!r} begins no cue: a number, a "
                    "line such as 00:00:01,000 --> 00:00:02,500, and text; mend it by hand."
                )
            cues[-1] = replace(cues[-1], whole=False)
            continue
        start = block.start() + len(number) + len(newline) + time.end()
        cues.append(
            Cue(number.strip(), time[0].strip(), start + len(_newline_in(text[start : start + 2])), block.end())
        )
    return [cue for cue in cues if cue.start < cue.end]


def _newline_in(text: str) -> str:
    newline = _NEWLINE.search(text)
    return newline[0] if newline else "\n"


def read(path: Path, language: str) -> Subtitles:
    """Subtitles. Raises `SuiteError` with the line of what is no cue."""
    return Subtitles(path, read_content(path), language)
