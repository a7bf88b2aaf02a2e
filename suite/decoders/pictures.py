"""Other people's picture files: opened by Pillow behind one boundary, and never shown in part as if they were whole."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from suite.decoders import decoding
from suite.errors import SuiteError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP")
"""What Pillow opens unless told. Its other readers (EPS calls an interpreter) have no place before strangers' files."""
MOST_PIXELS = 100_000_000
"""Pixels of a frame above which nothing is decoded: cameras make 60 million, and a bomb of 21 KiB unpacks to 177."""
_WIDTH, _LENGTH, _OFFSETS, _ROWS, _SAMPLES, _PLANES = 256, 257, 273, 278, 277, 284
_TILE_WIDTH, _TILE_LENGTH, _TILE_OFFSETS = 322, 323, 324


@contextmanager
def picture_file(
    file: BinaryIO | Path | str, name: str, *, formats: Sequence[str] = FORMATS, others: Sequence[str] = ()
) -> Iterator[Image.Image]:
    """An opened picture that `load_picture` decodes. What goes wrong inside is one sentence that begins with `name`.

    `others` are kinds that a sentence names beside `formats`, because somebody else reads them.

    Raises `SuiteError` for what is damaged, is no picture of `formats`, or has more than `MOST_PIXELS`.
    """
    with decoding(name, "it may be cut short: save it anew."):
        try:
            with Image.open(file, formats=list(formats)) as opened:
                check_size(opened, name)
                yield opened
        except UnidentifiedImageError:
            kinds = ", ".join([*others, *formats])
            raise SuiteError(f"{name} is no picture this reads, whatever its name says; give one of {kinds}.") from None
        except Image.DecompressionBombError:  # Pillow's own limit, which is wider
            raise _too_large(name) from None


def load_picture(image: Image.Image, name: str, frame: int = 0) -> Image.Image:
    """One frame decoded, which is `image` itself.

    Raises `SuiteError` for a frame that is too large, and for a TIFF that lacks parts: libraries show them black, and
    a kilobyte becomes gigabytes.
    """
    if frame:
        image.seek(frame)
        check_size(image, name)
    if image.format == "TIFF" and (parts := _parts_missing(image)):
        raise SuiteError(f"{name} lacks {parts[0]:,} of the {parts[1]:,} strips or tiles it is made of; save it anew.")
    image.load()
    return image


def check_size(image: Image.Image, name: str) -> None:
    """Raises `SuiteError` for a frame that is empty or has more than `MOST_PIXELS`; nothing is decoded."""
    width, height = image.size
    if width < 1 or height < 1:
        raise SuiteError(f"{name} declares {width} x {height} pixels, which is no picture; save it anew.")
    if width * height > MOST_PIXELS:
        raise _too_large(name, f"{width} x {height} pixels, ")


def _too_large(name: str, size: str = "") -> SuiteError:
    return SuiteError(
        f"{name} declares {size}more than {MOST_PIXELS // 10**6} million{' pixels' * (not size)}; crop or shrink it."
    )


def _parts_missing(image: Image.Image) -> tuple[int, int] | None:
    """Of a TIFF's frame: how many strips or tiles are not there, of how many; None where all are."""
    tags = image.tag_v2  # type: ignore[attr-defined]
    width, height = int(tags[_WIDTH]), int(tags[_LENGTH])
    if _TILE_OFFSETS in tags:
        there = tags[_TILE_OFFSETS]
        needed = math.ceil(width / int(tags[_TILE_WIDTH])) * math.ceil(height / int(tags[_TILE_LENGTH]))
    else:
        there, rows = tags.get(_OFFSETS, ()), int(tags.get(_ROWS, height)) or height
        needed = math.ceil(height / rows)
    if tags.get(_PLANES, 1) == 2:  # a plane of strips for each sample
        needed *= int(tags.get(_SAMPLES, 1))
    count = len(there) if isinstance(there, tuple) else 1
    return (needed - count, needed) if count < needed else None
