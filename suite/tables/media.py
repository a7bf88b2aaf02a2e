"""Pictures and sounds that a program holds in memory, as the files that every domain reads."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from suite.errors import SuiteError
from suite.tables.columns import FILE_KINDS

_FLOAT = 3
"""WAV's number for samples in floating point: a sound in memory has no fewer digits."""


def is_held(value: Any) -> bool:
    """Whether it is a picture or a sound in memory: one of Pillow's, an array, a dict of `array` and a rate."""
    return isinstance(value, Image.Image | np.ndarray) or (isinstance(value, Mapping) and "array" in value)


def file_of(value: Any, kind: str) -> tuple[bytes, str]:
    """A file's content and ending for what `is_held`, in a column of that kind: a PNG, or a WAV of 32-bit samples.

    Raises `ValueError` for what is no value of that kind.
    """
    if kind == "audio":
        return _wav(value), ".wav"
    return _png(value if isinstance(value, Image.Image) else _picture(value)), ".png"


def embedded(value: Any, kind: str) -> dict[str, Any] | None:
    """A value of a file column as bytes and name, read if it is a path; None where there is none, or no such file.

    Raises `ValueError` for what is neither a path, nor bytes, nor held in memory.
    """
    if is_held(value):
        return {"bytes": file_of(value, kind)[0], "path": None}
    if isinstance(value, bytes):
        return {"bytes": value, "path": None}
    if isinstance(value, Mapping):
        if value.get("bytes") is not None:
            return {"bytes": value["bytes"], "path": value.get("path") and Path(value["path"]).name}
        value = value.get("path")
    if value is None or value == "" or value != value:  # NaN differs from itself
        return None
    if not isinstance(value, str | Path):
        raise ValueError(f"a {type(value).__name__} is no {kind}; give a path, bytes, or {_known(kind)}")
    path = Path(value).expanduser()
    return {"bytes": path.read_bytes(), "path": path.name} if path.is_file() else None


def kind_of(value: Any, kinds: set[str], title: str) -> str:
    """Which kind of file `value` is for a domain that reads these. Raises `SuiteError` where it reads none such."""
    kind = "audio" if isinstance(value, Mapping) else "image"
    if kind not in kinds:
        reads = " and ".join(_known(known) for known in FILE_KINDS if known in kinds)
        raise SuiteError(
            f"{title} takes no {'sound' if kind == 'audio' else 'picture'} from memory"
            f"{f', but {reads}' if reads else ''}; give a path or a text."
        )
    return kind


def _known(kind: str) -> str:
    return "a dict of array and sampling_rate" if kind == "audio" else "a picture of Pillow's or an array"


def _png(picture: Image.Image) -> bytes:
    # A camera's picture says in its EXIF which way is up; a PNG keeps that, and is then turned like the file itself.
    mode, exif = picture.mode, picture.getexif()
    if mode == "F":
        raise ValueError("the picture has pixels in floating point; convert it to 8 or 16 bits")
    file = io.BytesIO()
    (picture.convert("RGB") if mode in ("CMYK", "YCbCr", "LAB", "HSV") else picture).save(file, "PNG", exif=exif)
    return file.getvalue()


def _picture(values: Any) -> Image.Image:
    if not isinstance(values, np.ndarray):
        raise ValueError(f"a {type(values).__name__} is no picture; give a path, bytes, or {_known('image')}")
    shape = values.ndim == 2 or (values.ndim == 3 and values.shape[2] in (3, 4))
    kind = values.dtype in (np.uint8, np.bool_) or (values.dtype == np.uint16 and values.ndim == 2)
    if not shape or not kind or not values.size:
        raise ValueError(
            f"an array of {values.dtype} and shape {values.shape} is no picture; give (height, width) or (height, "
            "width, 3 or 4) in uint8, 0 to 255"
        )
    return Image.fromarray(values)


def _wav(value: Any) -> bytes:
    rate = value.get("sampling_rate") if isinstance(value, Mapping) else None
    samples = np.asarray(value["array"]) if rate else np.empty(0)
    if not rate or samples.ndim != 1 or not np.issubdtype(samples.dtype, np.floating) or not len(samples):
        raise ValueError(
            "a sound is a dict of array, one channel of floats (n,) from -1 to 1, and sampling_rate, its rate in Hz"
        )
    data = samples.astype("<f4").tobytes()
    form = struct.pack("<HHIIHH", _FLOAT, 1, int(rate), int(rate) * 4, 4, 32)
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body
