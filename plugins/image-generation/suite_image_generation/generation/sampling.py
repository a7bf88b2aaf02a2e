"""Pictures from a pipeline: from words, or from a picture and words. Every picture of the plugin is made here.

Each request has its own random generator, so that a picture depends on its own settings and not on the company it is
made in; `suite image-generation predict`, evaluation, grids and the demo therefore show the same picture for one seed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import diffusers
import torch
from PIL import Image

from suite import SuiteError
from suite_image_generation.model import schedulers
from suite_image_generation.model.pipelines import (
    DENOISERS,
    at_once,
    default_size,
    denoiser,
    encode_pictures,
    frozen_on,
    multiple,
)
from suite_image_generation.model.working_memory import TOGETHER
from suite_image_generation.pictures.request import Request

STEPS = 25
"""Denoising steps unless a request says: second-order samplers gain little from more."""
MOST_STEPS = 1000
"""As many as schedulers of this class were trained with."""
MOST_GUIDANCE = 30
"""Far beyond where colours burn out."""
LONGEST_SIDE = 2048
"""Beyond it attention over latents needs more memory than any single device has."""
PREVIEWS = 8
"""Decoded previews of a trajectory: decoding each step would take longer than denoising a small picture."""

OnStep = Callable[[int, int, list[Image.Image]], None]
"""Called with the step (from 1), the number of steps and a preview of each picture of the batch."""


_WATCHER: ContextVar[OnStep | None] = ContextVar("watcher", default=None)


@contextmanager
def watching(on_step: OnStep) -> Iterator[None]:
    """Every batch made inside the block shows about eight previews to `on_step`, whoever asks for it."""
    token = _WATCHER.set(on_step)
    try:
        yield
    finally:
        _WATCHER.reset(token)


def sample(pipe: Any, requests: Sequence[Request]) -> list[Image.Image]:
    """A picture per request, in order: RGBA where the autoencoder has a channel for alpha, else RGB.

    Requests with equal settings share a batch. A picture whose values are not numbers comes back in one colour, which
    `screening` tells. Raises `SuiteError` for settings that the pipeline cannot have.
    """
    return drawn(pipe, [settled(pipe, request) for request in requests])


def drawn(pipe: Any, asked: Sequence[Request]) -> list[Image.Image]:
    """`sample` of requests that are `settled` already."""
    made: dict[int, Image.Image] = {}
    with torch.no_grad(), frozen_on(pipe, next(denoiser(pipe).parameters()).device):
        for indices in batches(asked):
            made.update(zip(indices, _batch(pipe, [asked[i] for i in indices]), strict=True))
    return [made[index] for index in range(len(asked))]


def batches(requests: Sequence[Request]) -> list[list[int]]:
    """Indices of requests that can be made together, at most `TOGETHER` of equal settings."""
    alike: dict[Any, list[int]] = {}
    for index, request in enumerate(requests):
        alike.setdefault(_settings(request), []).append(index)
    return [group[i : i + TOGETHER] for group in alike.values() for i in range(0, len(group), TOGETHER)]


def settled(pipe: Any, request: Request) -> Request:
    """The request with the pipeline's own values where it left them open. Raises `SuiteError` for impossible ones."""
    width, height = default_size(pipe)
    if request.image is not None:
        width, height = of_area(request.image.size, width * height)
    step = multiple(pipe)
    guidance = inspect.signature(type(pipe).__call__).parameters["guidance_scale"].default
    complete = replace(
        request,
        steps=STEPS if request.steps is None else int(request.steps),
        guidance=float(guidance if request.guidance is None else request.guidance),
        width=_fitted(request.width or width, step),
        height=_fitted(request.height or height, step),
    )
    _check(complete)
    return complete


def decode(pipe: Any, latents: torch.Tensor) -> list[Image.Image]:
    """Pictures of `latents` (n, c, h, w) as the denoiser has them, by the autoencoder in its own precision.

    A picture with a value that is not a number becomes one colour.
    """
    config = pipe.vae.config
    shift = config.get("shift_factor") or 0.0
    with torch.no_grad(), torch.autocast(latents.device.type, enabled=False):
        ready = (latents.float() / config.scaling_factor + shift).to(pipe.vae.dtype)
        factor = pipe.vae_scale_factor
        parts = ready.split(at_once(ready.shape[2] * factor, ready.shape[3] * factor))
        pixels = torch.cat([pipe.vae.decode(part, return_dict=False)[0].float() for part in parts])
    pixels = torch.where(torch.isfinite(pixels).all(dim=(1, 2, 3), keepdim=True), pixels, -1.0)
    images: list[Image.Image] = pipe.image_processor.postprocess(pixels, output_type="pil")
    return images


def of_area(size: tuple[int, int], area: int) -> tuple[int, int]:
    """Width and height of the same shape with about `area` pixels, what the model was trained with.

    >>> of_area((4000, 1000), 64 * 64)
    (128, 32)
    """
    scale = (area / (size[0] * size[1])) ** 0.5
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _batch(pipe: Any, requests: Sequence[Request]) -> list[Image.Image]:
    first = requests[0]
    size = (first.width or 0, first.height or 0)
    view = _view(pipe, image=first.image is not None)
    view.scheduler = schedulers.made(pipe.scheduler, first.scheduler)
    given: dict[str, Any] = {"prompt": [request.prompt for request in requests]}
    if "negative_prompt" in inspect.signature(type(view).__call__).parameters:
        # None is not the same as "" to Stable Diffusion XL, which takes zeros for it.
        given["negative_prompt"] = [request.negative for request in requests] if first.negative else None
    if first.image is None:
        given |= {"width": size[0], "height": size[1]}
    else:
        given |= {"image": _latents(pipe, requests, size), "strength": first.strength}
    if on_step := _WATCHER.get():
        given["callback_on_step_end"] = _previews(pipe, on_step)
    latents = view(
        **given,
        num_inference_steps=first.steps,
        guidance_scale=first.guidance,
        generator=[torch.Generator("cpu").manual_seed(request.seed) for request in requests],
        output_type="latent",
    ).images
    return decode(pipe, latents)


def _view(pipe: Any, *, image: bool) -> Any:
    """The same weights as a pipeline for the task, with a scheduler of its own: schedulers hold a picture's state.

    Built by hand: the automatic pipelines import all others, and `from_pipe` casts the weights.
    """
    name = type(pipe).__name__
    if name not in DENOISERS:
        raise SuiteError(f"{name} makes no pictures from words; one of {', '.join(DENOISERS)} does.")
    kind = getattr(diffusers, name.replace("Pipeline", "Img2ImgPipeline")) if image else type(pipe)
    known = dict(pipe.config) | pipe.components
    view = kind(**{part: known[part] for part in inspect.signature(kind.__init__).parameters if part in known})
    view.set_progress_bar_config(disable=True)
    return view


def _latents(pipe: Any, requests: Sequence[Request], size: tuple[int, int]) -> torch.Tensor:
    """Encoded here: a stock pipeline takes a tensor of four channels, which RGBA has, for latents."""

    pictures = [
        request.image.resize(size) if request.image.size != size else request.image
        for request in requests
        if request.image
    ]
    return encode_pictures(pipe, pictures).to(pipe.device)


def _previews(pipe: Any, on_step: OnStep) -> Callable[..., dict[str, Any]]:
    def callback(view: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        total = view.num_timesteps  # fewer than the scheduler's where a picture is given
        if shown(step, total):
            on_step(step + 1, total, decode(pipe, tensors["latents"]))
        return {}

    return callback


def shown(step: int, total: int) -> bool:
    """Whether a step (from 0) is one of the `PREVIEWS` that are spread over all; the last one always is."""
    return total <= PREVIEWS or (step + 1) * PREVIEWS // total > step * PREVIEWS // total


def _settings(request: Request) -> tuple[Any, ...]:
    """What requests of one batch have in common."""
    pictured = None if request.image is None else request.strength
    sizes, unwanted = (request.width, request.height), bool(request.negative)
    return (request.steps, request.guidance, *sizes, request.scheduler, pictured, unwanted)


def _fitted(side: int, step: int) -> int:
    """The side, rounded to a multiple of `step`: a picture given by a user has any size."""
    return max(step, round(side / step) * step)


def _check(request: Request) -> None:
    steps, strength = request.steps or 0, request.strength
    if not 1 <= steps <= MOST_STEPS:
        raise SuiteError(f"{steps} steps are not possible: give 1 to {MOST_STEPS}.")
    if not 0 <= (request.guidance or 0) <= MOST_GUIDANCE:
        raise SuiteError(
            f"A guidance of {request.guidance:g} is not possible: give 0 to {MOST_GUIDANCE}, mostly 3 to 8."
        )
    if not 0 <= request.seed < 2**63:
        raise SuiteError(f"The seed {request.seed} is not possible: give a whole number from 0 to 2^63 - 1.")
    if max(request.width or 0, request.height or 0) > LONGEST_SIDE:
        raise SuiteError(f"{request.width} x {request.height} pixels are too many: sides are at most {LONGEST_SIDE}.")
    if request.image is not None and (not 0 < strength <= 1 or int(steps * strength) < 1):
        raise SuiteError(
            f"A strength of {strength:g} over {steps} steps changes nothing: give a strength from {1 / steps:.2g} to 1."
        )
