"""The one path from a file to what a model sees: a square of bytes, kept in memory, normalised in the batch."""

from __future__ import annotations

import hashlib
import io
import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from suite import SuiteError, column, read_json
from suite_medical_imaging.readers.pixels import Picture, open_picture

if TYPE_CHECKING:
    from datasets import Dataset

_HELD_BYTES = 256 * 2**20  # of whole pictures, so that small data sets are decoded once for checks and training


class _Newest:
    """The pictures decoded last, up to some bytes; several threads may ask."""

    def __init__(self, most: int) -> None:
        self.most, self.size = most, 0
        self.held: OrderedDict[tuple[bytes, int], Picture] = OrderedDict()
        self.lock = Lock()

    def get(self, key: tuple[bytes, int]) -> Picture | None:
        return self.held.get(key)

    def add(self, key: tuple[bytes, int], picture: Picture) -> None:
        with self.lock:
            if key in self.held:
                return
            self.held[key] = picture
            self.size += picture.values.nbytes + picture.stored.nbytes
            while self.size > self.most:
                _, oldest = self.held.popitem(last=False)
                self.size -= oldest.values.nbytes + oldest.stored.nbytes


_HELD = _Newest(_HELD_BYTES)


@dataclass(frozen=True)
class View:
    """How a model wants its pictures: a square of `size` pixels, three channels with this mean and deviation."""

    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    fit: str = "pad"

    @classmethod
    def of_model(cls, folder: Path, *, size: int | None, fit: str) -> View:
        """From `preprocessor_config.json`, with ImageNet's values for what it lacks; `size` overrules its own."""
        path = folder / "preprocessor_config.json"
        values = read_json(path) if path.is_file() else {}
        plain = values.get("do_normalize") is False
        mean = [0.0] * 3 if plain else values.get("image_mean", [0.485, 0.456, 0.406])
        std = [1.0] * 3 if plain else values.get("image_std", [0.229, 0.224, 0.225])
        return cls(size or _size(values), _three(mean), _three(std), fit)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> View:
        """Back from `to_json`."""
        return cls(values["size"], _three(values["mean"]), _three(values["std"]), values["fit"])

    def to_json(self) -> dict[str, Any]:
        """As a model folder keeps it."""
        return asdict(self)

    def processor(self) -> dict[str, Any]:
        """The same for tools that read `preprocessor_config.json`."""
        size = {"height": self.size, "width": self.size}
        return {"size": size, "image_mean": list(self.mean), "image_std": list(self.std), "do_resize": True}


@dataclass(frozen=True)
class Decoded:
    """One picture as kept in memory: (size, size, C) uint8 with C 1 or 3, and facts of its file and acquisition."""

    pixels: np.ndarray
    facts: dict[str, Any]


def square(values: np.ndarray, size: int, fit: str) -> np.ndarray:
    """(H, W, C) float32 in [0, 1] to (size, size, C) uint8: shrunk with antialiasing, padded with black or squeezed."""
    height, width = values.shape[:2]
    scale = size / max(height, width)
    shape = (max(1, round(width * scale)), max(1, round(height * scale))) if fit == "pad" else (size, size)
    channels = [Image.fromarray(np.ascontiguousarray(values[..., c], dtype=np.float32)) for c in range(values.shape[2])]
    shrunk = np.stack([np.asarray(c.resize(shape, Image.Resampling.BILINEAR)) for c in channels], axis=-1)
    canvas = np.zeros((size, size, values.shape[2]), np.uint8)
    top, left = (size - shape[1]) // 2, (size - shape[0]) // 2
    canvas[top : top + shape[1], left : left + shape[0]] = np.rint(np.clip(shrunk, 0, 1) * 255).astype(np.uint8)
    return canvas


def decode(source: Any, frame: int, view: View) -> Decoded:
    """One file (path, bytes, or a struct of both) as the model will see it. Raises `SuiteError` if it can't be read."""
    picture = opened(source, frame)
    height, width, channels = picture.values.shape
    facts = {"bytes": _bytes(source), "height": height, "width": width, "channels": channels, **picture.facts}
    return Decoded(square(picture.values, view.size, view.fit), facts)


def portable(decoded: Decoded) -> dict[str, Any]:
    """An image column's value that decodes to the same bytes and holds nothing else."""
    pixels, file = decoded.pixels, io.BytesIO()
    Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": "golden.png"}


def opened(source: Any, frame: int) -> Picture:
    """`open_picture`, whose newest answers are kept; not to be written to. Raises `SuiteError` as it does."""
    try:
        key = identity(source), frame
    except OSError as error:
        raise SuiteError(f"A picture cannot be opened: {error.strerror or error} ({error.filename}).") from None
    picture = _HELD.get(key)
    if picture is None:
        picture = open_picture(source, frame=frame)
        _HELD.add(key, picture)
    return picture


def files(rows: Dataset) -> tuple[list[Any], list[int]]:
    """Each row's picture, undecoded, and its frame; -1, the middle one, where the rows name none."""
    sources = column(rows, "image").to_pylist()
    if "frame" not in rows.column_names:
        return sources, [-1] * len(sources)
    return sources, [-1 if value is None or value != value else int(value) for value in rows["frame"]]


def decode_all(sources: Sequence[Any], frames: Sequence[int], view: View) -> list[Decoded]:
    """All of them, in order."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda pair: decode(pair[0], pair[1], view), zip(sources, frames, strict=True)))


def varied(pixels: np.ndarray, generator: np.random.Generator, *, mirror: bool) -> np.ndarray:
    """Turned by up to 10 degrees, scaled by up to 10 %, moved by up to 5 %, a little brighter or darker.

    Draws equally often whatever comes out, so that the numbers of the next picture do not depend on it.
    """
    angle, scale = np.deg2rad(generator.uniform(-10, 10)), generator.uniform(0.9, 1.1)
    shift, flip = generator.uniform(-0.05, 0.05, 2) * len(pixels), generator.random() < 0.5
    contrast, brightness = generator.uniform(0.85, 1.15), generator.uniform(-20, 20)
    cos, sin, half = np.cos(angle) * scale, np.sin(angle) * scale, len(pixels) / 2
    matrix = (cos, -sin, half - cos * half + sin * half + shift[0], sin, cos, half - sin * half - cos * half + shift[1])
    image = Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)
    turned = image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    if mirror and flip:
        turned = turned.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    values = (np.asarray(turned, dtype=np.float32) - 128) * contrast + 128 + brightness
    return np.clip(values, 0, 255).astype(np.uint8).reshape(pixels.shape)


def _size(values: Mapping[str, Any]) -> int:
    """Pixels a side: of the crop where there is one. Raises `SuiteError` for what isn't square."""
    cropped = values.get("crop_size") if values.get("do_center_crop") else None
    size = cropped or values.get("size") or 224  # ImageNet's
    if isinstance(size, int):
        return size
    if "shortest_edge" in size:
        return int(size["shortest_edge"])
    if size["height"] != size["width"]:
        raise SuiteError(
            f"The model wants pictures of {size['width']} x {size['height']}; set image_size to one number."
        )
    return int(size["height"])


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    """A gray model's one value serves all three."""
    return tuple(float(value) for value in (list(values) * 3)[:3])  # type: ignore[return-value]  # three of them


def _bytes(source: Any) -> int:
    if isinstance(source, dict):
        source = source["bytes"] or source["path"]
    return len(source) if isinstance(source, bytes) else Path(source).stat().st_size


def identity(source: Any) -> bytes:
    """What tells one file from another without reading it: its bytes, or path, size and time of change."""
    if isinstance(source, dict):
        source = source["bytes"] or source["path"]
    if isinstance(source, bytes):
        return hashlib.blake2b(source).digest()
    status = Path(source).stat()
    return f"{source}\0{status.st_size}\0{status.st_mtime_ns}".encode()
