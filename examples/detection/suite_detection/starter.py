"""The model and the data that work with no argument: the weights lie here, the pictures are drawn."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw
from suite import Asset, Starter, cache_dir

SHAPES = ("circle", "square", "triangle")
SIDE = 64
_PICTURES = 400

MODEL = Asset(
    name="detection-detr",
    kind="model",
    summary="Conditional DETR of 155,721 parameters, pretrained on drawn shapes by day",
    licence="CC0-1.0",
    url="https://example.org/suite-detection",
    shipped="suite_detection:weights",
)
DATA = Asset(
    name="detection-night",
    kind="data",
    summary="400 pictures of one to three bright circles, squares and triangles by night",
    licence="CC0-1.0",
    url="https://example.org/suite-detection",
    convert="suite_detection.starter:make_data",
)
STARTER = Starter(model=MODEL.name, data=DATA.name, assets=(MODEL, DATA))


def make_data(wheels: Sequence[Path], out: Path) -> None:
    """Writes metadata.parquet with the pictures in it, the same every time."""
    generator = np.random.default_rng(7)
    rows = [drawn(generator, night=True) for _ in range(_PICTURES)]
    images = [{"bytes": png(picture), "path": f"{number}.png"} for number, (picture, _) in enumerate(rows)]
    pq.write_table(pa.table({"image": images, "objects": [things for _, things in rows]}), out / "metadata.parquet")


def sample_file() -> Path:
    """A drawn picture, as a file in the cache."""
    path = cache_dir() / "detection" / "night.png"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as aside:  # another process sees a whole file or none
            (Path(aside) / path.name).write_bytes(png(drawn(np.random.default_rng(1), night=True)[0]))
            (Path(aside) / path.name).replace(path)
    return path


def drawn(generator: np.random.Generator, *, night: bool) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Pixels (64, 64, 3) uint8 with one to three shapes that do not touch, and what and where they are.

    By day dark ones on a light ground, by night bright ones on a dark one.
    """
    ground, colours = ((0, 90), (130, 255)) if night else ((150, 255), (0, 130))
    picture = Image.new("RGB", (SIDE, SIDE), tuple(int(value) for value in generator.integers(*ground, 3)))
    draw, things = ImageDraw.Draw(picture), list[dict[str, Any]]()
    for _ in range(int(generator.integers(1, 4))):
        if (box := _free(generator, [thing["box"] for thing in things])) is None:
            continue
        label = SHAPES[int(generator.integers(3))]
        colour = tuple(int(value) for value in generator.integers(*colours, 3))
        left, top, right, bottom = box
        if label == "circle":
            draw.ellipse(box, fill=colour)
        elif label == "square":
            draw.rectangle(box, fill=colour)
        else:
            draw.polygon([((left + right) // 2, top), (left, bottom), (right, bottom)], fill=colour)
        things.append({"box": [float(value) for value in box], "label": label})
    noisy = np.asarray(picture, np.float32) + generator.normal(0, 6, (SIDE, SIDE, 3))
    return noisy.clip(0, 255).astype(np.uint8), things


def _free(generator: np.random.Generator, taken: list[list[float]]) -> tuple[int, int, int, int] | None:
    """A box two pixels from all others; None where twenty tries give none."""
    for _ in range(20):
        size = int(generator.integers(12, 26))
        left, top = (int(generator.integers(1, SIDE - size - 1)) for _ in range(2))
        if all(
            left >= other[2] + 2 or left + size + 2 <= other[0] or top >= other[3] + 2 or top + size + 2 <= other[1]
            for other in taken
        ):
            return left, top, left + size, top + size
    return None


def png(values: np.ndarray) -> bytes:
    """The file of a picture."""
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()
