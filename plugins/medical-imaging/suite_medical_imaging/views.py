"""A picture "as stored" beside the same "as the model sees it"."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from suite_medical_imaging.picture import Picture

_CAPTION = 24
_GAP = 8
_FONT = 14


def panel(picture: Picture, size: int = 320) -> Image.Image:
    """Both side by side, each fitted into `size` x `size` pixels, with captions and what lies between them."""
    seen = np.rint(picture.values * 255).astype(np.uint8)
    sides = [
        ("as stored", picture.stored),
        (f"as the model sees it ({_told(picture)})", seen),
    ]
    out = Image.new("RGB", (2 * size + _GAP, size + _CAPTION), "white")
    draw, font = ImageDraw.Draw(out), ImageFont.load_default(_FONT)
    for number, (caption, values) in enumerate(sides):
        left = number * (size + _GAP)
        fitted = _fitted(values, size)
        out.paste(fitted, (left + (size - fitted.width) // 2, _CAPTION + (size - fitted.height) // 2))
        while len(caption) > 12 and draw.textlength(caption, font=font) > size:
            caption = caption[:-2].rstrip(". ") + "…"
        draw.text((left + 2, 3), caption, fill="black", font=font)
    return out


def _told(picture: Picture) -> str:
    window = picture.facts.get("window", "unknown window")
    return f"{window}, inverted" if "inverted" in picture.facts else window


def _fitted(values: NDArray[np.uint8], size: int) -> Image.Image:
    image = Image.fromarray(values[..., 0] if values.shape[2] == 1 else values).convert("RGB")
    scale = size / max(image.size)
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
