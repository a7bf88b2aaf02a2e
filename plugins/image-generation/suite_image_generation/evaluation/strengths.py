"""How much of a fine-tuning to use: the same prompts and seeds over strengths and denoising steps, on one sheet.

A strength scales what training changed: 0 is the model before, 1 the fine-tuned one, beyond 1 exaggerates. Weights are
interpolated, which for adapters is what programs call the LoRA strength, and means the same after full fine-tuning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from PIL import Image

from suite import Predictor, SuiteError, bar, resolve_model
from suite_image_generation.config import ImageConfig
from suite_image_generation.domain import IMAGE_GENERATION
from suite_image_generation.generation import previews, screening
from suite_image_generation.generation.sampling import sample
from suite_image_generation.model import pipelines
from suite_image_generation.model.encoder import Encoder
from suite_image_generation.pictures.request import Request

STRENGTHS = (0.0, 0.5, 1.0, 1.5)
"""Beyond 1.5 most adapters fall apart; `--strengths` takes others."""
STEPS = (10, 25)
"""A quick and a thorough sampling: a style that needs many steps shows."""


class Mixed:
    """The denoiser of a fine-tuned pipeline at any strength. Raises `SuiteError` where `base` is of another shape."""

    def __init__(self, tuned: torch.nn.Module, base: torch.nn.Module) -> None:
        self.module = tuned
        self._tuned = {name: value.detach().clone() for name, value in tuned.state_dict().items()}
        self._base = {
            name: value.to(self._tuned[name]) for name, value in base.state_dict().items() if name in self._tuned
        }
        if {n: v.shape for n, v in self._tuned.items()} != {n: v.shape for n, v in base.state_dict().items()}:
            raise SuiteError("The model before fine-tuning has other layers than this run's; give the run's own base.")

    @contextmanager
    def at(self, strength: float) -> Iterator[None]:
        """The module has this strength inside the block, and its own weights after it."""
        self._set(strength)
        try:
            yield
        finally:
            self._set(1.0)

    def _set(self, strength: float) -> None:
        own = self.module.state_dict()
        with torch.no_grad():
            for name, tuned in self._tuned.items():
                if strength == 1.0 or not tuned.is_floating_point():
                    own[name].copy_(tuned)
                else:
                    own[name].copy_(torch.lerp(self._base[name].float(), tuned.float(), strength))


def opened(source: str) -> tuple[Any, Mixed, ImageConfig]:
    """Pipeline of a finished run (folder or name; the newest unless given), its denoiser at any strength, its config.

    Raises `SuiteError` where there is no finished run.
    """
    predictor = Predictor(IMAGE_GENERATION.task(), source)
    if predictor.run is None:
        raise SuiteError("There is no finished run to vary; train one first, or give its folder as --model.")
    model: Any = predictor.model
    config, starter = predictor.task.config, IMAGE_GENERATION.starter
    before = resolve_model(config.model or starter.model, starter.assets)
    base = pipelines.denoiser(pipelines.load_pipeline(before))
    return model.pipeline, Mixed(model.network, base), config


def grid(
    pipe: Any,
    mixed: Mixed,
    requests: Sequence[Request],
    strengths: Sequence[float],
    steps: Sequence[int],
    *,
    guard: Encoder | None = None,
) -> Image.Image:
    """A sheet: a row for each strength and number of steps, a column for each request; grey where it is withheld."""
    rows = []
    for strength in bar(strengths, description="Strengths", unit="strength"):
        with mixed.at(strength):
            for count in steps:
                made = sample(pipe, [replace(request, steps=count) for request in requests])
                made = [picture for picture, _ in screening.shown(made, pipe, guard)]
                title = f"strength {strength:g}, {count} steps"
                rows.append(previews.row(made, [request.prompt for request in requests], title))
    return previews.stacked(rows)


def numbers(text: str, kind: type, name: str, least: float, most: float) -> list[Any]:
    """The numbers of a comma-separated list. Raises `SuiteError` for anything else, and for numbers out of range."""
    try:
        numbers = [kind(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or not all(least <= number <= most for number in numbers):
        raise SuiteError(f"{text!r} are no {name}: give numbers from {least:g} to {most:g} with commas between them.")
    return numbers
