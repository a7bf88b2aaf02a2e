"""Inline elements of XLIFF and TMX as short tags in a plain text, and back.

`Press <ph id="1">&lt;b&gt;</ph><g id="2">OK</g>` is read as `Press <ph-1/><g-2>OK</g-2>`, which a translator, a model
and `placeholders.problems` understand; on writing each tag becomes the XML it stood for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from suite import SuiteError
from suite_translation.formats.xml_tree import Node, escaped, parse

# Elements around text to translate; all others stand for something and are kept whole.
_SPANS = {"g", "pc", "mrk", "hi"}
# Elements that open and close a span without being nested in XML, with the attribute that pairs them.
_OPEN = {"bpt": ("rid", "i", "id"), "bx": ("rid", "id"), "sc": ("id",), "sm": ("id",)}
_CLOSE = {"ept": ("bpt", ("rid", "i", "id")), "ex": ("bx", ("rid", "id")), "ec": ("sc", ("startRef", "id"))}
_CLOSE |= {"em": ("sm", ("startRef",))}


@dataclass
class Inline:
    """What each short tag stands for, in the text of one source or target."""

    text: str = ""
    tags: dict[str, str] = field(default_factory=dict)


def shortened(node: Node, text: str) -> Inline:
    """The content of an element of the file `text`, with short tags."""
    made = Inline()
    made.text = "".join(_shown(node, text, made.tags))
    return made


def _shown(node: Node, text: str, tags: dict[str, str]) -> Iterator[str]:
    for part in node.parts:
        if isinstance(part, str):
            yield part
        elif part.name in _SPANS and part.end > part.inside and part.get("translate") != "no":
            yield from _span(part, text, tags)
        else:
            yield _added(tags, _short(part, len(tags)), text[part.start : part.end])


def _span(node: Node, text: str, tags: dict[str, str]) -> Iterator[str]:
    name = f"{node.name}-{_label(node, ('id', 'i', 'x'), len(tags))}"
    while f"<{name}>" in tags:
        name += ".2"
    yield _added(tags, f"<{name}>", text[node.start : node.inside])
    yield from _shown(node, text, tags)
    yield _added(tags, f"</{name}>", text[node.outside : node.end])


def _short(node: Node, number: int) -> str:
    if node.name in _OPEN:
        return f"<{node.name}-{_label(node, _OPEN[node.name], number)}>"
    if node.name in _CLOSE:
        opener, names = _CLOSE[node.name]
        return f"</{opener}-{_label(node, names, number)}>"
    return f"<{node.name}-{_label(node, ('id', 'x'), number)}/>"


def _label(node: Node, names: tuple[str, ...], number: int) -> str:
    label = next((value for name in names if (value := node.get(name))), "")
    return label if re.fullmatch(r"[\w.]{1,20}", label) else f"n{number}"


def _added(tags: dict[str, str], short: str, xml: str) -> str:
    while short in tags:
        short = re.sub(r"(/?>)$", r".2\1", short)
    tags[short] = xml
    return short


def expanded(text: str, source: Inline, newline: str) -> str | None:
    """A target as XML; None if its tags, put in, would leave it broken."""
    pieces = [text]
    if source.tags:
        pieces = re.split(f"({'|'.join(re.escape(tag) for tag in source.tags)})", text)
    made = "".join(source.tags.get(piece) or escaped(piece).replace("\n", newline) for piece in pieces)
    if not source.tags:
        return made
    # Prefixes are declared further up in the file; here they only need to be well formed.
    try:
        parse("the target", f"<x>{made}</x>")
    except SuiteError:
        return None
    return made
