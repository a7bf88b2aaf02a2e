"""The model and data that work with no argument: a small latent diffusion pipeline of emoji, and pictures to teach it.

All are shipped.
"""

from __future__ import annotations

from suite import Asset, Starter

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
