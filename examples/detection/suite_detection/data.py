"""Pictures and boxes: which are unusable, and what a network sees of a picture."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from suite import Data, Finding, SuiteError, load_picture, picture_file

if TYPE_CHECKING:
    from datasets import Dataset


class PictureData(Data):
    """Pictures with boxes on them."""

    def check(self, rows: Dataset) -> Iterable[Finding]:
        """Pictures that cannot be opened, and boxes that are empty or beyond the picture."""
        for index, row in enumerate(rows):
            try:
                _, (width, height) = pixels(row["image"], 32)
            except SuiteError as error:
                yield Finding("error", str(error), index)
                continue
            for left, top, right, bottom in (thing["box"] for thing in row["objects"]):
                if not (0 <= left < right <= width and 0 <= top < bottom <= height):
                    box = f"the box {[left, top, right, bottom]} is no part of {width} x {height} pixels"
                    yield Finding("error", f"{box}; give left, top, right, bottom.", index)


def pixels(image: Any, size: int) -> tuple[np.ndarray, tuple[int, int]]:
    """(size, size, 3) float32 from -1 to 1 of a path or a record with the file's bytes, and its width and height.

    Raises `SuiteError` for what is no picture.
    """
    file, name = (io.BytesIO(image["bytes"]), image.get("path")) if isinstance(image, Mapping) else (image, image)
    with picture_file(file, f"The picture {name}") as opened:
        picture = load_picture(opened, f"The picture {name}").convert("RGB")
    return scaled(np.asarray(picture.resize((size, size)))), picture.size


def scaled(values: np.ndarray) -> np.ndarray:
    """Values of 0 to 255 as the network wants them, float32 from -1 to 1."""
    return values.astype(np.float32) / 127.5 - 1
