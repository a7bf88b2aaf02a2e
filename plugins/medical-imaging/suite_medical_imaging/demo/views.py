"""The three pictures of an answer: as the file stores it, as the model sees it, and where the model looked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from suite_medical_imaging.readers.picture import Picture

SHOWN = 384
"""Pixels of the longer side: three for each that the starter sees."""
COLD, HOT = (220, 38, 38), (253, 224, 71)
"""Red to yellow, neither of which a grey picture has; the page's legend is drawn with the same."""
STRONGEST = 0.75
"""Opacity where it is hottest: what lies below must still be seen."""
_STEEP = 2
"""Exponent from heat to opacity: with 1 a faint heat veils the whole picture."""
OUTLINE = (34, 211, 238)
"""Cyan, which neither the picture nor the heat has."""


def as_stored(picture: Picture) -> Image.Image:
    """The file's own numbers, neither windowed nor inverted, fitted into `SHOWN` pixels a side."""
    return _fitted(picture.stored)


def as_seen(pixels: NDArray[np.uint8]) -> Image.Image:
    """The (S, S, C) bytes that the model takes, enlarged."""
    return _fitted(pixels)


def overlaid(
    pixels: NDArray[np.uint8], heat: NDArray[np.floating], mask: NDArray[np.bool_] | None = None
) -> Image.Image:
    """`as_seen` under heat (S, S) in [0, 1], its peak ringed; with `mask` (S, S) its outline."""
    base = np.asarray(as_seen(pixels), np.float32)
    hot = _enlarged(heat.astype(np.float32), base.shape[:2]).clip(0, 1)[..., None]
    colour = np.array(COLD) * (1 - hot) + np.array(HOT) * hot
    mixed = base + opacity(hot) * (colour - base)
    image = Image.fromarray(mixed.round().astype(np.uint8))
    if mask is not None:
        image.paste(OUTLINE, mask=_outline(mask, image.size))
    if heat.max() > 0:
        _ring(image, peak(heat), len(heat))
    return image


def opacity(heat: Any) -> Any:
    """How much of the picture a heat from 0 to 1 covers; an array as a number."""
    return STRONGEST * heat**_STEEP


def peak(heat: NDArray[np.floating]) -> tuple[int, int]:
    """Row and column of the hottest place."""
    row, column = np.unravel_index(int(heat.argmax()), heat.shape)
    return int(row), int(column)


def _fitted(values: NDArray[np.uint8]) -> Image.Image:
    image = Image.fromarray(values[..., 0] if values.shape[2] == 1 else values).convert("RGB")
    scale = SHOWN / max(image.size)
    shape = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(shape, Image.Resampling.BICUBIC)


def _enlarged(heat: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(heat).resize((shape[1], shape[0]), Image.Resampling.BILINEAR))


def _outline(mask: NDArray[np.bool_], size: tuple[int, int]) -> Image.Image:
    """The inner rim of a mask, 2 pixels wide."""
    whole = Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.NEAREST)
    inner = np.asarray(whole.filter(ImageFilter.MinFilter(5)))
    return Image.fromarray(np.asarray(whole) - inner)


def _ring(image: Image.Image, place: tuple[int, int], cells: int) -> None:
    """A white ring with a dark rim around the hottest place, to be seen on any ground."""
    row, column = ((index + 0.5) * image.width / cells for index in place)
    for radius, colour, width in ((9, "black", 4), (8, "white", 2)):
        box = (column - radius, row - radius, column + radius, row + radius)
        ImageDraw.Draw(image).ellipse(box, outline=colour, width=width)
