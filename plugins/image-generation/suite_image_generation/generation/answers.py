"""Requests to predictions: sampled, screened, and as PNG with the settings inside. The model's `infer` ends here."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

from PIL import Image

from suite import Prediction
from suite_image_generation.generation import screening
from suite_image_generation.generation.sampling import drawn, settled
from suite_image_generation.model import schedulers
from suite_image_generation.model.encoder import Encoder
from suite_image_generation.pictures import png, prompts
from suite_image_generation.pictures.request import Request


def answers(pipe: Any, requests: Sequence[Request], *, model: str, guard: Encoder | None = None) -> list[Prediction]:
    """A prediction per request: "prompt", "seed", "png" (base64), "withheld" and "note", sentences or "".

    `model` is the hash that stands in the PNG. A withheld picture's PNG is grey. `guard` is a further check by CLIP.
    """
    asked = [settled(pipe, request) for request in requests]
    shown = screening.shown(drawn(pipe, asked), pipe, guard)
    return [
        _answer(pipe, request, picture, verdict, model)
        for request, (picture, verdict) in zip(asked, shown, strict=True)
    ]


def picture_of(prediction: Prediction) -> Image.Image:
    """The picture of a prediction, RGB or RGBA."""
    picture = Image.open(io.BytesIO(png_of(prediction)))
    picture.load()
    return picture


def png_of(prediction: Prediction) -> bytes:
    """The PNG of a prediction."""
    return base64.b64decode(prediction["png"])


def _answer(pipe: Any, request: Request, picture: Image.Image, verdict: screening.Verdict, model: str) -> Prediction:
    sampler = type(schedulers.made(pipe.scheduler, request.scheduler)).__name__
    settings = png.settings(request, model=model, sampler=sampler)
    content = base64.b64encode(png.encode(picture, settings)).decode()
    return {
        "prompt": request.prompt,
        "seed": request.seed,
        "png": content,
        "withheld": verdict.withheld,
        "note": " ".join(filter(None, (request.note, *_unread(pipe, request), verdict.note))),
    }


def _unread(pipe: Any, request: Request) -> list[str]:
    return [prompts.unread(pipe, request.prompt), prompts.unread(pipe, request.negative, "negative prompt")]
