"""Trains the autoencoder of RGBA pictures on all of Google's emoji; writes an `AutoencoderTiny` of diffusers.

    python autoencoder.py google work/vae --minutes 20

64 x 64 x 4 pixels become 16 x 16 x 4 latents of zero mean and unit deviation. While it trains the latents get a little
noise, so that small errors of a diffusion model stay small in pixels; that is a variational autoencoder whose posterior
has a fixed width (Kingma and Welling 2013, https://arxiv.org/abs/1312.6114).
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderTiny
from PIL import Image
from torch import Tensor
from torch.nn import functional

from suite_image_generation.pictures.alpha import to_pixels

BATCH, CROP = 16, 32
"""Crops cost a quarter, and the network is convolutional: four times the steps for the same time."""
NOISE = 0.05
"""Deviation of the noise on latents, of which the largest part has deviation 1."""


def build() -> AutoencoderTiny:
    """0.3 M parameters. Full resolution costs most: the encoder leaves it at once, the decoder has one block there."""
    return AutoencoderTiny(
        in_channels=4,
        out_channels=4,
        encoder_block_out_channels=(32, 32, 32),
        decoder_block_out_channels=(32, 32, 32),
        num_encoder_blocks=(0, 2, 3),
        num_decoder_blocks=(3, 2, 1),
        latent_channels=4,
    )


def pictures(google: Path) -> Tensor:
    """(pictures, 4, 64, 64) uint8: every emoji but those that differ in skin tone only."""
    names = [emoji["image"] for emoji in json.loads((google / "emoji.json").read_text()) if emoji["has_img_google"]]
    paths = [google / "img" / "google" / "64" / name for name in names]
    return torch.stack([((to_pixels(Image.open(path)) + 1) * 127.5).round().byte() for path in paths])


def varied(batch: Tensor, generator: torch.Generator) -> Tensor:
    """Crops of pictures, mirrored and recoloured at random, in [-1, 1]: users bring other pictures than emoji."""
    pixels = batch.float() / 127.5 - 1
    if torch.rand((), generator=generator) < 0.5:
        pixels = pixels.flip(-1)
    if torch.rand((), generator=generator) < 0.5:
        pixels = pixels[:, [*torch.randperm(3, generator=generator).tolist(), 3]]
    y, x = torch.randint(0, pixels.shape[-1] - CROP + 1, (2,), generator=generator).tolist()
    return pixels[..., y : y + CROP, x : x + CROP]


def distance(got: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean absolute errors: of values, of their differences between neighbours (sharp edges), of coarse hue.

    Without the last one green stayed grey for a long time: light and dark are most of any picture.
    """
    edges = sum(functional.l1_loss(got.diff(dim=axis), wanted.diff(dim=axis)) for axis in (-1, -2))
    return functional.l1_loss(got, wanted), torch.as_tensor(edges), functional.l1_loss(hue(got), hue(wanted))


def hue(pixels: Tensor) -> Tensor:
    """Red less green, and blue less their mean, of squares of 4 x 4 pixels."""
    red, green, blue = functional.avg_pool2d(pixels[:, :3], 4).unbind(1)
    return torch.stack((red - green, blue - (red + green) / 2), 1)


def train(images: Tensor, minutes: float, log: Path) -> AutoencoderTiny:
    """Trains for so many minutes of one thread; the rate falls to zero by the clock."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    model = build().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, betas=(0.9, 0.99), weight_decay=1e-4)
    start, step = time.monotonic(), 0
    while (done := (time.monotonic() - start) / (60 * minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1.0, (step + 1) / 100) * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
        pick = torch.randint(len(images), (BATCH,), generator=generator)
        pixels = varied(images[pick], generator).contiguous(memory_format=torch.channels_last)
        latents = model.encode(pixels).latents
        got = model.decode(latents + NOISE * torch.randn(latents.shape, generator=generator)).sample
        error, edges, colour = distance(got, pixels)
        spread = latents.mean((0, 2, 3)).square().mean() + (latents.std((0, 2, 3)) - 1).square().mean()
        optimizer.zero_grad()
        (error + 0.5 * edges + 2 * colour + 0.1 * spread).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 25 == 0:
            values = {"error": error, "edges": edges, "colour": colour, "spread": spread}
            _log(log, step=step, minutes=minutes * done, **{name: value.item() for name, value in values.items()})
    return model


def _log(path: Path, **values: Any) -> None:
    with path.open("a") as file:
        file.write(" ".join(f"{key} {value:.4g}" for key, value in values.items()) + "\n")


@torch.no_grad()
def measure(model: AutoencoderTiny, images: Tensor) -> dict[str, float]:
    """Deviation and mean of latents, mean absolute error in [-1, 1] and PSNR in decibel over all pictures."""
    pixels = images.float() / 127.5 - 1
    latents = torch.cat([model.encode(part).latents for part in pixels.split(32)])
    got = torch.cat([model.decode(part).sample for part in latents.split(32)]).clamp(-1, 1)
    squared = (got - pixels).square().mean((1, 2, 3))
    return {
        "mean": latents.mean().item(),
        "std": latents.std().item(),
        "l1": functional.l1_loss(got, pixels).item(),
        "psnr": (10 * torch.log10(4 / squared.clamp(min=1e-8))).mean().item(),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("google", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=20)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    images = pictures(given.google)
    model = train(images, given.minutes, given.out / "log.txt").eval()
    figures = measure(model, images[::4])
    # Stable Diffusion's pipeline divides by this one number; the mean is kept near zero in training.
    model.register_to_config(scaling_factor=round(1 / figures["std"], 4))
    model.save_pretrained(given.out)
    print(len(images), figures)
