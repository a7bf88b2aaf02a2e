"""What shows how much: meters, bars with thresholds, tiles, chips and badges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple

from suite.demo.formats import percent
from suite.demo.markup import Content, Markup, Tone, css, join, tag, toned

MOST_BARS = 8
"""Bars beside which a reader still finds the one he looks for; what is less probable is counted only."""


class Bar(NamedTuple):
    """One line of `bars`: a name, its share from 0 to 1, and the share from which it counts, where there is one."""

    name: Content
    share: float
    threshold: float | None = None
    strong: bool = False
    """Whether it is the answer, or one of them."""


class Tile(NamedTuple):
    """One figure of `tiles`: its value as it is shown, and what it is."""

    value: Content
    what: Content
    tone: Tone = ""


def meter(
    share: float, *, threshold: float | None = None, tone: Tone = "accent", label: str = "", thick: bool = False
) -> Markup:
    """A bar filled from the left; shares beyond 0 and 1 are drawn as those, NaN as 0.

    `threshold` draws a tick there. With a `label` screen readers are told the value; without one they skip the bar,
    for the same figure stands beside it.
    """
    inside = tag("i", style=f"width:{100 * _within(share):.1f}%")
    if threshold is not None:
        place = f"left:{100 * _within(threshold):.1f}%"
        inside += tag("u", style=place, title=f"threshold {percent(threshold, 1)}")
    attributes: dict[str, str | float] = {"aria_hidden": "true"}
    if label:
        attributes = {"role": "meter", "aria_label": label, "aria_valuemin": 0, "aria_valuemax": 1}
        attributes["aria_valuenow"] = f"{_within(share):.3f}"
    return tag("span", inside, class_=css("kit-meter", "kit-thick" if thick else "", toned(tone)), **attributes)


def bars(items: Sequence[Bar], *, most: int = MOST_BARS, digits: int = 1) -> Markup:
    """A bar for each of the first `most` items, in their order, `digits` decimals to a percent; the rest is counted."""
    rows = join(_bar(bar, digits) for bar in islice(items, most))
    rest = len(items) - most
    return tag("div", rows, tag("small", f"and {rest:,} less probable") if rest > 0 else "", class_="kit-bars")


def threshold_key() -> Markup:
    """The tick of a threshold, for a sentence that says what it is."""
    return tag("span", tag("u"), class_="kit-key")


def tiles(items: Iterable[Tile]) -> Markup:
    """Figures beside each other, as many in a row as fit."""
    return tag("div", join(_tile(tile) for tile in items), class_="kit-tiles")


def chips(texts: Iterable[Content]) -> Markup:
    """Short texts, each in a frame of its own."""
    return tag("span", join(tag("span", text, class_="kit-chip") for text in texts), class_="kit-chips")


def badge(text: Content, tone: Tone = "accent") -> Markup:
    """A word on a coloured ground."""
    return tag("span", text, class_=css("kit-badge", toned(tone)))


def _bar(item: Bar, digits: int) -> Markup:
    tone: Tone = "accent" if item.strong else "quiet"
    track = meter(item.share, threshold=item.threshold, tone=tone, thick=True)
    row = tag("span", item.name) + track + tag("span", percent(item.share, digits))
    return tag("div", row, class_=css("kit-bar", "kit-strong" if item.strong else ""))


def _tile(item: Tile) -> Markup:
    return tag("div", tag("b", item.value), tag("small", item.what), class_=css("kit-card", toned(item.tone)))


def _within(share: float) -> float:
    return min(share, 1.0) if share > 0 else 0.0  # NaN is not greater than 0
