"""Subtitles read and written: SubRip (.srt) and WebVTT (.vtt), with the line rules viewers are used to.

Rules after the BBC's and Netflix's public guidelines: at most two lines of 42 characters, at most seven seconds, a
break after punctuation rather than between two words that belong together, no two cues at once.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suite import SuiteError, decoding

LINE = 42
"""Characters in a line."""
LINES = 2
"""Lines in a cue."""
LONGEST = 7.0
"""Seconds a cue stays at most."""
SHORTEST = 0.7
"""Seconds a cue stays at least, where the next one leaves room: less cannot be read."""
_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{2})[.,](\d{3})"
_ARROW = re.compile(rf"^\s*{_TIME}\s*-->\s*{_TIME}")
_TAG = re.compile(r"<[^>]*>|\{\\[^}]*\}")  # <i>, <v Anna>, {\an8}


@dataclass(frozen=True)
class Cue:
    """A text and when it is shown, in seconds."""

    start: float
    end: float
    text: str


def parse(path: Path) -> list[Cue]:
    """The cues of an .srt or .vtt file, without tags and empty ones. Raises `SuiteError` if there is none."""
    with decoding(path, "save the subtitles as UTF-8."):
        content = path.read_text(encoding="utf-8-sig")
    cues: list[Cue] = []
    for block in re.split(r"\n\s*\n", content):
        lines = block.split("\n")
        for number, line in enumerate(lines):
            if arrow := _ARROW.match(line):
                bare = _TAG.sub("", " ".join(lines[number + 1 :]))
                text = " ".join((html.unescape(bare) if path.suffix.lower() == ".vtt" else bare).split())
                if text:
                    cues.append(Cue(_seconds(arrow.groups()[:4]), _seconds(arrow.groups()[4:]), text))
                break
    if not cues:
        raise SuiteError(f"{path} holds no subtitle; a cue looks like '00:00:01,000 --> 00:00:02,500' and its text.")
    return cues


def cues(segments: Iterable[dict[str, Any]]) -> list[Cue]:
    """Segments of a prediction as cues that keep the line rules; words' times decide where a long one is parted."""
    parted = [cue for segment in segments for cue in _parted(_whole(segment.get("words") or ()) or _spread(segment))]
    parted.sort(key=lambda cue: cue.start)  # a model's times may overlap
    return [_held(cue, parted[i + 1].start if i + 1 < len(parted) else None) for i, cue in enumerate(parted)]


def to_srt(segments: Iterable[dict[str, Any]]) -> str:
    """SubRip text."""
    blocks = (
        f"{number}\n{_stamp(cue.start, ',')} --> {_stamp(cue.end, ',')}\n{wrap(cue.text)}\n"
        for number, cue in enumerate(cues(segments), 1)
    )
    return "\n".join(blocks)


def to_vtt(segments: Iterable[dict[str, Any]]) -> str:
    """WebVTT text."""
    escape = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
    blocks = (
        f"{_stamp(cue.start, '.')} --> {_stamp(cue.end, '.')}\n{wrap(cue.text).translate(escape)}\n"
        for cue in cues(segments)
    )
    return "\n".join(["WEBVTT\n", *blocks])


def wrap(text: str) -> str:
    """The text on one line, or on two of the most even lengths that fit; a break after punctuation is preferred."""
    if len(text) <= LINE:
        return text
    words = text.split(" ")
    ways = [(" ".join(words[:i]), " ".join(words[i:])) for i in range(1, len(words))]
    fitting: list[tuple[str, str]] = [way for way in ways if max(map(len, way)) <= LINE]
    if not fitting:  # one word longer than a line
        return "\n".join(text[at : at + LINE] for at in range(0, len(text), LINE))
    best: tuple[str, str] = min(fitting, key=_unevenness)
    return "\n".join(best)


def _unevenness(way: tuple[str, str]) -> int:
    """Characters between two lines' lengths, less eight where the first ends with punctuation."""
    return abs(len(way[0]) - len(way[1])) - 8 * way[0].endswith((",", ".", ";"))


def _parted(words: Sequence[dict[str, Any]]) -> list[Cue]:
    """Cues of as many words as two lines and seven seconds hold."""
    parted: list[Cue] = []
    held: list[dict[str, Any]] = []
    for word in words:
        if held and not _fits([*held, word]):
            parted.append(_cue(held))
            held = []
        held.append(word)
    return [*parted, *([_cue(held)] if held else [])]


def _fits(words: Sequence[dict[str, Any]]) -> bool:
    text = " ".join(word["word"] for word in words)
    lines = wrap(text).split("\n")
    even = len(lines) <= LINES and " ".join(lines) == text  # else a word was cut in two
    return even and words[-1]["end"] - words[0]["start"] <= LONGEST


def _cue(words: Sequence[dict[str, Any]]) -> Cue:
    return Cue(words[0]["start"], words[-1]["end"], " ".join(word["word"] for word in words))


def _held(cue: Cue, following: float | None) -> Cue:
    """The cue, shown long enough to read and gone before the next begins."""
    end = min(max(cue.end, cue.start + SHORTEST), cue.start + LONGEST)
    return Cue(cue.start, end if following is None else max(cue.start, min(end, following)), cue.text)


def _spread(segment: dict[str, Any]) -> list[dict[str, Any]]:
    """Words of a segment without word times, by their share of its characters."""
    return _shared(segment["text"].split(), segment["start"], segment["end"])


def _whole(words: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The words without the spaces and line breaks a model may leave on them, none longer than a line."""
    return [piece for word in words for piece in _shared(word["word"].split(), word["start"], word["end"])]


def _shared(texts: Sequence[str], start: float, end: float) -> list[dict[str, Any]]:
    """Texts, those longer than a line in pieces, each with its share of the time by its number of characters."""
    pieces = [text[at : at + LINE] for text in texts for at in range(0, len(text), LINE)]
    each = (end - start) / max(1, sum(len(piece) + 1 for piece in pieces))
    timed: list[dict[str, Any]] = []
    for piece in pieces:
        begin = timed[-1]["end"] if timed else start
        timed.append({"word": piece, "start": begin, "end": begin + each * (len(piece) + 1)})
    return timed


def _seconds(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, thousandths = (int(part or 0) for part in parts)
    return hours * 3600 + minutes * 60 + seconds + thousandths / 1000


def _stamp(seconds: float, point: str) -> str:
    thousandths = round(seconds * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"
