"""XML with the places of all its elements, so that one can be changed and the rest stays byte for byte.

The parser is expat; a file that declares a document type is refused, as one can name files to read (XXE) and entities
that grow without end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat
from xml.sax.saxutils import escape

from suite import SuiteError
from suite_translation.formats.base import Content, decoded, read_bytes

_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']""")
_ATTRIBUTE = re.compile(r"""\s([\w:.-]+)\s*=\s*("[^"]*"|'[^']*')""")
_TAG = re.compile(rb"""<(?:[^>"']+|"[^"]*"|'[^']*')*>""")
# Deeper than any such format goes; an inline element in another is rare enough.
_DEPTH = 100


@dataclass(eq=False)
class Node:
    """An element: its start tag is characters `start` to `inside`, its end tag `outside` to `end`; both equal, and
    `inside` too, where it is empty (`<x/>`). `parts` are its texts and elements in order.
    """

    name: str
    tag: str
    attributes: dict[str, str]
    start: int
    inside: int = 0
    outside: int = 0
    end: int = 0
    parts: list[str | Node] = field(default_factory=list)
    parent: Node | None = None

    @property
    def children(self) -> list[Node]:
        """The elements directly in it."""
        return [part for part in self.parts if isinstance(part, Node)]

    def child(self, name: str) -> Node | None:
        """The first element of a local name directly in it."""
        return next((node for node in self.children if node.name == name), None)

    def all(self, name: str) -> Iterator[Node]:
        """The elements of a local name in it, at any depth, in order."""
        for node in self.children:
            if node.name == name:
                yield node
            yield from node.all(name)

    def get(self, name: str, default: str = "") -> str:
        """An attribute by its local name."""
        return next((value for key, value in self.attributes.items() if key.rpartition(":")[2] == name), default)

    def inherited(self, name: str) -> str:
        """An attribute, its own or the next one above."""
        node: Node | None = self
        while node is not None:
            if value := node.get(name):
                return value
            node = node.parent
        return ""

    @property
    def text(self) -> str:
        """All its text without tags."""
        return "".join(part if isinstance(part, str) else part.text for part in self.parts)


class _Builder:
    def __init__(self, data: bytes) -> None:
        self.data, self.stack = data, list[Node]()
        self.root: Node | None = None
        self.parser = expat.ParserCreate("utf-8")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.SkippedEntityHandler = self._entity
        self.parser.StartElementHandler = self._open
        self.parser.EndElementHandler = self._close
        self.parser.CharacterDataHandler = self._text

    def _doctype(self, _: str, system: str | None, public: str | None, inside: int) -> None:
        """A document type that only names its DTD, as most writers of TMX do, is let be; nothing is ever fetched."""
        if inside or not (system or "").endswith(".dtd"):
            raise SuiteError(
                "it declares a document type (DOCTYPE), which may name files or entities; take that line out"
            )

    def _entity(self, name: str, parameter: int) -> None:
        """With a DTD unread, expat would leave out what it cannot know."""
        raise SuiteError(f"undefined entity &{name};")

    def _open(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self.stack) > _DEPTH:
            raise SuiteError(f"its elements are more than {_DEPTH} deep")
        at = self.parser.CurrentByteIndex
        node = Node(tag.rpartition(":")[2], tag, attributes, at, _tag_end(self.data, at))
        if self.stack:
            node.parent = self.stack[-1]
            self.stack[-1].parts.append(node)
        else:
            self.root = node
        self.stack.append(node)

    def _close(self, _: str) -> None:
        node = self.stack.pop()
        if self.data[node.inside - 2 : node.inside] == b"/>":
            node.outside = node.end = node.inside
        else:
            node.outside = self.parser.CurrentByteIndex
            node.end = self.data.index(b">", node.outside) + 1

    def _text(self, text: str) -> None:
        if self.stack:
            self.stack[-1].parts.append(text)


def _tag_end(data: bytes, at: int) -> int:
    """Past the `>` of the start tag at `at`; one inside quotes belongs to an attribute."""
    tag = _TAG.match(data, at)
    return tag.end() if tag else len(data)


def read_xml(path: Path) -> tuple[Content, Node]:
    """The file's text and its root; places are characters of that text. Raises `SuiteError` for broken XML."""
    raw = read_bytes(path)
    declared = _DECLARED.match(raw.removeprefix(b"\xef\xbb\xbf"))
    content = decoded(path, raw, declared[1].decode() if declared else "utf-8")
    return content, parse(path.name, content.text)


def parse(name: str, text: str) -> Node:
    """The root of a document in a string. Raises `SuiteError` with the place of what is broken."""
    data = text.encode()
    builder = _Builder(data)
    try:
        builder.parser.Parse(data, True)
    except SuiteError as error:
        raise SuiteError(f"{name}, line {builder.parser.CurrentLineNumber}: {error}.") from None
    except expat.ExpatError as error:
        raise SuiteError(f"{name} is broken XML, line {error.lineno}: {expat.ErrorString(error.code)}.") from None
    assert builder.root is not None
    _to_characters(builder.root, data)
    return builder.root


def _to_characters(root: Node, data: bytes) -> None:
    """Places counted in bytes of UTF-8 become places counted in characters."""
    if data.isascii():
        return
    nodes = [root, *_below(root)]
    places = sorted({place for node in nodes for place in (node.start, node.inside, node.outside, node.end)})
    counted, at, before = {}, 0, 0
    for place in places:
        at, before = at + len(data[before:place].decode()), place
        counted[place] = at
    for node in nodes:
        node.start, node.inside = counted[node.start], counted[node.inside]
        node.outside, node.end = counted[node.outside], counted[node.end]


def _below(node: Node) -> Iterator[Node]:
    for child in node.children:
        yield child
        yield from _below(child)


def escaped(text: str) -> str:
    """Text as it stands in XML."""
    return escape(text, {"\r": "&#13;"})


def with_attribute(tag: str, name: str, value: str) -> str:
    """A start tag with an attribute set, in its place where it has it, else last."""
    quoted = escape(value, {'"': "&quot;"})
    for attribute in _ATTRIBUTE.finditer(tag):
        if attribute[1] == name:
            return f'{tag[: attribute.start(2)]}"{quoted}"{tag[attribute.end(2) :]}'
    end = re.search(r"\s*/?>$", tag)
    place = end.start() if end else len(tag)
    return f'{tag[:place]} {name}="{quoted}"{tag[place:]}'


def without_attribute(tag: str, name: str) -> str:
    """A start tag with an attribute taken out."""
    attribute = next((match for match in _ATTRIBUTE.finditer(tag) if match[1] == name), None)
    return tag[: attribute.start()] + tag[attribute.end() :] if attribute else tag


def indent_before(text: str, at: int) -> str:
    """The line end and white space before a place, for something to be put beside it; empty where it has none."""
    indent = re.search(r"(?:\r\n|\r|\n)[ \t]*$", text[max(0, at - 200) : at])
    return indent[0] if indent else ""
