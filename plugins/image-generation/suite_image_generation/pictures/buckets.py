"""Aspect-ratio buckets: each picture is scaled and cropped to the nearest of a few shapes of one area.

As in NovelAI's training (https://github.com/NovelAI/novelai-aspect-ratio-bucketing), except that nothing is dropped:
batches may hold several shapes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from suite_image_generation.pictures.files import on_white

Size = tuple[int, int]
"""Width and height in pixels."""
THUMBNAIL = 128
"""Pixels of a picture on a sheet: enough to see what a crop cuts off."""
A_SHEET = 80
"""Pictures of a sheet, 10 x 8: what a screen shows."""


@dataclass(frozen=True)
class Crop:
    """The part `box` (left, top, right, bottom, in pixels of the picture of size `source`) is scaled to `size`."""

    source: Size
    box: tuple[float, float, float, float]
    size: Size

    @property
    def scale(self) -> float:
        """Above 1 the picture is enlarged."""
        return self.size[0] / (self.box[2] - self.box[0])

    @property
    def lost(self) -> float:
        """Share of the picture that is cut off."""
        left, top, right, bottom = self.box
        return 1 - (right - left) * (bottom - top) / (self.source[0] * self.source[1])

    def apply(self, picture: Image.Image) -> Image.Image:
        """The cropped picture."""
        return picture.resize(self.size, Image.Resampling.LANCZOS, box=self.box)


def shapes(side: int, multiple: int, max_ratio: float) -> list[Size]:
    """Shapes of at most `side`² pixels whose sides are multiples, from tall to wide; the square one is among them.

    >>> shapes(64, 16, 2)
    [(48, 80), (64, 64), (80, 48)]
    """
    square = max(multiple, side // multiple * multiple)
    sizes = {(square, square)}
    for width in range(multiple, int(square * math.sqrt(max_ratio)) + multiple, multiple):
        height = square * square // width // multiple * multiple
        if height and max(width / height, height / width) <= max_ratio:
            sizes |= {(width, height), (height, width)}
    return sorted(sizes, key=lambda size: (size[0] / size[1], size[0]))


def crop(source: Size, sizes: Sequence[Size]) -> Crop:
    """The middle of a picture in the shape nearest to its own; of two as near, the one with more pixels."""
    ratio = source[0] / source[1]
    size = min(sizes, key=lambda s: (round(abs(math.log(ratio * s[1] / s[0])), 9), -s[0] * s[1]))
    scale = max(size[0] / source[0], size[1] / source[1])
    width, height = size[0] / scale, size[1] / scale
    left, top = (source[0] - width) / 2, (source[1] - height) / 2
    return Crop(source, (left, top, left + width, top + height), size)


def table(crops: Sequence[Crop]) -> str:
    """A line for each bucket: its shape, pictures, how many are enlarged, and how much is cut off at most."""
    lines = [f"{'bucket':>11}  pictures  enlarged  cut off at most"]
    for size, count in sorted(Counter(crop.size for crop in crops).items()):
        members = [crop for crop in crops if crop.size == size]
        enlarged = sum(crop.scale > 1 for crop in members)
        name = f"{size[0]} x {size[1]}"
        lines.append(f"{name:>11}  {count:>8}  {enlarged:>8}  {max(crop.lost for crop in members):>14.0%}")
    return "\n".join(lines)


def sheets(pictures: Iterator[Image.Image], crops: Sequence[Crop], folder: Path) -> Iterator[Path]:
    """Writes `crops-001.png` and so on: every picture small, what is cut off darkened, the crop framed."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, start in enumerate(range(0, len(crops), A_SHEET), start=1):
        part = crops[start : start + A_SHEET]
        cells = [_cell(next(pictures), crop) for crop in part]
        path = folder / f"crops-{number:03}.png"
        _grid(cells, columns=min(10, len(cells))).save(path)
        yield path


def _cell(picture: Image.Image, crop: Crop) -> Image.Image:
    scale = (THUMBNAIL - 4) / max(picture.size)
    small = on_white(picture).resize(_rounded(picture.width * scale, picture.height * scale))
    left, top, right, bottom = (round(edge * scale) for edge in crop.box)
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    shown = Image.blend(small, Image.new("RGB", small.size), 0.6)
    shown.paste(small.crop((left, top, right, bottom)), (left, top))
    ImageDraw.Draw(shown).rectangle((left, top, right - 1, bottom - 1), outline="red")
    cell = Image.new("RGB", (THUMBNAIL, THUMBNAIL), "white")
    cell.paste(shown, ((THUMBNAIL - shown.width) // 2, (THUMBNAIL - shown.height) // 2))
    return cell


def _rounded(width: float, height: float) -> Size:
    return max(1, round(width)), max(1, round(height))


def _grid(cells: Sequence[Image.Image], *, columns: int) -> Image.Image:
    rows = math.ceil(len(cells) / columns)
    sheet = Image.new("RGB", (columns * THUMBNAIL, rows * THUMBNAIL), "white")
    for place, cell in enumerate(cells):
        sheet.paste(cell, (place % columns * THUMBNAIL, place // columns * THUMBNAIL))
    return sheet
