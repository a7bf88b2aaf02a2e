"""XLIFF 1.2 (https://docs.oasis-open.org/xliff/v1.2/os/xliff-core.html) and
2 (https://docs.oasis-open.org/xliff/xliff-core/v2.1/xliff-core-v2.1.html).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from suite import SuiteError
from suite_translation.formats.base import (
    Answer,
    Content,
    Document,
    Edit,
    Segment,
    limit_in,
    newline_of,
    one_line,
    unique,
)
from suite_translation.formats.inline import Inline, expanded, shortened
from suite_translation.formats.xml_tree import Node, escaped, indent_before, read_xml, with_attribute, without_attribute
from suite_translation.strings.languages import alike

# What XLIFF 1.2 calls a target that still waits for a person.
_OPEN = {"new", "needs-translation", "needs-adaptation", "needs-l10n"}
_OPEN |= {"needs-review-translation", "needs-review-adaptation", "needs-review-l10n"}


_LANGUAGES = {False: ("source-language", "target-language"), True: ("srcLang", "trgLang")}
"""The attributes that say them: of each file in version 1.2, of the root in version 2."""


@dataclass(frozen=True)
class Unit:
    """A trans-unit, or a segment of a unit of version 2: `holder` has the state of it."""

    unit: Node
    holder: Node
    source: Node
    target: Node | None
    inline: Inline


class Xliff(Document):
    """An XLIFF file; `two` tells version 2."""

    format = "xliff"
    errors = "xmlcharrefreplace"

    def __init__(self, path: Path, content: Content, root: Node, language: str) -> None:
        self.root, self.two = root, root.get("version").startswith("2")
        found = _segments_of_two(root) if self.two else _units_of_one(root)
        self.units = [
            Unit(unit, holder, source, holder.child("target"), shortened(source, content.text))
            for unit, holder in found
            if (source := holder.child("source")) is not None
        ]
        keys = unique(_key(one) for one in self.units)
        self.by_key = dict(zip(keys, self.units, strict=True))
        self.parts, self.others = _parts(path, root, language, two=self.two)
        segments = [
            _segment(key, one, content.text, two=self.two, ours=self.two or _file(one.unit) in self.parts)
            for key, one in self.by_key.items()
        ]
        said, wanted = (self.parts[0].get(name) for name in _LANGUAGES[self.two])
        super().__init__(path, content, segments, (said, wanted or language))

    def edits(self, answers: Mapping[str, Answer], language: str) -> list[Edit]:
        """Targets with their states and our notes, and the target language where the file has none."""
        changed: dict[int, tuple[Node, str]] = {}
        answered = [(self.by_key[key], answer) for key, answer in answers.items()]
        found = [edit for one, answer in answered for edit in self._unit(one, answer, changed)]
        if found:
            self._language(language, changed)
        for unit, why in _by_unit(answered):
            found += [(start, end, "") for start, end in _old_notes(unit, self.content.text)]
            if self.two and why:
                found.append(self._note_of_two(unit, why))
        return found + [(node.start, node.inside, tag) for node, tag in changed.values()]

    def _language(self, language: str, changed: dict[int, tuple[Node, str]]) -> None:
        name = _LANGUAGES[self.two][1]
        for node in self.parts:
            if not node.get(name) or not alike(node.get(name), language):
                _change(self.content.text, changed, node, name, language)

    def _unit(self, one: Unit, answer: Answer, changed: dict[int, tuple[Node, str]]) -> Iterator[Edit]:
        text = self.content.text
        made = expanded(answer.target, one.inline, newline_of(text))
        if made is None:
            made = text[one.source.inside : one.source.outside]
            answer = Answer(one.inline.text, True, f"{answer.why} The tags don't close in their order.".strip())
        if self.two:
            self._state_of_two(one, answer, changed)
            yield self._target(one, self._tag(one), made, "")
        else:
            yield self._target(one, self._tag_of_one(one, answer, changed), made, _note(answer))

    def _target(self, one: Unit, tag: str, made: str, note: str) -> Edit:
        """The target in its place, or after the source; a note stands on a line of its own after it."""
        text = self.content.text
        prefix = one.source.tag.removesuffix("source")
        indent = indent_before(text, one.source.start)
        new = f"{tag}{made}</{prefix}target>{indent if note else ''}{note.format(prefix=prefix)}"
        if one.target is None:
            beside = one.holder.child("seg-source") or one.source
            return beside.end, beside.end, indent + new
        return one.target.start, one.target.end, new

    def _tag(self, one: Unit) -> str:
        """The start tag of the target, the file's own if it has one."""
        if one.target is None:
            return f"<{one.source.tag.removesuffix('source')}target>"
        tag = self.content.text[one.target.start : one.target.inside]
        return tag.removesuffix("/>").rstrip() + ">" if tag.endswith("/>") else tag

    def _tag_of_one(self, one: Unit, answer: Answer, changed: dict[int, tuple[Node, str]]) -> str:
        tag = self._tag(one)
        if answer.fuzzy:
            if one.unit.get("approved") == "yes":
                _change(self.content.text, changed, one.unit, "approved", "no")
            return with_attribute(tag, "state", "needs-review-translation")
        if one.target is not None and one.target.get("state"):
            tag = without_attribute(with_attribute(tag, "state", "translated"), "state-qualifier")
        return tag

    def _state_of_two(self, one: Unit, answer: Answer, changed: dict[int, tuple[Node, str]]) -> None:
        if answer.fuzzy or one.holder.get("state"):
            _change(self.content.text, changed, one.holder, "state", "initial" if answer.fuzzy else "translated")

    def _note_of_two(self, unit: Node, why: str) -> Edit:
        """A note in a unit of version 2, whose segments share its notes."""
        text, notes, first = self.content.text, unit.child("notes"), unit.children[0]
        prefix = unit.tag.removesuffix("unit")
        note = f'<{prefix}note category="suite">{escaped(one_line(why))}</{prefix}note>'
        if notes is not None and not all(map(_is_ours, notes.children)):
            return notes.inside, notes.inside, indent_before(text, notes.children[0].start) + note
        first = first if notes is None else unit.children[unit.children.index(notes) + 1]
        indent = indent_before(text, first.start)
        return first.start, first.start, f"<{prefix}notes>{note}</{prefix}notes>{indent}"


def _by_unit(answered: Sequence[tuple[Unit, Answer]]) -> Iterator[tuple[Node, str]]:
    """Each unit with what is said of all its segments."""
    whys: dict[int, tuple[Node, list[str]]] = {}
    for one, answer in answered:
        whys.setdefault(one.unit.start, (one.unit, []))[1].append(answer.why)
    yield from ((unit, " ".join(filter(None, texts))) for unit, texts in whys.values())


def _change(text: str, changed: dict[int, tuple[Node, str]], node: Node, name: str, value: str) -> None:
    """Sets an attribute in a start tag that other answers may change too."""
    tag = changed[node.start][1] if node.start in changed else text[node.start : node.inside]
    changed[node.start] = node, with_attribute(tag, name, value)


def _note(answer: Answer) -> str:
    why = escaped(one_line(answer.why)).replace("{", "{{").replace("}", "}}")
    return f'<{{prefix}}note from="suite">{why}</{{prefix}}note>' if why else ""


def _old_notes(unit: Node, text: str) -> Iterator[tuple[int, int]]:
    """Our notes of an earlier time, with the white space before them; all of `notes` where they were alone in it."""
    inside = unit.child("notes")
    if inside is not None and inside.children and all(map(_is_ours, inside.children)):
        yield inside.start - len(indent_before(text, inside.start)), inside.end
        return
    for one in [*unit.children, *(inside.children if inside else [])]:
        if _is_ours(one):
            yield one.start - len(indent_before(text, one.start)), one.end


def _is_ours(node: Node) -> bool:
    return node.name == "note" and "suite" in (node.get("from"), node.get("category"))


def _units_of_one(root: Node) -> list[tuple[Node, Node]]:
    return [(unit, unit) for unit in root.all("trans-unit")]


def _segments_of_two(root: Node) -> list[tuple[Node, Node]]:
    return [(unit, one) for unit in root.all("unit") for one in unit.children if one.name == "segment"]


def _parts(path: Path, root: Node, language: str, *, two: bool) -> tuple[list[Node], list[str]]:
    """The elements that say the languages of what is to be translated into `language`, and those of all others.

    Files of one other language may be wrong about it, where nothing is translated yet; of several, none is meant.
    """
    source, target = _LANGUAGES[two]
    files = [root] if two else list(root.all("file")) or [root]
    wanted = language or next(filter(None, (one.get(target) for one in files)), "")
    ours = [one for one in files if alike(one.get(target), wanted)]
    ours = [one for one in ours if alike(one.get(source), ours[0].get(source))]
    others = sorted({f"{one.get(source)} into {one.get(target)}" for one in files if one not in ours})
    if not ours and len(others) > 1:
        raise SuiteError(f"{path.name} is for {' and '.join(others)}, not into {language}; ask for one of these.")
    return ours or files, others if ours else []


def _file(unit: Node) -> Node:
    """The file that a unit is in, else the root."""
    node = unit
    while node.name != "file" and node.parent is not None:
        node = node.parent
    return node


def _key(one: Unit) -> str:
    file = _file(one.unit)
    ids = [file.get("original") or file.get("id"), one.unit.get("id")]
    if one.holder is not one.unit:
        ids.append(one.holder.get("id"))
    return "/".join(part for part in ids if part)


def _segment(key: str, one: Unit, text: str, *, two: bool, ours: bool) -> Segment:
    target = shortened(one.target, text).text if one.target is not None else ""
    state = one.holder.get("state") if two else (one.target.get("state") if one.target is not None else "")
    inside = one.unit.child("notes")
    notes = [node for node in [*one.unit.children, *(inside.children if inside else [])] if node.name == "note"]
    note = "\n".join(one_line(node.text) for node in notes if not _is_ours(node))
    return Segment(
        key=key,
        source=one.inline.text,
        target=target,
        context=one.unit.get("resname") or one.unit.get("name") or one.unit.get("id"),
        note=note,
        fuzzy=bool(target.strip()) and (state == "initial" if two else state in _OPEN),
        max_length=_limit(one.unit) or limit_in(note),
        translate=ours and one.unit.inherited("translate") != "no",
    )


def _limit(unit: Node) -> int | None:
    """`maxwidth` in characters (its unit is pixels unless said), or the size restriction of version 2 ("5,20")."""
    value = unit.get("maxwidth") if unit.get("size-unit") == "char" else unit.get("sizeRestriction")
    last = value.rpartition(",")[2].strip()
    return int(last) if last.isdecimal() and int(last) else None


def read(path: Path, language: str) -> Xliff:
    """An XLIFF file. Raises `SuiteError` for other XML and for what is broken."""
    content, root = read_xml(path)
    if root.name != "xliff":
        raise SuiteError(f"{path.name} is no XLIFF file: its outermost element is <{root.tag}>, not <xliff>.")
    return Xliff(path, content, root, language)
