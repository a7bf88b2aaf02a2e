"""HTML that is escaped unless it says otherwise: text is `str` and gets escaped, HTML is `Markup` and does not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from markupsafe import Markup

Content = str | Markup
"""What a piece shows: a plain `str` is text and escaped, a `Markup` is HTML and taken as it is."""
Tone = Literal["", "accent", "good", "warn", "bad", "quiet"]
"""How a piece is coloured: the app's accent, green, amber, red or grey; empty leaves it as the text around it."""
Attribute = str | float | bool | None
VOID = frozenset({"br", "img"})
"""Elements without an end."""


def tag(name: str, /, *content: Content, **attributes: Attribute) -> Markup:
    """One element: `name` with its attributes around its content, both escaped.

    A trailing underscore of an attribute is dropped and the others become hyphens (`class_`, `data_row`); True writes
    the name alone, False and None leave it out. `name` and the attributes' names must be the program's own: they are
    not escaped.

    >>> tag("p", "1 < 2", class_="sum", hidden=True)
    Markup('<p class="sum" hidden>1 &lt; 2</p>')
    """
    head = join(_attribute(key, value) for key, value in attributes.items())
    opened = Markup("<{}{}>").format(name, head)
    return opened if name in VOID else opened + join(content) + Markup("</{}>").format(name)


def join(parts: Iterable[Content], between: Content = "") -> Markup:
    """The parts one after the other, escaped where they are text, with `between` between them."""
    return Markup.escape(between).join(parts)


def css(*names: str) -> str | None:
    """Class names in a row, those that are empty left out; None where nothing is left, so that no attribute is made."""
    return " ".join(filter(None, names)) or None


def toned(tone: Tone) -> str:
    """The class that gives a piece its tone."""
    return f"kit-{tone}" if tone else ""


def _attribute(name: str, value: Attribute) -> Markup:
    written = name.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return Markup("")
    return Markup(" {}").format(written) if value is True else Markup(' {}="{}"').format(written, value)
