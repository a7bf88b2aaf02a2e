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
class Pair:
    """Source and target of a trans-unit, or of a segment in a unit of version 2; `holder` has the state of them."""

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
        holders = _segments_of_two(root) if self.two else _units_of_one(root)
        self.pairs = [
            Pair(unit, holder, source, holder.child("target"), shortened(source, content.text))
            for unit, holder in holders
            if (source := holder.child("source")) is not None
        ]
        keys = unique(_key(pair) for pair in self.pairs)
        self.by_key = dict(zip(keys, self.pairs, strict=True))
        self.parts, self.others = _parts(path, root, language, two=self.two)
        segments = [
            _segment(key, pair, content.text, two=self.two, ours=self.two or _file(pair.unit) in self.parts)
            for key, pair in self.by_key.items()
        ]
        said, wanted = (self.parts[0].get(name) for name in _LANGUAGES[self.two])
        super().__init__(path, content, segments, (said, wanted or language))

    def edits(self, answers: Mapping[str, Answer], language: str) -> list[Edit]:
        """Targets with their states and our notes, and the target language where the file has none."""
        changed: dict[int, tuple[Node, str]] = {}
        answered = [(self.by_key[key], answer) for key, answer in answers.items()]
        edits = [edit for pair, answer in answered for edit in self._unit(pair, answer, changed)]
        if edits:
            self._language(language, changed)
        for unit, why in _by_unit(answered):
            edits += [(start, end, "") for start, end in _old_notes(unit, self.content.text)]
            if self.two and why:
                edits.append(self._note_of_two(unit, why))
        return edits + [(node.start, node.inside, tag) for node, tag in changed.values()]

    def _language(self, language: str, changed: dict[int, tuple[Node, str]]) -> None:
        name = _LANGUAGES[self.two][1]
        for node in self.parts:
            if not node.get(name) or not alike(node.get(name), language):
                _change(self.content.text, changed, node, name, language)

    def _unit(self, pair: Pair, answer: Answer, changed: dict[int, tuple[Node, str]]) -> Iterator[Edit]:
        text = self.content.text
        made = expanded(answer.target, pair.inline, self.content.newline)
        if made is None:
            made = text[pair.source.inside : pair.source.outside]
            answer = Answer(pair.inline.text, True, f"{answer.why} The tags don't close in their order.".strip())
        if self.two:
            self._state_of_two(pair, answer, changed)
            yield self._target(pair, self._tag(pair), made, "")
        else:
            yield self._target(pair, self._tag_of_one(pair, answer, changed), made, _note(answer))

    def _target(self, pair: Pair, tag: str, made: str, note: str) -> Edit:
        """The target in its place, or after the source; a note stands on a line of its own after it."""
        text = self.content.text
        prefix = pair.source.tag.removesuffix("source")
        indent = indent_before(text, pair.source.start)
        new = f"{tag}{made}</{prefix}target>{indent if note else ''}{note.format(prefix=prefix)}"
        if pair.target is None:
            beside = pair.holder.child("seg-source") or pair.source
            return beside.end, beside.end, indent + new
        return pair.target.start, pair.target.end, new

    def _tag(self, pair: Pair) -> str:
        """The start tag of the target, the file's own if it has one."""
        if pair.target is None:
            return f"<{pair.source.tag.removesuffix('source')}target>"
        tag = self.content.text[pair.target.start : pair.target.inside]
        return tag.removesuffix("/>").rstrip() + ">" if tag.endswith("/>") else tag

    def _tag_of_one(self, pair: Pair, answer: Answer, changed: dict[int, tuple[Node, str]]) -> str:
        tag = self._tag(pair)
        if answer.fuzzy:
            if pair.unit.get("approved") == "yes":
                _change(self.content.text, changed, pair.unit, "approved", "no")
            return with_attribute(tag, "state", "needs-review-translation")
        if pair.target is not None and pair.target.get("state"):
            tag = without_attribute(with_attribute(tag, "state", "translated"), "state-qualifier")
        return tag

    def _state_of_two(self, pair: Pair, answer: Answer, changed: dict[int, tuple[Node, str]]) -> None:
        if answer.fuzzy or pair.holder.get("state"):
            _change(self.content.text, changed, pair.holder, "state", "initial" if answer.fuzzy else "translated")

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


def _by_unit(answered: Sequence[tuple[Pair, Answer]]) -> Iterator[tuple[Node, str]]:
    """Each unit with what is said of all its segments."""
    whys: dict[int, tuple[Node, list[str]]] = {}
    for pair, answer in answered:
        whys.setdefault(pair.unit.start, (pair.unit, []))[1].append(answer.why)
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
    for node in [*unit.children, *(inside.children if inside else [])]:
        if _is_ours(node):
            yield node.start - len(indent_before(text, node.start)), node.end


def _is_ours(node: Node) -> bool:
    return node.name == "note" and "suite" in (node.get("from"), node.get("category"))


def _units_of_one(root: Node) -> list[tuple[Node, Node]]:
    return [(unit, unit) for unit in root.all("trans-unit")]


def _segments_of_two(root: Node) -> list[tuple[Node, Node]]:
    return [(unit, child) for unit in root.all("unit") for child in unit.children if child.name == "segment"]


def _parts(path: Path, root: Node, language: str, *, two: bool) -> tuple[list[Node], list[str]]:
    """The elements that say the languages of what is to be translated into `language`, and those of all others.

    Files of one other language may be wrong about it, where nothing is translated yet; of several, none is meant.
    """
    source, target = _LANGUAGES[two]
    files = [root] if two else list(root.all("file")) or [root]
    wanted = language or next(filter(None, (file.get(target) for file in files)), "")
    ours = [file for file in files if alike(file.get(target), wanted)]
    ours = [file for file in ours if alike(file.get(source), ours[0].get(source))]
    others = sorted({f"{file.get(source)} into {file.get(target)}" for file in files if file not in ours})
    if not ours and len(others) > 1:
        raise SuiteError(f"{path.name} is for {' and '.join(others)}, not into {language}; ask for one of these.")
    return ours or files, others if ours else []


def _file(unit: Node) -> Node:
    """The file that a unit is in, else the root."""
    node = unit
    while node.name != "file" and node.parent is not None:
        node = node.parent
    return node


def _key(pair: Pair) -> str:
    file = _file(pair.unit)
    ids = [file.get("original") or file.get("id"), pair.unit.get("id")]
    if pair.holder is not pair.unit:
        ids.append(pair.holder.get("id"))
    return "/".join(part for part in ids if part)


def _segment(key: str, pair: Pair, text: str, *, two: bool, ours: bool) -> Segment:
    target = shortened(pair.target, text).text if pair.target is not None else ""
    state = pair.holder.get("state") if two else (pair.target.get("state") if pair.target is not None else "")
    inside = pair.unit.child("notes")
    notes = [node for node in [*pair.unit.children, *(inside.children if inside else [])] if node.name == "note"]
    note = "\n".join(one_line(node.text) for node in notes if not _is_ours(node))
    return Segment(
        key=key,
        source=pair.inline.text,
        target=target,
        context=pair.unit.get("resname") or pair.unit.get("name") or pair.unit.get("id"),
        note=note,
        fuzzy=bool(target.strip()) and (state == "initial" if two else state in _OPEN),
        max_length=_limit(pair.unit) or limit_in(note),
        translate=ours and pair.unit.inherited("translate") != "no",
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
