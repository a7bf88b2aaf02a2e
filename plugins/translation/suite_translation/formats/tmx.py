"""Translation memories, TMX 1.4 (https://www.gala-global.org/tmx-14b)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from suite import SuiteError
from suite_translation.formats.base import Answer, Content, Document, Edit, Segment, one_line, unique
from suite_translation.formats.inline import expanded, shortened
from suite_translation.formats.xml_tree import Node, escaped, indent_before, read_xml


class Memory(Document):
    """A TMX file, read from its source language into one other; a unit without the source language is left alone."""

    format = "tmx"
    errors = "xmlcharrefreplace"

    def __init__(self, path: Path, content: Content, root: Node, language: str) -> None:
        header = root.child("header")
        source = header.get("srclang") if header else ""
        units = list(root.all("tu"))
        source = "en" if source in ("", "*all*") else source
        language = language or _only_other(path, units, source)
        pairs = [
            (unit, variant) for unit in units if (variant := _variant(unit, unit.get("srclang") or source)) is not None
        ]
        keys = unique(unit.get("tuid") or str(number) for number, (unit, _) in enumerate(pairs, 1))
        self.units = dict(zip(keys, pairs, strict=True))
        self.language = language
        segments = [self._segment(key, content.text) for key in self.units]
        super().__init__(path, content, segments, (source, language))

    def _segment(self, key: str, text: str) -> Segment:
        unit, source = self.units[key]
        target = _variant(unit, self.language)
        notes = [one_line(child.text) for child in unit.children if child.name == "note"]
        marks = [child.text for child in target.children if child.get("type") == "x-fuzzy"] if target else []
        return Segment(
            key=key,
            source=shortened(_seg(source), text).text,
            target=shortened(_seg(target), text).text if target else "",
            context=unit.get("tuid"),
            note="\n".join(notes),
            fuzzy="true" in marks,
        )

    def edits(self, answers: Mapping[str, Answer], language: str) -> list[Edit]:
        """The variants in `language`, new ones last in their unit."""
        return [edit for key, answer in answers.items() for edit in self._unit(key, answer, language)]

    def _unit(self, key: str, answer: Answer, language: str) -> Iterator[Edit]:
        text, (unit, source) = self.content.text, self.units[key]
        made = expanded(answer.target, shortened(_seg(source), text), self.content.newline)
        if made is None:
            seg = _seg(source)
            made = text[seg.inside : seg.outside]
            answer = Answer("", True, f"{answer.why} The tags don't close in their order.".strip())
        target = _variant(unit, language)
        if target is None:
            last = [child for child in unit.children if child.name == "tuv"][-1]
            new = f'<tuv xml:lang="{language}">{_marks(answer)}<seg>{made}</seg></tuv>'
            yield last.end, last.end, indent_before(text, last.start) + new
            return
        for child in target.children:
            if child.get("type") in ("x-fuzzy", "x-suite"):
                yield child.start, child.end, ""
        seg = _seg(target)
        yield target.inside, target.inside, _marks(answer)
        yield seg.start, seg.end, f"<seg>{made}</seg>"


def _marks(answer: Answer) -> str:
    """The prop elements that tell a person to look, and why; TMX itself has no such mark."""
    fuzzy = '<prop type="x-fuzzy">true</prop>' if answer.fuzzy else ""
    return fuzzy + (f'<prop type="x-suite">{escaped(one_line(answer.why))}</prop>' if answer.why else "")


def _variant(unit: Node, language: str) -> Node | None:
    """The variant in a language: the very code first, then any of the same language."""
    variants = [child for child in unit.children if child.name == "tuv" and child.child("seg") is not None]
    wanted = _code(language)
    exact = [child for child in variants if _code(child.get("lang")) == wanted]
    base = [child for child in variants if _code(child.get("lang"))[0] == wanted[0]]
    return next(iter(exact + base), None)


def _code(language: str) -> list[str]:
    return language.replace("_", "-").lower().split("-")


def _seg(variant: Node) -> Node:
    seg = variant.child("seg")
    assert seg is not None  # `_variant` gives none without
    return seg


def _only_other(path: Path, units: list[Node], source: str) -> str:
    others = {child.get("lang") for unit in units for child in unit.children if child.name == "tuv"}
    others = {code for code in others if _code(code)[0] != _code(source)[0]}
    if len(others) != 1:
        known = ", ".join(sorted(others)) or "no other language"
        raise SuiteError(f"{path.name} has {known} beside {source}; say which language is wanted.")
    return others.pop()


def read(path: Path, language: str) -> Memory:
    """A TMX file. Raises `SuiteError` for other XML, and where it can't be told which language is wanted."""
    content, root = read_xml(path)
    if root.name != "tmx":
        raise SuiteError(f"{path.name} is no TMX file: its outermost element is <{root.tag}>, not <tmx>.")
    return Memory(path, content, root, language)
