"""What all formats share: segments, answers, and a document that changes nothing but targets."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from suite import SuiteError
from suite_translation.strings.problems import problems

LONGEST = 100_000
"""Characters a segment may have: a long novel's chapter. More is no text, or a file read in the wrong way, and would
keep a model busy for hours."""
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_NO_TEXT = ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined")
"""Codecs of text that no file is written in; some take a time that grows with the square of the text."""
_NEWLINE = re.compile(r"\r\n|\n|\r")
_LIMIT = re.compile(r"\bmax(?:imum)?[-_ ]?len(?:gth)?\s*[:=]?\s*(\d{1,5})\b", re.IGNORECASE)


@dataclass(frozen=True)
class Segment:
    """A text to translate; `key` is unique in its document and the same at each reading.

    `target` is what the file already holds, `context` tells equal sources apart, `note` is for the translator, `style`
    is that of the placeholders (`placeholders.mask`), `plural` the form of a plural from 0, `max_length` in characters.
    """

    key: str
    source: str
    target: str = ""
    context: str = ""
    note: str = ""
    style: str | None = None
    plural: int | None = None
    fuzzy: bool = False
    max_length: int | None = None
    translate: bool = True


@dataclass(frozen=True)
class Answer:
    """What a segment gets; `why` is for a person and becomes a comment where the format has one."""

    target: str
    fuzzy: bool = False
    why: str = ""


@dataclass(frozen=True)
class Content:
    """A file's text with the encoding and the byte order mark it came with."""

    raw: bytes
    text: str
    encoding: str
    bom: bytes

    @cached_property
    def newline(self) -> str:
        """The line end used first, looked for once: a file without any would be searched to its end each time."""
        return newline_of(self.text)


Edit = tuple[int, int, str]
"""Characters from, to, and what replaces them."""


class Document:
    """A file of segments. `write` changes the targets of the segments answered; all else stays, byte for byte.

    `shows_fuzzy` tells whether the format can mark a segment for a person to look at.
    """

    format = ""
    shows_fuzzy = True
    # Whether targets stand where the sources stood, so that a file that was written holds no source.
    in_place = False
    # Languages of those parts that are left as they are, as "en into fr".
    others: Sequence[str] = ()
    # What becomes of a character that the file's encoding lacks, as in `str.encode`.
    errors = "strict"

    def __init__(self, path: Path, content: Content, segments: Sequence[Segment], languages: tuple[str, str]) -> None:
        self.path = path
        self.content = content
        self.segments = list(segments)
        self.source_language, self.target_language = languages
        _check(path, self.segments)

    def write(self, path: Path, answers: Mapping[str, Answer], *, language: str, overwrite: bool = False) -> None:
        """Writes the document with `answers`, by segment key, in `language`; aside first, then renamed.

        An answer with a placeholder broken is not written: its segment gets the source, marked fuzzy, and the comment
        says why. Raises `SuiteError` for a key that is not in the document, for no language, and where `path` is the
        file that was read, unless `overwrite` is set.
        """
        if not overwrite and path.exists() and path.samefile(self.path):
            raise SuiteError(
                f"{path} is the file that was read; give another name to write to, or ask to overwrite it."
            )
        segments = {segment.key: segment for segment in self.segments}
        if answers and not language.strip():
            raise SuiteError(f"No language is given for the translations of {self.path.name}; say one, such as de.")
        if unknown := [key for key in answers if key not in segments]:
            raise SuiteError(f"{self.path.name} has no segment {unknown[0]!r}; was it changed since it was read?")
        safe = {key: safe_answer(segments[key], answer) for key, answer in answers.items() if segments[key].translate}
        write_aside(path, self.written(safe, language))

    def written(self, answers: Mapping[str, Answer], language: str) -> bytes:
        """The bytes of the file with `answers`, which have been checked."""
        edits = self.edits(answers, language)
        if not edits:
            return self.content.raw
        text = spliced(self.content.text, edits)
        try:
            return self.content.bom + text.encode(self.content.encoding, self.errors)
        except UnicodeEncodeError as error:
            raise SuiteError(
                f"{self.path.name} is in {self.content.encoding}, which has no {text[error.start]!r}; save it as UTF-8."
            ) from None

    def recalled(self, older: Document) -> dict[str, str]:
        """The finished translations, by key, in a file that was written from this one, whose sources are the same."""
        before = {segment.key: segment for segment in older.segments if not segment.fuzzy and segment.target.strip()}
        return {
            segment.key: before[segment.key].target
            for segment in self.segments
            if segment.key in before and before[segment.key].source == segment.source
        }

    def edits(self, answers: Mapping[str, Answer], language: str) -> list[Edit]:
        """What changes in the text; each format's own."""
        raise NotImplementedError


def safe_answer(segment: Segment, answer: Answer) -> Answer:
    """The answer, or the source marked fuzzy where it would break a program."""
    faults = problems(segment.source, answer.target, segment.style)
    if not faults:
        return answer
    return replace(answer, target=segment.source, fuzzy=True, why=" ".join([answer.why, faults[0]]).strip())


def read_content(path: Path, charset: str = "utf-8") -> Content:
    """A file's text. A byte order mark goes before `charset`; raises `SuiteError` naming the line not in it."""
    return decoded(path, read_bytes(path), charset)


def read_bytes(path: Path) -> bytes:
    """A file's bytes; raises `SuiteError` for a file that is not there or is empty."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SuiteError(f"{path} cannot be read: {error.strerror}.") from None
    if not raw.strip():
        raise SuiteError(f"{path} is empty: it has {len(raw)} bytes and no text in them; give a file with strings.")
    return raw


def decoded(path: Path, raw: bytes, charset: str) -> Content:
    """`raw` as text in the encoding of its byte order mark, else in `charset`."""
    bom, encoding = next(((bom, name) for bom, name in _BOMS if raw.startswith(bom)), (b"", charset))
    encoding = _encoding(path, encoding)
    try:
        text = raw[len(bom) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SuiteError(
            f"{path.name} should be in {encoding}, but line {line} is not (byte {error.object[error.start]:#04x}): "
            "it mixes encodings, or is in another; convert it to UTF-8, for instance with iconv -f LATIN1 -t UTF-8."
        ) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise SuiteError(f"{path.name} has a NUL character on line {line}: it is no text, or UTF-16 without its mark.")
    if bom + text.encode(encoding) != raw:
        raise SuiteError(f"{path.name} is in {encoding}, which can't be written back unchanged; convert it to UTF-8.")
    return Content(raw, text, encoding, bom)


def _encoding(path: Path, name: str) -> str:
    """Python's name of an encoding of text. "hex" and "zip" are codecs too, "idna" is one of domain names."""
    try:
        "é".encode(name, "replace").decode(name)
        python = codecs.lookup(name).name
    except (LookupError, ValueError):
        python = ""
    if not python or python in _NO_TEXT:
        raise SuiteError(
            f"{path.name} names the encoding {name!r}, which is none of text; save it as UTF-8 and say so."
        )
    return python


def spliced(text: str, edits: Iterable[Edit]) -> str:
    """`text` with `edits` made; they may not overlap. Of two at one place the first given comes first."""
    pieces, at = [], 0
    for start, end, new in sorted(edits, key=lambda edit: edit[:2]):
        pieces += [text[at:start], new]
        at = end
    return "".join([*pieces, text[at:]])


def write_aside(path: Path, data: bytes) -> None:
    """Writes beside `path` and renames, so that a reader sees the old file or the new one, never half of it."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_bytes(data)
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise SuiteError(f"{path} cannot be written: {error.strerror}.") from None


def limit_in(note: str) -> int | None:
    """The longest a text may be, if a note says so: "MAX LENGTH: 20", "x-max-length: 20", "max-length:20"."""
    limit = _LIMIT.search(note)
    return int(limit[1]) if limit and int(limit[1]) else None


def newline_of(text: str, start: int = 0) -> str:
    """The line end that a text uses first after `start`, "\\n" where it has none."""
    newline = _NEWLINE.search(text, start)
    return newline[0] if newline else "\n"


def line_of(text: str, at: int) -> int:
    """The number, from 1, of the line that position `at` is on."""
    return len(_NEWLINE.findall(text, 0, at)) + 1


def one_line(text: str) -> str:
    """`text` with its white space made single spaces."""
    return " ".join(text.split())


def unique(keys: Iterable[str]) -> list[str]:
    """The keys, with " (2)" and so on behind those that were there before."""
    seen: dict[str, int] = {}
    made = []
    for key in keys:
        seen[key] = seen.get(key, 0) + 1
        made.append(key if seen[key] == 1 else f"{key} ({seen[key]})")
    return made if len(set(made)) == len(made) else [f"{number}: {key}" for number, key in enumerate(made)]


def _check(path: Path, segments: Sequence[Segment]) -> None:
    for segment in segments:
        longest = max(len(segment.source), len(segment.target))
        if longest > LONGEST:
            raise SuiteError(
                f"{path.name}: the text {segment.key[:40]!r} has {longest:,} characters and a segment may have "
                f"{LONGEST:,}, as more is no string of an application; cut it, or take it out of the file."
            )
