"""PNG, JPEG, TIFF and their kin, 8 and 16 bit, through Pillow."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from suite import SuiteError, load_picture, picture_file
from suite_medical_imaging.readers.picture import MAX_PIXELS, Picture, frame_index, preview, scaled, used_range

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "JPEG2000", "PPM")
"""What Pillow may open, beside DICOM and NIfTI, which others read."""
_DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N")
_RANDOM_ACCESS = ("TIFF", "MPO")
"""Formats whose frames stand alone; in the others, a frame needs all before it."""


def read(file: BinaryIO, *, name: str, frame: int = -1) -> Picture:
    """One frame of a picture file. Raises `SuiteError` for what is damaged, too large or no picture at all."""
    file.seek(0)
    with picture_file(file, name, formats=FORMATS, others=("DICOM", "NIfTI")) as opened:
        return from_image(opened, name=name, frame=frame, deep_colour=_deep_colour(opened, file))


def from_image(image: Image.Image, *, name: str, frame: int = -1, deep_colour: bool = False) -> Picture:
    """One frame of an image Pillow has opened."""
    form = image.format or "picture"
    count = int(getattr(image, "n_frames", 1))
    index = frame_index(frame, count, name=name)
    if form not in _RANDOM_ACCESS and image.width * image.height * (index + 1) > 10 * MAX_PIXELS:
        raise SuiteError(f"{name} has {count} frames of {image.width} x {image.height}, too many to unpack; split it.")
    load_picture(image, name, index)
    facts = {"format": form, "frame": f"{index + 1} of {count}"}
    return _picture(ImageOps.exif_transpose(image), facts, name=name, deep_colour=deep_colour)


def _picture(image: Image.Image, facts: dict[str, str], *, name: str, deep_colour: bool) -> Picture:
    if image.mode in _DEEP or image.mode == "F":
        return _deep(np.asarray(image), facts)
    image, note = plain(image)
    values = np.asarray(image.convert("L") if image.mode == "1" else image)
    values = values[..., None] if values.ndim == 2 else values
    facts |= {"size": f"{image.width} x {image.height}", "bits": "8", "window": "none: 0 to 255"}
    if deep_colour:
        _check_deep_colour(values, name)
        note = "16-bit colour, of which the upper 8 bits were read"
    if note:
        facts["notes"] = note
    return Picture(scaled(values, 0, 255), preview(values), facts)


def _deep(values: np.ndarray, facts: dict[str, str]) -> Picture:
    """Grey values of more than 8 bits, over the bits they use; floats over their own range unless within 0..1."""
    facts["size"] = f"{values.shape[1]} x {values.shape[0]}"
    if values.dtype.kind == "f":
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        low, high = (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
        facts |= {"bits": "float", "window": f"{low:g} to {high:g}"}
        if finite.size < values.size:
            facts["notes"] = f"{values.size - finite.size} values are not finite and shown black"
    else:
        low, high, bits = used_range(values)
        facts |= {"bits": f"{bits} used of {max(16, bits)}", "window": f"none: {low:g} to {high:g}"}
        if bits == 8:
            facts["notes"] = "declared 16-bit, but every value fits 8 bits: read as 8-bit"
    return Picture(scaled(values, low, high)[..., None], preview(values), facts)


def plain(image: Image.Image) -> tuple[Image.Image, str]:
    """The image as 1, L or RGB, and a note on what was lost for it."""
    note = ""
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            note = "transparent parts are shown black"
            image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
        image = image.convert("RGB")
        bands = [np.asarray(band) for band in image.split()]
        if all(np.array_equal(bands[0], band) for band in bands[1:]):
            image = image.getchannel("R")
    if image.mode == "P":
        entries = np.asarray(image.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
        image = image.convert("L" if (entries == entries[:, :1]).all() else "RGB")
    if image.mode not in ("1", "L", "RGB"):
        image = image.convert("RGB")
    return image, note


def _deep_colour(image: Image.Image, file: BinaryIO) -> bool:
    """Whether a PNG or TIFF holds colour (or grey with alpha) of 16 bits, which Pillow cuts down to the upper 8."""
    if image.format == "PNG":
        file.seek(24)
        depth, colour = file.read(2)
        return depth == 16 and colour != 0
    if image.format == "TIFF" and image.mode in ("RGB", "RGBA", "CMYK", "LA"):
        return max(image.tag_v2.get(258, (8,))) > 8  # type: ignore[attr-defined]
    return False


def _check_deep_colour(values: np.ndarray, name: str) -> None:
    if (top := int(values.max())) < 128:
        raise SuiteError(
            f"{name} is 16-bit colour that uses at most {8 + top.bit_length()} bits, and would come out nearly black; "
            "save it as 8-bit colour, or as 16-bit grey."
        )
