"""Tables of strings, TSV and CSV: cells found by their places, so that quoting, line ends and other columns stay."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from suite import SuiteError, inert
from suite_translation.formats.base import (
    Answer,
    Content,
    Document,
    Edit,
    Segment,
    limit_in,
    one_line,
    read_content,
    unique,
)
from suite_translation.strings.languages import name_of

_SOURCES = ("source", "src", "msgid", "original", "source text", "source_text", "text", "string")
_ENGLISH = ("en", "english", "en_us", "en-us", "en_gb", "en-gb")
_TARGETS = ("target", "tgt", "msgstr", "translation", "translated", "target text", "target_text")
_KEYS = ("key", "id", "identifier", "name", "label")
_CONTEXTS = ("context", "msgctxt", "ctx")
_NOTES = ("note", "notes", "comment", "comments", "description", "developer notes")
_CODE = re.compile(r"[a-z]{2,3}([-_][a-z0-9]{2,8})?")


@dataclass(frozen=True)
class Cell:
    """Characters `start` to `end`, quotes included, and what they say."""

    start: int
    end: int
    text: str
    quoted: bool


@dataclass(frozen=True)
class Layout:
    """Which column is what; None where the table has none. `target` is past the last one where it is to be added."""

    source: int
    target: int
    key: int | None
    context: int | None
    note: int | None
    style: int | None
    limit: int | None
    fuzzy: int | None
    why: int | None


class Table(Document):
    """A TSV or CSV file with a line of column names. A `fuzzy` column, where there is one, marks segments."""

    format = "table"

    def __init__(self, path: Path, content: Content, rows: Sequence[list[Cell]], delimiter: str, language: str) -> None:
        self.delimiter, self.head = delimiter, rows[0]
        names = [cell.text.strip().lower() for cell in rows[0]]
        self.layout = _layout(path, names, language)
        source = names[self.layout.source]
        self.shows_fuzzy = self.layout.fuzzy is not None
        body = [row for row in rows[1:] if _at(row, self.layout.source).strip()]
        keys = unique(_at(row, self.layout.key).strip() or _at(row, self.layout.source) for row in body)
        self.rows = dict(zip(keys, body, strict=True))
        self.all = rows
        segments = [_segment(key, row, self.layout) for key, row in self.rows.items()]
        known = (source if _CODE.fullmatch(source) else "en") if source in _ENGLISH else ""
        super().__init__(path, content, segments, (known, language or _language(names, self.layout)))

    def edits(self, answers: Mapping[str, Answer], language: str) -> list[Edit]:
        """The target cells, and the name of the target's column where the table had none."""
        edits = [edit for key, answer in answers.items() for edit in self._row(self.rows[key], answer)]
        if edits and self.layout.target >= len(self.head):
            named = language if self.source_language else "target"
            edits += [(self.head[-1].end, self.head[-1].end, self.delimiter + self._shown(named, self.head[-1].quoted))]
            answered = {row[0].start for row in (self.rows[key] for key in answers)}
            edits += [edit for row in self.all[1:] if row[0].start not in answered for edit in self._empty(row)]
        return edits

    def _empty(self, row: list[Cell]) -> Iterator[Edit]:
        """A row stays as wide as the others when a column is added; an empty line stays one."""
        if len(row) > 1 or row[0].text:
            yield row[-1].end, row[-1].end, self.delimiter * (self.layout.target + 1 - len(row))

    def _row(self, row: list[Cell], answer: Answer) -> Iterator[Edit]:
        if inert(answer.target) != answer.target and inert(_at(row, self.layout.source)) == _at(
            row, self.layout.source
        ):
            # Tables are opened by spreadsheets: no translation begins a formula where its source begins none.
            source = _at(row, self.layout.source)
            answer = Answer(source, True, f"{answer.why} The translation would be a spreadsheet's formula.".strip())
        # What keeps its source stays empty where nothing can mark it: it is no translation, and asked for again.
        unmarked = answer.fuzzy and not self.shows_fuzzy and answer.target == _at(row, self.layout.source)
        new = {self.layout.target: "" if unmarked else answer.target}
        if self.layout.fuzzy is not None:
            new[self.layout.fuzzy] = "true" if answer.fuzzy else ""
        if self.layout.why is not None:
            new[self.layout.why] = one_line(answer.why)
        for column, text in new.items():
            if column < len(row) and text != row[column].text:
                cell = row[column]
                yield cell.start, cell.end, self._shown(text, cell.quoted or self._quotes(row, column))
        added = range(len(row), max(new) + 1)
        cells = [self._shown(new.get(column, ""), self._quotes(row, column)) for column in added]
        if cells:
            yield row[-1].end, row[-1].end, "".join(self.delimiter + cell for cell in cells)

    def _quotes(self, row: list[Cell], column: int) -> bool:
        """Whether a target is quoted without need: where its source is."""
        source = row[self.layout.source]
        return column == self.layout.target and source.quoted and not self._must(source.text)

    def _must(self, text: str) -> bool:
        return any(sign in text for sign in (self.delimiter, "\n", "\r")) or text.startswith('"')

    def _shown(self, text: str, quoted: bool) -> str:
        if not quoted and not self._must(text) and (self.delimiter == "\t" or '"' not in text):
            return text
        return '"' + text.replace('"', '""').replace("\n", self.content.newline) + '"'


def _layout(path: Path, names: list[str], language: str) -> Layout:
    target = _first(names, _wanted(language)) if language else None
    target = _first(names, _TARGETS) if target is None else target
    source = _first([name if number != target else "" for number, name in enumerate(names)], _SOURCES + _ENGLISH)
    if source is None:
        known = ", ".join(names) or "no names"
        raise SuiteError(f"{path.name} has no column of sources: its first line is {known}; call one 'source'.")
    if target is None:
        others = [number for number, name in enumerate(names) if _CODE.fullmatch(name) and number != source]
        target = others[0] if len(others) == 1 and not language and names[others[0]] not in _KEYS else len(names)
    return Layout(
        source,
        target,
        _first(names, _KEYS),
        _first(names, _CONTEXTS),
        _first(names, _NOTES),
        _first(names, ("style", "format", "flags")),
        _first(names, ("max_length", "maxlength", "max length", "limit")),
        _first(names, ("fuzzy", "needs review", "needs_review")),
        _first(names, ("why", "suite")),
    )


def _wanted(language: str) -> tuple[str, ...]:
    """What a column of a language may be called."""
    code = language.lower()
    try:
        name = name_of(language).lower()
    except SuiteError:  # none that has a name here
        name = code
    return code, code.replace("-", "_"), code.replace("_", "-"), code.partition("_")[0].partition("-")[0], name


def _language(names: list[str], layout: Layout) -> str:
    name = names[layout.target] if layout.target < len(names) else ""
    return name if _CODE.fullmatch(name) else ""


def _first(names: list[str], wanted: Sequence[str]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)


def _at(row: list[Cell], column: int | None) -> str:
    return "" if column is None or column >= len(row) else row[column].text


def _segment(key: str, row: list[Cell], layout: Layout) -> Segment:
    note, limit = _at(row, layout.note), _at(row, layout.limit).strip()
    return Segment(
        key=key,
        source=_at(row, layout.source).replace("\r\n", "\n"),
        target=_at(row, layout.target).replace("\r\n", "\n"),
        context=_at(row, layout.context) or _at(row, layout.key),
        note=note,
        style=_at(row, layout.style).strip() or None,
        fuzzy=_at(row, layout.fuzzy).strip().lower() in ("1", "true", "yes", "fuzzy", "x"),
        max_length=int(limit) if limit.isdecimal() and int(limit) else limit_in(note),
    )


def read(path: Path, language: str) -> Table:
    """A table. Raises `SuiteError` where no column of sources can be found, and for a quote that never ends."""
    content = read_content(path)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else _delimiter(content.text)
    rows = list(_rows(path, content.text, delimiter))
    return Table(path, content, rows, delimiter, language)


def _delimiter(text: str) -> str:
    """The sign that divides the column names."""
    first = re.sub(r'"[^"]*"', "", re.split(r"[\r\n]", text, maxsplit=1)[0])
    return max(",;\t|", key=first.count)


def _rows(path: Path, text: str, delimiter: str) -> Iterator[list[Cell]]:
    # A quote that closes before a delimiter or a line end makes a cell; any other, as in TSV without quoting, is text.
    cell = re.compile(rf'"((?:[^"]|"")*+)"(?=[{delimiter}\r\n]|\Z)|([^{delimiter}\r\n]*)')
    at, row = 0, list[Cell]()
    while at <= len(text):
        match = cell.match(text, at)
        assert match is not None  # the second branch matches nothing too
        if text[at : at + 1] == '"' and match[1] is None and delimiter != "\t":
            line = len(re.findall(r"\r\n|\r|\n", text[:at])) + 1
            raise SuiteError(
                f"{path.name}, line {line}: a quote opens a cell and does not close it; double it or add one."
            )
        quoted = match[1] is not None
        row.append(Cell(match.start(), match.end(), match[1].replace('""', '"') if quoted else match[2], quoted))
        at = match.end()
        if text[at : at + 1] == delimiter:
            at += 1
            continue
        yield row
        row, at = [], at + (2 if text[at : at + 2] == "\r\n" else 1)
        if at >= len(text):
            return
