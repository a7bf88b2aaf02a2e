"""Goes on training the autoencoder's decoder alone, on the starter's own pictures; latents stay what they were.

    python decoder.py emoji.parquet work/vae --minutes 15

So it can run beside the training of the UNet, which sees latents only, or after it.
"""

from __future__ import annotations

import argparse
import io
import math
import time
from pathlib import Path

import pyarrow.parquet as pq
import torch
from autoencoder import distance, measure
from diffusers import AutoencoderTiny
from PIL import Image

from suite_image_generation.pictures.alpha import to_pixels

BATCH, CROP = 16, 8
"""Crops of 8 x 8 latents, 32 x 32 pixels."""
NOISE = 0.1
"""Deviation of the noise on latents: about what a sampled latent is off by."""
RATE = 1e-3


def refine(model: AutoencoderTiny, pixels: torch.Tensor, minutes: float) -> None:
    """Trains the decoder for so many minutes; the rate falls to zero by the clock."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        latents = torch.cat([model.encode(part).latents for part in pixels.split(32)])
    optimizer = torch.optim.AdamW(model.decoder.parameters(), lr=0.0, betas=(0.9, 0.99))
    start, step = time.monotonic(), 0
    while (done := (time.monotonic() - start) / (60 * minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 50) * (1 + math.cos(math.pi * done)) / 2
        pick = torch.randint(len(pixels), (BATCH,), generator=generator)
        y, x = torch.randint(0, latents.shape[-1] - CROP + 1, (2,), generator=generator).tolist()
        seen = latents[pick, :, y : y + CROP, x : x + CROP]
        wanted = pixels[pick, :, 4 * y : 4 * (y + CROP), 4 * x : 4 * (x + CROP)]
        noise = NOISE * torch.randn(seen.shape, generator=generator)
        got = model.decode((seen + noise).contiguous(memory_format=torch.channels_last)).sample
        error, edges, colour = distance(got, wanted)
        optimizer.zero_grad()
        (error + 0.5 * edges + 0.5 * colour).backward()
        torch.nn.utils.clip_grad_norm_(model.decoder.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 100 == 0:
            print(f"step {step} minutes {minutes * done:.1f} error {error.item():.4f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parquet", type=Path)
    parser.add_argument("vae", type=Path)
    parser.add_argument("--minutes", type=float, default=15)
    given = parser.parse_args()
    torch.set_num_threads(1)
    column = pq.read_table(given.parquet, columns=["image"]).to_pydict()["image"]
    pixels = torch.stack([to_pixels(Image.open(io.BytesIO(image["bytes"]))) for image in column])
    model = AutoencoderTiny.from_pretrained(given.vae).to(memory_format=torch.channels_last)
    stored = ((pixels + 1) * 127.5).round().byte()
    print("before", measure(model, stored), flush=True)
    refine(model, pixels, given.minutes)
    print("after", measure(model, stored), flush=True)
    model.save_pretrained(given.vae)
