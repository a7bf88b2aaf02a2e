"""PNG files that say how they were made: settings as JSON in an iTXt chunk, from which the picture can be made again.

Nothing else is in the file: no time, no user, no path, so that equal settings give equal bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image
from PIL.PngImagePlugin import PngInfo

import suite
from suite import SuiteError, decoding, picture_file
from suite_image_generation.pictures.request import Request

KEY = "suite-image-generation"
"""Keyword of the chunk."""
NUMBERS = ("seed", "steps", "guidance", "width", "height")


def settings(request: Request, *, model: str, sampler: str) -> dict[str, Any]:
    """What a settled request says, with the model's hash and the sampler's class, in values JSON can hold.

    Of a picture given the SHA-256 of its pixels and its strength are kept; itself it is not.
    """
    values: dict[str, Any] = {"suite": suite.__version__, "model": model, "prompt": request.prompt}
    values |= {"negative": request.negative, "scheduler": request.scheduler, "sampler": sampler}
    values |= {name: getattr(request, name) for name in NUMBERS}
    if request.image is not None:
        values |= {"image": pixels_hash(request.image), "strength": request.strength}
    return values


def pixels_hash(picture: Image.Image) -> str:
    """SHA-256 of size and RGBA values: the same for one picture in two file formats."""
    whole = picture.convert("RGBA")
    return hashlib.sha256(f"{whole.size}".encode() + whole.tobytes()).hexdigest()


def encode(picture: Image.Image, values: dict[str, Any]) -> bytes:
    """The bytes of a PNG with the settings `values` inside."""
    info, buffer = PngInfo(), io.BytesIO()
    info.add_itxt(KEY, json.dumps(values, ensure_ascii=False, sort_keys=True))
    picture.save(buffer, format="PNG", pnginfo=info)
    return buffer.getvalue()


def read_settings(file: Path | str | BinaryIO) -> dict[str, Any]:
    """The settings inside a PNG. Raises `SuiteError` for another file, and for a PNG that Suite did not write."""
    name = (Path(file).name if isinstance(file, str | Path) else "") or "The file"
    with picture_file(file, name, formats=["PNG"]) as picture:  # not beyond the header: no bomb goes off
        text = picture.info.get(KEY)
    values = None
    with suppress(SuiteError), decoding(name):
        values = json.loads(text) if text else None
    if not isinstance(values, dict) or not _complete(values):
        raise SuiteError(f"{name} holds no settings: Suite did not write it, or another program has saved it since.")
    return values


def request_of(values: dict[str, Any], image: Image.Image | None = None) -> Request:
    """The request that makes the picture of these settings again; `image` is the one it was made from, if it was.

    Raises `SuiteError` where that picture is missing or another.
    """
    if (expected := values.get("image")) and (image is None or pixels_hash(image) != expected):
        raise SuiteError("This picture was made from another picture: give that one too; only its hash is in the PNG.")
    fields = {name: values[name] for name in ("prompt", "negative", "scheduler", *NUMBERS)}
    start = {"image": image, "strength": values["strength"]} if expected else {}
    return Request(**fields, **start)


def _complete(values: dict[str, Any]) -> bool:
    """Whether all is there that makes the picture again, each of its kind: a PNG may come from anywhere."""
    texts = all(isinstance(values.get(name), str) for name in ("prompt", "negative", "scheduler", "model"))
    wholes = all(_is_whole(values.get(name)) for name in ("seed", "steps", "width", "height"))
    pictured = "image" not in values or (isinstance(values["image"], str) and _is_finite(values.get("strength")))
    return texts and wholes and pictured and _is_finite(values.get("guidance"))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _is_finite(value: Any) -> bool:
    return _is_whole(value) or (isinstance(value, float) and math.isfinite(value))
