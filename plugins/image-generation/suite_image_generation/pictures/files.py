"""Picture files as people have them, to upright 8-bit RGB or RGBA; what is damaged or oversized is refused.

Values are file names, bytes, or the `{"bytes", "path"}` of a data set. Sizes are read from the header before anything
is decoded.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps

from suite import SuiteError, decoding, load_picture, picture_file

SMALLEST = 16
"""Pixels a side must have: what is smaller is an icon's dot, enlarged to nothing."""
_DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N")
_GREY = ("1", "L", "LA", "La")


@dataclass(frozen=True)
class Facts:
    """A picture's size upright, in pixels, what was done to read it, and why it can't be used ("" if it can)."""

    width: int = 0
    height: int = 0
    transparent: bool = False
    notes: tuple[str, ...] = ()
    problem: str = ""


class Each(Sequence[Any]):
    """`get` of each value, when it is asked for: the pictures of a table together may be larger than memory."""

    def __init__(self, values: Any, get: Callable[[Any], Any]) -> None:
        self.values, self.get = values, get

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> Any:
        return self.get(self.values[int(index)])


def read(value: Any) -> Image.Image:
    """The picture: upright, 8 bits, sRGB, the first frame; RGBA where something is transparent, else RGB.

    Raises `SuiteError` saying why it can't be used.
    """
    return _read(value)[0]


def given(path: Path | str) -> Image.Image:
    """A picture that somebody gives to start from. Raises `SuiteError` naming the file where it can't be used."""
    try:
        return read(Path(path).read_bytes())
    except SuiteError as error:
        raise SuiteError(f"{Path(path).name} can't be used: {str(error).rstrip('.')}.") from None
    except OSError as error:
        raise SuiteError(f"The picture {path} can't be read: {error.strerror}; give a picture's file.") from None


def facts(value: Any) -> Facts:
    """What there is to say about a picture; remembered, as a run looks at its data several times."""
    if isinstance(value, str):
        stat = Path(value).stat()
        key = f"{value}\0{stat.st_size}\0{stat.st_mtime_ns}"
    else:
        key = digest(value)
    if key not in _KNOWN:
        _KNOWN[key] = _facts(value)
    return _KNOWN[key]


def content(value: Any) -> bytes:
    """The file's bytes."""
    if isinstance(value, Mapping):
        held = value.get("bytes")
        return held if held is not None else Path(value["path"]).read_bytes()
    return value if isinstance(value, bytes) else Path(value).read_bytes()


def name(value: Any) -> str:
    """What a message calls the picture."""
    path = value if isinstance(value, str) else (value.get("path") or "")
    return Path(path).name or "of the data set"


def digest(value: Any) -> str:
    """SHA-256 of the file's bytes."""
    return hashlib.sha256(content(value)).hexdigest()


def on_white(picture: Image.Image) -> Image.Image:
    """RGB, as a page shows it."""
    if picture.mode != "RGBA":
        return picture.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


_KNOWN: dict[str, Facts] = {}
"""By name, size and time of change, or by content."""


def _facts(value: Any) -> Facts:
    try:
        picture, notes = _read(value)
    except SuiteError as error:
        return Facts(problem=str(error).rstrip("."))
    return Facts(picture.width, picture.height, picture.mode == "RGBA", tuple(notes))


def _read(value: Any) -> tuple[Image.Image, list[str]]:
    with picture_file(io.BytesIO(content(value)), "it") as opened:
        if min(opened.size) < SMALLEST:
            width, height = opened.size
            raise SuiteError(f"it has {width} x {height} pixels; each side needs at least {SMALLEST}")
        return _decoded(opened)


def _decoded(opened: Image.Image) -> tuple[Image.Image, list[str]]:
    notes = []
    if (frames := int(getattr(opened, "n_frames", 1))) > 1:
        notes.append(f"it has {frames} frames, of which the first is used")
    upright = ImageOps.exif_transpose(load_picture(opened, "it"))
    if opened.getexif().get(0x0112, 1) != 1:  # the tag Orientation
        notes.append("it is turned upright as its EXIF data say")
    picture, more = _plain(upright)
    return picture, notes + more


def _plain(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """RGB or RGBA of 8 bits, sRGB, and what was done for it."""
    profile = image.info.get("icc_profile")
    if image.mode in _DEEP or image.mode == "F":
        picture, more = _in_srgb(_from_deep(image), profile)
        return picture, ["its 16 bits are reduced to 8", *more]
    if image.mode == "CMYK":
        return _in_srgb(image, profile)[0], ["it is CMYK, converted to RGB"]
    whole = image.convert("RGBA") if image.has_transparency_data else image
    picture, notes = _in_srgb(image.convert("L") if image.mode in _GREY else whole.convert("RGB"), profile)
    if whole.mode == "RGBA" and whole.getchannel("A").getextrema() != (255, 255):
        picture.putalpha(whole.getchannel("A"))
        notes.append("it is transparent in parts: a model without alpha sees white there")
    return picture, notes


def _from_deep(image: Image.Image) -> Image.Image:
    """Grey of 16 bits as grey of 8: 65,535 becomes 255. Pillow's own conversion would cut all above 255."""
    values = np.asarray(image)
    if values.dtype.kind == "f" or values.min() < 0 or values.max() > 65535:
        raise SuiteError("its values are neither 8 nor 16 bits; save it as 8-bit PNG or JPEG")
    return Image.fromarray(np.rint(values.astype(np.float64) / 257).astype(np.uint8))


def _in_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, list[str]]:
    """RGB by a colour profile that is another than sRGB; one that cannot be used is left aside."""
    if profile:
        with suppress(SuiteError), decoding("its colour profile"):
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            described = ImageCms.getProfileDescription(given).strip()
            # A profile of colours may be in a picture of greys, which are colours too.
            fitting = image.convert("RGB") if given.profile.xcolor_space.strip() == "RGB" else image
            if "sRGB" not in described:
                converted = ImageCms.profileToProfile(fitting, given, ImageCms.createProfile("sRGB"), outputMode="RGB")
                if converted is not None:
                    return converted, [f"its colours are converted from the profile {described!r} to sRGB"]
    return image.convert("RGB"), []
