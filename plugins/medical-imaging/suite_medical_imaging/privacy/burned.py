"""A simple detector of letters burned into a picture. It finds what is plain to see; that it finds nothing proves
nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_CONTRAST = 0.35
"""How far a stroke stands out from what lies around it; anatomy seldom does so within a letter's width."""
_BORDER = 0.3
"""Outer share of the picture, on each side, in which text is looked for."""
_LETTERS = 5
"""Marks of like height on one line: fewer are found in noise and in bones."""


def text_like(values: NDArray[np.float32]) -> bool:
    """Whether (H, W, C) values in [0, 1] show at least five letter-sized marks on a line near a border."""
    grey = values.max(axis=2)
    around = ndimage.median_filter(grey, size=15)  # wider than strokes, narrower than organs
    for marks in (grey - around > _CONTRAST, around - grey > _CONTRAST):
        labels, count = ndimage.label(marks, structure=np.ones((3, 3)))
        if count >= _LETTERS and _on_a_line(ndimage.find_objects(labels), grey.shape):
            return True
    return False


def _on_a_line(places: list[tuple[slice, slice]], shape: tuple[int, ...]) -> bool:
    boxes = np.array([(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in places], float)
    height, width = boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]
    sized = (height >= 5) & (height <= 40) & (width >= 1) & (width <= 1.5 * height)
    middle_row, middle_column = (boxes[:, 0] + boxes[:, 1]) / 2 / shape[0], (boxes[:, 2] + boxes[:, 3]) / 2 / shape[1]
    inner = (abs(middle_row - 0.5) < 0.5 - _BORDER) & (abs(middle_column - 0.5) < 0.5 - _BORDER)
    boxes, height = boxes[sized & ~inner], height[sized & ~inner]
    return any(_neighbours(boxes, height, place) >= _LETTERS for place in range(len(boxes)))


def _neighbours(boxes: NDArray[np.float64], height: NDArray[np.float64], place: int) -> int:
    """Marks, itself included, that stand on the same line, are as tall, and not far away."""
    own = boxes[place]
    line = abs(boxes[:, 1] - own[1]) <= 0.25 * height[place]
    alike = (height >= 0.7 * height[place]) & (height <= 1.4 * height[place])
    near = abs(boxes[:, 2] - own[2]) <= 12 * height[place]
    return int((line & alike & near).sum())
