"""Between rows and answers: examples of a table, pictures asked for and made, and what they are measured by."""

from __future__ import annotations

import base64
import io
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any

import click
import torch
from datasets import Dataset
from PIL import Image

from suite import Prediction
from suite_image_generation.config import ImageConfig
from suite_image_generation.generation import previews, screening
from suite_image_generation.generation.answers import answers, picture_of
from suite_image_generation.generation.sampling import sample
from suite_image_generation.model import latents, pipelines
from suite_image_generation.model.latents import Captioned
from suite_image_generation.model.pipelines import Fingerprint
from suite_image_generation.pictures import buckets, prompts
from suite_image_generation.pictures import files as pictures
from suite_image_generation.pictures.alpha import to_pixels
from suite_image_generation.pictures.buckets import Crop
from suite_image_generation.pictures.request import Request

SHEETS = 10
"""Sheets of crops at the start of a run: 800 pictures."""


def examples(pipe: Any, rows: Dataset, config: ImageConfig, cache: Path, device: torch.device) -> list[Captioned]:
    """An example per row, encoded on `device` where it is new to the cache."""
    values, captions = pictures.Each(rows, itemgetter("image")), [caption.strip() for caption in rows["caption"]]
    crops = crops_of(pipe, values, config)
    with pipelines.frozen_on(pipe, device):
        encoded = latents.encode_all(pipe, values, crops, cache)
        *words, none = latents.encode_captions(pipe, [*captions, ""], cache)
    if note := latents.size_note([*encoded, *words]):
        say(note)
    return [Captioned(captions[i], i, encoded[i], words[i], none, crops[i]) for i in range(len(rows))]


def crops_of(pipe: Any, values: Sequence[Any], config: ImageConfig) -> list[Crop]:
    """Each picture's crop to the nearest bucket."""
    side = config.resolution or round(math.sqrt(math.prod(pipelines.default_size(pipe))))
    sizes = buckets.shapes(side, pipelines.multiple(pipe), config.max_ratio)
    facts = (pictures.facts(value) for value in values)
    return [buckets.crop((fact.width, fact.height), sizes) for fact in facts]


def asked(
    chosen: Sequence[Captioned], rows: Dataset, config: ImageConfig, *, steps: int | None = None
) -> list[Captioned]:
    """The examples, each with a request for a picture of its caption, in its shape, seeded by its index."""
    values = pictures.Each(rows, itemgetter("image"))
    return [
        replace(
            example,
            value=values[example.index],
            request=Request(
                example.prompt,
                seed=config.seed + example.index,
                steps=steps or config.sample_steps,
                guidance=config.guidance,
                width=example.crop.size[0] if example.crop else None,
                height=example.crop.size[1] if example.crop else None,
            ),
        )
        for example in chosen
    ]


def made(pipe: Any, chosen: Sequence[Captioned], config: ImageConfig, fingerprint: Fingerprint) -> list[Prediction]:
    """Predictions for those that ask for a picture; without any the weights are not hashed."""
    requests = [example.request for example in chosen if example.request]
    if not requests:
        return []
    device = next(pipelines.denoiser(pipe).parameters()).device
    guard = screening.guard_of(config)
    with pipelines.frozen_on(pipe, device):
        return answers(pipe, requests, model=fingerprint.digits, guard=guard)


def original(value: Any, size: buckets.Size | None) -> str:
    """A picture of the data, cropped to `size` as for training, as PNG in base64."""
    picture, buffer = pictures.read(value), io.BytesIO()
    (buckets.crop(picture.size, [size]).apply(picture) if size else picture).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def distance(first: Prediction, second: Prediction) -> float:
    """Mean difference of values, of 255, between two predictions' pictures: 0 where neither has one."""
    if not first["png"] or not second["png"]:
        return 0.0 if first["png"] == second["png"] else 255.0
    return pixel_distance(picture_of(first), picture_of(second))


def pixel_distance(first: Image.Image, second: Image.Image) -> float:
    """Mean difference of RGBA values, of 255; 255 for pictures of different sizes. What is hidden does not count."""
    ours, theirs = to_pixels(first), to_pixels(second)
    return 127.5 * (ours - theirs).abs().mean().item() if ours.shape == theirs.shape else 255.0


def report_changes(pipe: Any, rows: Dataset, chosen: Sequence[Captioned]) -> None:
    """Says what is done to pictures that a person would want to know of, and to captions."""
    crops = [example.crop for example in chosen if example.crop]
    say(buckets.table(crops))
    if enlarged := sum(crop.scale > 1 for crop in crops):
        say(f"{enlarged} of {len(crops)} pictures are smaller than their bucket and were enlarged.")
    if long := sum(bool(prompts.unread(pipe, example.prompt)) for example in chosen):
        say(f"{long} of {len(chosen)} captions are longer than the model reads; their ends are not learnt.")
    clear = sum(pictures.facts(value).transparent for value in pictures.Each(rows, itemgetter("image")))
    if clear and pipe.vae.config.in_channels != 4:
        say(f"{clear} of {len(crops)} pictures are transparent in parts; this model has no alpha and sees white there.")


def show_crops(rows: Dataset, crops: Sequence[Crop], folder: Path) -> None:
    """Sheets of the crops, the first `SHEETS`."""
    most = SHEETS * buckets.A_SHEET
    if len(crops) > most:
        say(f"Crops of the first {most} pictures are in {folder}; all: suite image-generation crops DATA.")
    opened = pictures.Each(rows, lambda row: pictures.read(row["image"]))
    for _ in buckets.sheets(iter(opened), crops[:most], folder):
        pass


def show_previews(pipe: Any, prompts: Sequence[str], config: ImageConfig, step: int, folder: Path) -> None:
    """The prompts drawn from fixed seeds, for this step and beside those of earlier ones."""
    requests = [
        Request(prompt, seed=config.seed + place, steps=config.sample_steps, guidance=config.guidance)
        for place, prompt in enumerate(prompts)
    ]
    with pipelines.frozen_on(pipe, next(pipelines.denoiser(pipe).parameters()).device):
        shown = screening.shown(sample(pipe, requests), pipe, screening.guard_of(config))
    previews.write_step([picture for picture, _ in shown], prompts, step, folder)


def say(text: str) -> None:
    """A line for people, by the main process, unless quiet."""
    if os.environ.get("SUITE_QUIET") != "1" and os.environ.get("RANK", "0") == "0":
        click.echo(text, err=True)
