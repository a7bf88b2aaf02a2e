"""The model and data that work with no argument: a small latent diffusion pipeline of emoji, and pictures to teach it.

All are shipped. `to_pixels` and `to_picture` are the starter's convention for transparency, the same wherever its
autoencoder reads or writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from suite import Asset, Starter

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

SIZE = 64
"""Pixels a side."""
_NOTO = "https://github.com/googlefonts/noto-emoji"
MODEL = Asset(
    name="emoji-diffusion",
    kind="model",
    summary="text to emoji, a Stable Diffusion pipeline of 12 M parameters, 64 pixels with transparency",
    licence="Apache-2.0",
    url=_NOTO,
    shipped="suite_image_generation:starter",
)
EVALUATOR = Asset(
    name="emoji-clip",
    kind="model",
    summary="a CLIP of 4.6 M parameters that was trained on the emoji; for measuring, not for other pictures",
    licence="Apache-2.0",
    url=_NOTO,
    shipped="suite_image_generation:evaluator",
)
EMOJI = Asset(
    name="noto-emoji",
    kind="data",
    summary="108 emoji in the hands of five projects, with captions: what the starter was trained on",
    licence="Apache-2.0, MIT and CC-BY-4.0",
    url=_NOTO,
    shipped="suite_image_generation:data/emoji.parquet",
)
STYLE = Asset(
    name="clay-style",
    kind="data",
    summary="40 of Microsoft's emoji with captions: soft light, as if modelled in clay",
    licence="MIT",
    url="https://github.com/microsoft/fluentui-emoji",
    shipped="suite_image_generation:data/style.parquet",
)
STARTER = Starter(model=MODEL.name, data=STYLE.name, assets=(MODEL, EVALUATOR, EMOJI, STYLE))


def to_pixels(picture: Image.Image) -> Tensor:
    """Picture of any mode as float32 (4, height, width) in [-1, 1]: RGBA, straight alpha.

    Where nothing shows (alpha 0) the colour is white, so that what is hidden costs the autoencoder nothing and an edge
    has the same neighbour everywhere. A picture without transparency is opaque throughout.
    """
    import numpy as np
    import torch

    values = torch.from_numpy(np.asarray(picture.convert("RGBA"), dtype=np.float32) / 127.5 - 1).permute(2, 0, 1)
    hidden = values[3:] == -1
    return torch.cat((values[:3].masked_fill(hidden, 1.0), values[3:]))


def to_picture(pixels: Tensor) -> Image.Image:
    """RGBA picture of float pixels (4, height, width) in [-1, 1], or RGB of (3, height, width); beyond is cut off."""
    import numpy as np
    from PIL import Image

    values = ((pixels.detach().float().clamp(-1, 1) + 1) * 127.5).round().to("cpu")
    return Image.fromarray(values.permute(1, 2, 0).numpy().astype(np.uint8))
