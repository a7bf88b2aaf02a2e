"""Pictures with captions, and a curve. Pictures travel inside the page: none is left in a file."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from suite.demo.markup import Content, Markup, Tone, css, join, tag, toned

if TYPE_CHECKING:
    from PIL import Image

WIDTH, HEIGHT, SIDE, TOP, FOOT = 430, 140, 8, 14, 22
"""Of a curve, in pixels of a screen on which two fit beside each other: its size, and the margins for its words."""


def data_uri(image: Image.Image, longest: int = 0) -> str:
    """A PNG inside its address, so that it is kept in no file; at most `longest` pixels a side, 0 for as it is."""
    shown, file = image, io.BytesIO()
    if longest:
        shown = image.copy()
        shown.thumbnail((longest, longest))
    shown.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def picture(image: Image.Image, alt: str, *, longest: int = 0, ground: Literal["checks", "black"] = "checks") -> Markup:
    """A square with the whole picture in it, on `ground` where the picture is clear or not square.

    `alt` says what it shows to whom does not see it; `longest` is as in `data_uri`.
    """
    return tag("img", class_=f"kit-picture kit-{ground}", src=data_uri(image, longest), alt=alt)


def figure(*pictures: Markup, caption: Content) -> Markup:
    """Pictures beside each other with one caption below."""
    shown = tag("div", *pictures, class_="kit-side") if len(pictures) > 1 else join(pictures)
    return tag("figure", shown, tag("figcaption", caption))


def figures(items: Iterable[Markup], *, columns: int, narrow: int = 1) -> Markup:
    """Figures in `columns` columns, `narrow` where the page is narrow."""
    return tag("div", *items, class_="kit-figures", style=f"--kit-wide:{columns};--kit-narrow:{narrow}")


def curve(
    values: Sequence[float],
    *,
    caption: Content,
    at: int,
    said: str,
    ends: tuple[str, str],
    ring: int | None = None,
    label: str = "Curve",
    tone: Tone = "good",
) -> Markup:
    """A line over the places 0, 1, ... of `values`, at least one; the place `at` is marked and `said` written there.

    `ends` are written below both ends, `ring` circles a place of interest, `label` names the drawing to screen
    readers. The line of 0 is always in the picture. Raises `IndexError` where `at` or `ring` is none of the places.
    """
    low, high = min(0.0, float(min(values))), max(float(max(values)), 1.0)

    def x(place: int) -> float:
        return SIDE + (WIDTH - 2 * SIDE) * place / max(len(values) - 1, 1)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - FOOT) * (high - value) / (high - low)

    floor, here = HEIGHT - FOOT, x(at)
    left = here > WIDTH * 0.7  # the words would leave the picture on the right
    drawn = [
        _line("kit-axis", SIDE, y(0), WIDTH - SIDE, y(0)),
        tag("polyline", points=" ".join(f"{x(place):.1f},{y(value):.1f}" for place, value in enumerate(values))),
        "" if ring is None else _dot(x(ring), y(values[ring]), 5.5, "kit-ring"),
        _line("kit-place", here, TOP / 2, here, floor),
        _dot(here, y(values[at]), 4.5, "kit-dot"),
        _words(said, here + (-7 if left else 7), floor - 8, "end" if left else "start"),
        _words(ends[0], SIDE, HEIGHT - 5, "start"),
        _words(ends[1], WIDTH - SIDE, HEIGHT - 5, "end"),
    ]
    svg = tag("svg", *drawn, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=label)
    return tag("figure", tag("figcaption", caption), svg, class_=css("kit-card", "kit-curve", toned(tone)))


def curves(*items: Markup) -> Markup:
    """Curves beside each other, where there is room."""
    return tag("div", *items, class_="kit-figures", style="--kit-wide:2;--kit-narrow:1")


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    places = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    return tag("line", class_=kind, **{name: f"{value:.1f}" for name, value in places.items()})


def _dot(x: float, y: float, radius: float, kind: str) -> Markup:
    return tag("circle", class_=kind, cx=f"{x:.1f}", cy=f"{y:.1f}", r=radius)


def _words(text: str, x: float, y: float, anchor: str) -> Markup:
    return tag("text", text, x=f"{x:.1f}", y=y, text_anchor=anchor)
