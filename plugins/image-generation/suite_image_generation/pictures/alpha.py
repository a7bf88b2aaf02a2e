"""Pictures as numbers and back: the starter's convention for transparency, the same wherever it reads or writes."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image


def to_pixels(picture: Image.Image) -> torch.Tensor:
    """Picture of any mode as float32 (4, height, width) in [-1, 1]: RGBA, straight alpha.

    Where nothing shows (alpha 0) the colour is white, so that what is hidden costs the autoencoder nothing and an edge
    has the same neighbour everywhere. A picture without transparency is opaque throughout.
    """
    values = torch.from_numpy(np.asarray(picture.convert("RGBA"), dtype=np.float32) / 127.5 - 1).permute(2, 0, 1)
    hidden = values[3:] == -1
    return torch.cat((values[:3].masked_fill(hidden, 1.0), values[3:]))


def to_picture(pixels: torch.Tensor) -> Image.Image:
    """RGBA picture of float pixels (4, height, width) in [-1, 1], or RGB of (3, height, width); beyond is cut off."""
    values = ((pixels.detach().float().clamp(-1, 1) + 1) * 127.5).round().to("cpu")
    return Image.fromarray(values.permute(1, 2, 0).numpy().astype(np.uint8))
