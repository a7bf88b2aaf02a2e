"""The lines of a PO file: messages with where their fields stand, and fields as gettext writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from suite import SuiteError

_NEWLINE = re.compile(r"\r\n|\r|\n")
_FIELD = re.compile(r'\s*(msgctxt|msgid_plural|msgid|msgstr(?:\[(\d{1,2})\])?)\s*"([^"\\]*(?:\\.[^"\\]*)*)"\s*$')
_MORE = re.compile(r'\s*"([^"\\]*(?:\\.[^"\\]*)*)"\s*$')
_ESCAPE = re.compile(r"(?:\\(?:x[0-9A-Fa-f]{1,2}|[0-7]{1,3}))+|\\.", re.DOTALL)
_BYTE = re.compile(r"\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3}))")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_ESCAPED = {**{value: f"\\{name}" for name, value in _ESCAPES.items()}, '"': '\\"', "\\": "\\\\"}
OURS = "# suite: "
# Where gettext breaks lines, quotes and all.
_WIDTH = 79


@dataclass
class Field:
    """One `msgid "..."` with the lines that go on: characters `start` to `end`, the last line end not among them."""

    start: int
    end: int
    text: str


@dataclass
class Entry:
    """A message. Lines are known by where they start and end, line ends included: `flags`, of which a file may have
    several, with their flags; `ours` (comments we wrote); `previous`, the source that a fuzzy target was made for."""

    line: int
    start: int
    fields: dict[str, Field] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    flags: list[tuple[int, int, list[str]]] = field(default_factory=list)
    ours: list[tuple[int, int]] = field(default_factory=list)
    previous: list[tuple[int, int]] = field(default_factory=list)

    @property
    def flagged(self) -> list[str]:
        """All flags, in their order."""
        return list(dict.fromkeys(flag for _, _, flags in self.flags for flag in flags))

    @property
    def fuzzy(self) -> bool:
        """Whether it waits for a person."""
        return "fuzzy" in self.flagged

    @property
    def targets(self) -> list[tuple[int, Field]]:
        """The numbers of its plural forms, 0 where it has none, with their lines."""
        named = ((re.fullmatch(r"msgstr(?:\[(\d+)\])?", name), field) for name, field in self.fields.items())
        return [(int(match[1] or 0), field) for match, field in named if match]

    @property
    def identity(self) -> str:
        """What gettext looks a message up by."""
        context = self.fields.get("msgctxt")
        return (f"{context.text}\x04" if context else "") + self.fields["msgid"].text


def entries(name: str, text: str) -> Iterator[Entry]:
    """All messages but obsolete ones, which are comments here. Raises `SuiteError` with the number of a broken line."""
    entry: Entry | None = None
    for number, (start, end) in enumerate(_spans(text), 1):
        bare = text[start:end].strip()
        comment, new = bare.startswith("#"), _FIELD.match(text[start:end].rstrip())
        if entry and entry.fields and (not bare or comment or new) and _is_over(entry, new):
            yield _finished(name, entry)
            entry = None
        if not bare or bare.startswith("#~"):
            # Comments above an empty line or an obsolete message belong to no message.
            entry = entry if entry and entry.fields else None
            continue
        entry = entry or Entry(number, start)
        if comment:
            _comment(entry, bare, start, end)
        else:
            _string(name, entry, new, (number, start, bare))
    if entry and entry.fields:
        yield _finished(name, entry)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    for newline in _NEWLINE.finditer(text):
        yield at, newline.end()
        at = newline.end()
    yield at, len(text)


def _is_over(entry: Entry, new: re.Match[str] | None) -> bool:
    return bool(entry.targets) and (new is None or new[1] in ("msgctxt", "msgid"))


def _string(name: str, entry: Entry, new: re.Match[str] | None, line: tuple[int, int, str]) -> None:
    number, start, bare = line
    more = _MORE.match(bare)
    if new:
        _add(name, entry, new, number, start)
    elif more and entry.fields:
        last = list(entry.fields.values())[-1]
        last.text, last.end = last.text + unescaped(more[1]), start + len(bare)
    else:
        raise SuiteError(f"{name}, line {number}: {bare[:40]!r} is no line of a PO file; mend it by hand.")


def _finished(name: str, entry: Entry) -> Entry:
    if not entry.targets:
        raise SuiteError(f"{name}, line {entry.line}: this message has no msgstr; the file is cut off or damaged.")
    return entry


def _add(name: str, entry: Entry, statement: re.Match[str], number: int, start: int) -> None:
    wanted = {"msgid_plural": "msgid", "msgstr": "msgid"}.get(statement[1].partition("[")[0])
    if statement[1] in entry.fields or (wanted and wanted not in entry.fields):
        raise SuiteError(f"{name}, line {number}: {statement[1]} stands where none is expected; mend it by hand.")
    if statement[1].startswith("msgstr") and ("[" in statement[1]) != ("msgid_plural" in entry.fields):
        raise SuiteError(
            f"{name}, line {number}: {statement[1]} doesn't fit, as msgstr[0] goes with msgid_plural only."
        )
    entry.fields[statement[1]] = Field(start, start + len(statement[0].rstrip()), unescaped(statement[3]))


def _comment(entry: Entry, line: str, start: int, end: int) -> None:
    if line.startswith("#,"):
        entry.flags.append((start, end, [flag.strip() for flag in line[2:].split(",")]))
    elif line.startswith("#|"):
        entry.previous.append((start, end))
    elif line.startswith(OURS):
        entry.ours.append((start, end))
    elif line.startswith("#."):
        entry.notes.append(line[2:].strip())


def unescaped(text: str) -> str:
    """The text between the quotes of a PO file as a program sees it."""
    return _ESCAPE.sub(_character, text)


def _character(escape: re.Match[str]) -> str:
    codes = [int(sixteen, 16) if sixteen else int(eight, 8) & 255 for sixteen, eight in _BYTE.findall(escape[0])]
    if not codes:
        return _ESCAPES.get(escape[0][1:], escape[0][1:])
    try:
        return bytes(codes).decode()  # several bytes are a character
    except UnicodeDecodeError:
        return bytes(codes).decode("latin-1")


def is_wrapped(text: str, messages: Sequence[Entry]) -> bool:
    """Whether the file breaks long texts, as gettext does unless told otherwise."""
    longest = (
        max(map(len, text[field.start : field.end].splitlines()))
        for entry in messages
        for field in entry.fields.values()
    )
    return all(width <= _WIDTH + 1 for width in longest)


def lines(name: str, text: str, *, wrapped: bool) -> list[str]:
    """`name "text"`, in several lines where the text has some or is too long, as gettext writes it."""
    parts = re.findall(r"[^\n]*\n|[^\n]+", text)
    escaped = [re.sub(r'[\\"\n\t\r\a\b\f\v]', lambda special: _ESCAPED[special[0]], part) for part in parts]
    if len(escaped) <= 1 and (not wrapped or len(name) + 3 + len("".join(escaped)) <= _WIDTH + 1):
        return [f'{name} "{"".join(escaped)}"']
    pieces = [piece for line in escaped for piece in (_pieces(line) if wrapped else [line])]
    return [f'{name} ""', *(f'"{piece}"' for piece in pieces)]


def _pieces(line: str) -> Iterator[str]:
    """A line broken after spaces; a word longer than a line stays whole."""
    piece = ""
    for word in re.findall(r"\S*\s*", line):
        if piece and len(piece) + len(word.rstrip()) + 2 > _WIDTH:
            yield piece
            piece = ""
        piece += word
    yield piece
