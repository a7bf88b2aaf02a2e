"""PNG files that say how they were made: settings as JSON in an iTXt chunk, from which the picture can be made again.

Nothing else is in the file: no time, no user, no path, so that equal settings give equal bytes.
"""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from suite import SuiteError

if TYPE_CHECKING:
    from PIL import Image

    from suite_image_generation.pictures.request import Request

KEY = "suite-image-generation"
"""Keyword of the chunk."""
NUMBERS = ("seed", "steps", "guidance", "width", "height")


def settings(request: Request, *, model: str, sampler: str) -> dict[str, Any]:
    """What a settled request says, with the model's hash and the sampler's class, in values JSON can hold.

    A picture given is told by the SHA-256 of its pixels and by its strength; itself it is not kept.
    """
    import suite

    told: dict[str, Any] = {"suite": suite.__version__, "model": model, "prompt": request.prompt}
    told |= {"negative": request.negative, "scheduler": request.scheduler, "sampler": sampler}
    told |= {name: getattr(request, name) for name in NUMBERS}
    if request.image is not None:
        told |= {"image": pixels_hash(request.image), "strength": request.strength}
    return told


def pixels_hash(picture: Image.Image) -> str:
    """SHA-256 of size and RGBA values: the same for one picture in two file formats."""
    import hashlib

    whole = picture.convert("RGBA")
    return hashlib.sha256(f"{whole.size}".encode() + whole.tobytes()).hexdigest()


def encode(picture: Image.Image, told: dict[str, Any]) -> bytes:
    """The bytes of a PNG with `told` inside."""
    from PIL.PngImagePlugin import PngInfo

    info, buffer = PngInfo(), io.BytesIO()
    info.add_itxt(KEY, json.dumps(told, ensure_ascii=False, sort_keys=True))
    picture.save(buffer, format="PNG", pnginfo=info)
    return buffer.getvalue()


def read_settings(file: Path | str | BinaryIO) -> dict[str, Any]:
    """The settings inside a PNG. Raises `SuiteError` for another file, and for a PNG that Suite did not write."""
    from PIL import Image

    name = (Path(file).name if isinstance(file, str | Path) else "") or "The file"
    try:
        with Image.open(file, formats=["PNG"]) as picture:  # reads up to the pixels and not them: no bomb goes off
            text = picture.info.get(KEY)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise SuiteError(f"{name} is not a PNG that can be read.") from None
    try:
        found = json.loads(text) if text else None
    except ValueError:
        found = None
    if not isinstance(found, dict) or not _complete(found):
        raise SuiteError(f"{name} holds no settings: Suite did not write it, or another program has saved it since.")
    return found


def request_of(told: dict[str, Any], image: Image.Image | None = None) -> Request:
    """The request that makes the picture again; `image` is the one it was made from, if it was.

    Raises `SuiteError` where that picture is missing or another.
    """
    from suite_image_generation.pictures.request import Request

    if (expected := told.get("image")) and (image is None or pixels_hash(image) != expected):
        raise SuiteError("This picture was made from another picture: give that one too; only its hash is in the PNG.")
    values = {name: told[name] for name in ("prompt", "negative", "scheduler", *NUMBERS)}
    more = {"image": image, "strength": told["strength"]} if expected else {}
    return Request(**values, **more)


def _complete(told: dict[str, Any]) -> bool:
    """Whether all is there that makes the picture again, each of its kind: a PNG may come from anywhere."""
    texts = all(isinstance(told.get(name), str) for name in ("prompt", "negative", "scheduler", "model"))
    wholes = all(_is_whole(told.get(name)) for name in ("seed", "steps", "width", "height"))
    pictured = "image" not in told or (isinstance(told["image"], str) and _is_finite(told.get("strength")))
    return texts and wholes and pictured and _is_finite(told.get("guidance"))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _is_finite(value: Any) -> bool:
    return _is_whole(value) or (isinstance(value, float) and math.isfinite(value))
