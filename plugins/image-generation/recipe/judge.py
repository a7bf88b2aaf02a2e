"""Draws the prompts at fixed seeds and says how near each picture is to the picture it was trained on.

    python judge.py ../suite_image_generation ../suite_image_generation/data/emoji.parquet work/judge

Writes `grid.png`, `pairs.png` (each picture beside the nearest one of training) and prints one line a prompt. Whether
a person recognises what was asked for is for a person to say.
"""

from __future__ import annotations

import argparse
import io
import time
from pathlib import Path

import pyarrow.parquet as pq
import torch
from clip import pixels
from diffusers import StableDiffusionPipeline
from PIL import Image
from torch.nn import functional
from transformers import CLIPModel
from unet import grid, sample

ALIKE = 0.05
"""Mean absolute difference of colours on white, of 1, below which a picture is called a copy."""


def main(shipped: Path, parquet: Path, out: Path, prompts: list[str], seed: int) -> None:
    """Samples, measures, writes the sheets."""
    out.mkdir(parents=True, exist_ok=True)
    pipe = StableDiffusionPipeline.from_pretrained(shipped / "starter")
    model = CLIPModel.from_pretrained(shipped / "evaluator")
    rows = pq.read_table(parquet).to_pylist()
    known = [Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGBA") for row in rows]
    started = time.monotonic()
    drawn = sample(pipe, prompts, seed=seed)
    print(f"{len(drawn)} pictures in {time.monotonic() - started:.1f} s")
    theirs, ours = embed(model, known), embed(model, drawn)
    cosine, nearest = (ours @ theirs.T).max(1)
    apart = (pixels(drawn)[:, None] - pixels(known)[None]).abs().mean((2, 3, 4)) / 2
    for index, prompt in enumerate(prompts):
        close = int(apart[index].argmin())
        print(
            f"{prompt:20} cosine {cosine[index]:.2f} {rows[int(nearest[index])]['caption']:20} "
            f"difference {apart[index, close]:.3f} {rows[close]['caption']}"
        )
    copies = (apart.min(1).values < ALIKE).float().mean()
    print(f"copies: {copies:.2f} of the pictures are within {ALIKE} of a training picture")
    grid(drawn).save(out / "grid.png")
    pairs = [picture for index, drawing in enumerate(drawn) for picture in (drawing, known[int(apart[index].argmin())])]
    grid(pairs, columns=10).save(out / "pairs.png")


@torch.no_grad()
def embed(model: CLIPModel, pictures: list[Image.Image]) -> torch.Tensor:
    """(pictures, 384) unit vectors."""
    states = model.vision_model(pixel_values=pixels(pictures)).pooler_output
    return functional.normalize(model.visual_projection(states), dim=-1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("shipped", "parquet", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--prompts", type=Path, default=Path(__file__).parent / "prompts.txt")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    main(given.shipped, given.parquet, given.out, given.prompts.read_text().split("\n")[:-1], given.seed)
