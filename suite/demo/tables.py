"""Rows: a table inside a page, facts by name, and a list of which each entry has a place for what leads and ends it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from suite.demo.markup import Content, Markup, Tone, css, join, tag, toned


@dataclass(frozen=True)
class Row:
    """One entry of `rows` or of a pick list. All of it is text or phrasing HTML: an entry to pick is a button."""

    body: Content
    lead: Content = ""
    """In front: a rank, how likely it is."""
    end: Content = ""
    """At the end: an amount, a meter; in halves the second text."""
    below: Content = ""
    """Under the body: chips, how sure."""
    key: int | None = None
    """What a pick list calls the entry when it is picked; without one it is its place from 0 on."""
    strong: bool = False
    """Whether it stands out: the one that is picked, or that a visitor added."""


def table(
    head: Sequence[Content],
    rows: Iterable[Sequence[Content]],
    *,
    label: str,
    numbers: Collection[int] = (),
    wide_only: Collection[int] = (),
    strong: int | None = None,
    tone: Tone = "",
) -> Markup:
    """A table that scrolls where it is too large, framed; `label` names it to screen readers.

    `numbers` are the places of narrow columns, the last of which is set to the right; columns of `wide_only` are left
    out on a phone; `strong` is the place of a row that stands out, in `tone`. An empty `head` draws none.
    """

    def cells(kind: str, row: Sequence[Content]) -> Markup:
        classes = [
            css("kit-number" if n in numbers else "", "kit-wide" if n in wide_only else "") for n in range(len(row))
        ]
        return join(tag(kind, cell, class_=names, dir="auto") for cell, names in zip(row, classes, strict=True))

    top = tag("thead", tag("tr", cells("th", head))) if head else ""
    loud = css("kit-strong", toned(tone))
    lines = (tag("tr", cells("td", row), class_=loud if n == strong else None) for n, row in enumerate(rows))
    inside = tag("table", top, tag("tbody", *lines))
    return tag("div", inside, class_="kit-table", tabindex=0, role="region", aria_label=label)


def facts(known: Mapping[str, object]) -> Markup:
    """Names with their values, in two columns where there is room."""
    return tag(
        "dl", *(tag("div", tag("dt", name), tag("dd", str(value))) for name, value in known.items()), class_="kit-facts"
    )


def rows(items: Iterable[Row | Content], *, label: str, lead: str = "3rem", end: str = "auto") -> Markup:
    """A list of framed entries; what is no `Row` is a remark between two of them.

    `lead` and `end` are the widths of the first and the last column, in CSS units; on a phone the end of an entry goes
    below its body.
    """
    entries = (
        tag("div", *parts(item), class_=css("kit-row", "kit-strong" if item.strong else ""), role="listitem")
        if isinstance(item, Row)
        else tag("div", item, class_="kit-gap")
        for item in items
    )
    return tag("div", *entries, class_="kit-rows", style=widths(lead, end), role="list", aria_label=label)


def widths(lead: str, end: str) -> str:
    """The style that sets the first and the last column of rows."""
    return f"--kit-lead:{lead};--kit-end:{end}"


def parts(row: Row) -> list[Markup]:
    """The spans of an entry, those that are empty left out."""
    places = {"kit-lead": row.lead, "kit-body": row.body, "kit-end": row.end, "kit-below": row.below}
    return [
        tag("span", content, class_=name, dir="auto")
        for name, content in places.items()
        if content or name == "kit-body"
    ]
