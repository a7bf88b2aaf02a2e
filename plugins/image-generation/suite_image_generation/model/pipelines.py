"""Stock diffusers pipelines behind one interface: what is trained, and what frozen parts make of words and pictures.

Words go through the pipeline's own `encode_prompt`, pictures through its autoencoder, which always computes in fp32:
Stable Diffusion XL's overflows in half precision (https://huggingface.co/madebyollin/sdxl-vae-fp16-fix).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from PIL import Image

from suite import SuiteError, decoding, read_json
from suite_image_generation.pictures import alpha
from suite_image_generation.pictures.files import on_white

DENOISERS = {
    "StableDiffusionPipeline": "unet",
    "StableDiffusionXLPipeline": "unet",
    "StableDiffusion3Pipeline": "transformer",
}
"""Pipelines that can be trained, and which part of each is."""
PIXELS = 512 * 512
"""Pixels that pass the autoencoder at once, or else one picture: Stable Diffusion's needs 3 KB for each, in fp32."""
LIBRARIES = ("diffusers", "transformers", "stable_diffusion")
"""Where the classes of a pipeline's parts may come from; anything else would be code beside the weights."""


def load_pipeline(folder: Path) -> Any:
    """The text-to-image pipeline in `folder`, fp32 on the CPU, from its safetensors alone.

    Raises `SuiteError` for a kind of pipeline that is not known, for one with code of its own, and for weights that
    are missing or no safetensors.
    """
    check_index(folder)
    _silence()
    # What the index says is not there, such as Stable Diffusion 3's third text encoder, must be passed as such.
    absent = {name: None for name, value in read_index(folder).items() if isinstance(value, list) and not value[0]}
    with decoding(folder, "it may be damaged: fetch it anew."):
        pipe = getattr(diffusers, kind_of(folder)).from_pretrained(
            folder, local_files_only=True, use_safetensors=True, **absent
        )
    pipe.to(torch.float32).set_progress_bar_config(disable=True)
    for part in _modules(pipe).values():
        part.requires_grad_(False).eval()
    denoiser(pipe).requires_grad_(True)
    return pipe


def read_index(folder: Path) -> dict[str, Any]:
    """The folder's model_index.json. Raises `SuiteError` where it is no pipeline's."""
    path = folder / "model_index.json"
    if not path.is_file():
        raise SuiteError(f"{folder} has no model_index.json; give the folder of a diffusers pipeline.")
    return read_json(path, "the folder is damaged, fetch it anew.")


def kind_of(folder: Path) -> str:
    """The pipeline's class. Raises `SuiteError` for one that cannot be trained here."""
    kind = read_index(folder).get("_class_name")
    if not isinstance(kind, str) or kind not in DENOISERS:
        raise SuiteError(f"{folder} is a {kind}; known are {', '.join(DENOISERS)}. Give a pipeline of one of these.")
    return kind


def check_index(folder: Path) -> None:
    """Raises `SuiteError` for an unknown pipeline and for parts whose code lies beside the weights."""
    kind_of(folder)
    for name, value in read_index(folder).items():
        if isinstance(value, list) and (library := next(iter(value), "nowhere")) not in (None, *LIBRARIES):
            raise SuiteError(
                f"{folder}: its {name} comes from {library!r}, code that is not run; give a stock pipeline."
            )


def name_of_denoiser(pipe: Any) -> str:
    """`unet` or `transformer`."""
    return DENOISERS[type(pipe).__name__]


def denoiser(pipe: Any) -> torch.nn.Module:
    """What is trained."""
    part: torch.nn.Module = getattr(pipe, name_of_denoiser(pipe))
    return part


def trained_shape(folder: Path) -> tuple[int, int]:
    """Side in pixels that the pipeline was trained on, and what sides must be a multiple of; no weight is read."""
    with decoding(folder, "it may be damaged: fetch it anew."):
        settings = read_config(folder / DENOISERS[kind_of(folder)])
        size = settings["sample_size"]
        factor = vae_factor(folder)
        side = math.sqrt(math.prod((size, size) if isinstance(size, int) else size))
        return round(side * factor), math.lcm(8, factor * _inner(settings))


def vae_factor(folder: Path) -> int:
    """Pixels of a picture per latent, along a side."""
    settings = read_config(folder / "vae")
    widths = settings.get("block_out_channels") or settings["encoder_block_out_channels"]
    return 2 ** (len(widths) - 1)


def read_config(folder: Path) -> dict[str, Any]:
    """A part's config.json. Raises `SuiteError` where there is none."""
    return read_json(folder / "config.json", "fetch the model anew.")


def default_size(pipe: Any) -> tuple[int, int]:
    """Width and height of the pictures it was trained on, in pixels."""
    size = denoiser(pipe).config["sample_size"]  # type: ignore[index]  # a ModelMixin's
    height, width = (size, size) if isinstance(size, int) else size
    return width * pipe.vae_scale_factor, height * pipe.vae_scale_factor


def multiple(pipe: Any) -> int:
    """Sides of pictures must be a multiple of this: the autoencoder's factor times what the denoiser halves, and 8.

    The stock pipelines refuse other sides.
    """
    config: Any = denoiser(pipe).config
    return math.lcm(8, int(pipe.vae_scale_factor) * _inner(config))


def encode_prompts(pipe: Any, prompts: Sequence[str]) -> dict[str, torch.Tensor]:
    """What the denoiser is conditioned on, a row per prompt, fp32 on the device of the text encoder.

    `encoder_hidden_states` (n, tokens, width); with Stable Diffusion XL `text_embeds`, with 3 `pooled_projections`,
    both (n, width).
    """
    device = frozen_device(pipe)
    given: dict[str, Any] = {"prompt": list(prompts), "device": device, "num_images_per_prompt": 1}
    kind = type(pipe).__name__
    if kind == "StableDiffusion3Pipeline":
        given |= {"prompt_2": None, "prompt_3": None}
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        encoded = pipe.encode_prompt(**given, do_classifier_free_guidance=False)
    if kind == "StableDiffusionPipeline":
        return {"encoder_hidden_states": encoded[0].float()}
    pooled = "text_embeds" if kind == "StableDiffusionXLPipeline" else "pooled_projections"
    return {"encoder_hidden_states": encoded[0].float(), pooled: encoded[2].float()}


def encode_pictures(pipe: Any, pictures: Sequence[Image.Image]) -> torch.Tensor:
    """Latents (n, c, h, w), fp32, scaled for the denoiser: the middle of what the autoencoder says, without noise.

    Pictures of one size; RGBA for an autoencoder of four channels, else on white.
    """
    config, device = pipe.vae.config, frozen_device(pipe)
    pixels = to_pixels(pictures, channels=config.in_channels)
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        vae = pipe.vae.float()
        encoded = [vae.encode(part.to(device)) for part in pixels.split(at_once(*pixels.shape[2:]))]
    tiny = type(pipe.vae).__name__ == "AutoencoderTiny"  # it gives one answer, the others a distribution
    latents = torch.cat([answer.latents if tiny else answer.latent_dist.mode() for answer in encoded])
    return (latents - (config.get("shift_factor") or 0.0)) * config.scaling_factor


def at_once(height: int, width: int) -> int:
    """How many pictures of that size, in pixels, go through the autoencoder together."""
    return max(1, PIXELS // (height * width))


def to_pixels(pictures: Sequence[Image.Image], *, channels: int) -> torch.Tensor:
    """(n, channels, height, width) in [-1, 1]: with four channels RGBA as the starter has it, else RGB on white."""
    if channels == 4:
        return torch.stack([alpha.to_pixels(picture) for picture in pictures])
    return torch.stack([alpha.to_pixels(on_white(picture))[:3] for picture in pictures])


def frozen_device(pipe: Any) -> torch.device:
    """Where the autoencoder and the text encoders are."""
    return next(pipe.vae.parameters()).device


@contextmanager
def frozen_on(pipe: Any, device: torch.device) -> Iterator[None]:
    """All parts but the denoiser are on `device` inside the block, and after it where they were.

    That is mostly the CPU: between encoding and sampling the room is the training's. An inner block moves nothing.
    """
    before = frozen_device(pipe)
    parts = [part for name, part in _modules(pipe).items() if name != name_of_denoiser(pipe)]
    for part in parts:
        part.to(device)
    try:
        yield
    finally:
        for part in parts:
            part.to(before)


def weights_hash(*modules: torch.nn.Module) -> str:
    """16 hexadecimal digits of the SHA-256 of all weights, names and shapes included."""
    digest = hashlib.sha256()
    for module in modules:
        for name, tensor in sorted(module.state_dict().items()):
            digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
            digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().data if tensor.numel() else b"")
    return digest.hexdigest()[:16]


def autoencoder_hash(pipe: Any) -> str:
    """What latents depend on: the autoencoder's weights, and its config, where scale and shift are."""
    config = {name: value for name, value in pipe.vae.config.items() if not name.startswith("_")}
    return _joined(weights_hash(pipe.vae), json.dumps(config, sort_keys=True, default=str))


def words_hash(pipe: Any) -> str:
    """What conditions depend on: the text encoders' weights, and how the tokenizers part words."""
    tokenizers = [part for name, part in sorted(pipe.components.items()) if name.startswith("tokenizer") and part]
    return _joined(weights_hash(*text_encoders(pipe)), *map(_rules, tokenizers))


def _rules(tokenizer: Any) -> str:
    """A tokenizer's content, without the padding that the last call has left in it."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    rules = json.loads(backend.to_str()) if backend else {"vocabulary": tokenizer.get_vocab()}
    kept = {name: value for name, value in rules.items() if name not in ("padding", "truncation")}
    return json.dumps([kept, tokenizer.model_max_length], sort_keys=True)


def _joined(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def model_hash(pipe: Any) -> str:
    """What tells the weights that draw from others, for the PNGs: denoiser, autoencoder and text encoders."""
    return weights_hash(denoiser(pipe), pipe.vae, *text_encoders(pipe))


@dataclass(frozen=True)
class Fingerprint:
    """`model_hash` of a pipeline whose weights no longer change, counted when it is first asked for.

    A large pipeline takes seconds, and is asked with every picture.
    """

    pipe: Any

    @cached_property
    def digits(self) -> str:
        """The hash."""
        return model_hash(self.pipe)


def text_encoders(pipe: Any) -> list[torch.nn.Module]:
    """All of them, in order."""
    return [part for name, part in sorted(_modules(pipe).items()) if name.startswith("text_encoder")]


def _silence() -> None:
    """No bars and no advice about classes that fit: a pipeline is loaded several times in a run."""
    for logger in (diffusers.utils.logging, transformers.utils.logging):
        logger.set_verbosity_error()
        logger.disable_progress_bar()


def _inner(settings: Any) -> int:
    """Latents that a side must be a multiple of: those of a patch, or what a UNet halves again and again."""
    return int(settings.get("patch_size") or 2 ** (len(settings.get("block_out_channels", (1,))) - 1))


def _modules(pipe: Any) -> dict[str, torch.nn.Module]:
    return {name: part for name, part in pipe.components.items() if isinstance(part, torch.nn.Module)}
