"""What passes through a pipeline need in memory beside its weights, counted on tensors without content.

Exact for any class and size, and no weight is read; what libraries allocate inside an operation is not seen.
"""

from __future__ import annotations

import math
import weakref
from pathlib import Path
from typing import Any

import diffusers
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from suite_image_generation.config import ImageConfig
from suite_image_generation.model.pipelines import at_once, read_config, vae_factor

CLIP_TOKENS, T5_TOKENS = 77, 256
"""What text encoders are given: CLIP unless its config says otherwise, and T5 of Stable Diffusion 3."""


def activations(folder: Path, batch: int, config: ImageConfig) -> int:
    """Bytes that the denoiser in `folder` keeps between forward and backward pass of `batch` examples in fp32.

    bf16 keeps less. With gradient checkpointing only what its blocks begin with is kept.
    """
    seen: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            storage = tensor.untyped_storage()
            seen[storage._cdata] = storage.nbytes()
        return tensor

    with FakeTensorMode():
        model = _empty(folder).train()
        if config.gradient_checkpointing:
            model.enable_gradient_checkpointing()
        inputs = _inputs(folder, model.config, batch, _latent_size(folder, model.config, config))
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            model(**inputs, return_dict=False)[0].float().pow(2).mean()
    return sum(seen.values())


def drawing(folder: Path, pictures: int, config: ImageConfig) -> int:
    """Bytes at most alive while `pictures` are drawn together by the denoiser in `folder`, with guidance, in fp32.

    That is a pass of twice as many examples, or coding by the autoencoder. They have the model's own size or that
    of training, whichever is larger.
    """
    with FakeTensorMode(), torch.no_grad():
        model, vae = _empty(folder).eval(), _empty(folder.parent / "vae").eval()
        own, trained = (_latent_size(folder, model.config, which) for which in (None, config))
        size = max(own, trained, key=math.prod)
        inputs = _inputs(folder, model.config, 2 * pictures, size)
        with Peak() as denoising:
            model(**inputs, return_dict=False)
        height, width = (side * vae_factor(folder.parent) for side in size)
        count = min(pictures, at_once(height, width))
        with Peak() as coding:
            vae.decode(torch.empty(count, model.config.in_channels, *size))
        with coding:
            vae.encode(torch.empty(count, vae.config.in_channels, height, width))
    return max(denoising.most, coding.most)


class Peak(TorchDispatchMode):
    """While entered, counts the bytes of the tensors that operations make: `now` alive, and the `most` there were."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self._alive: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs the operation and counts what it gives."""
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self._see(tensor.untyped_storage())
        return result

    def _see(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key not in self._alive:
            self._alive[key] = storage.nbytes()
            self.now += storage.nbytes()
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self.now -= self._alive.pop(key)


def _empty(folder: Path) -> Any:
    """The model of a config, without content inside a `FakeTensorMode`."""
    settings = read_config(folder)
    return getattr(diffusers, settings["_class_name"]).from_config(settings)


def _latent_size(folder: Path, settings: Any, config: ImageConfig | None) -> tuple[int, int]:
    """Height and width of latents: as the config wants them, else as the model was trained."""
    size = config.resolution // vae_factor(folder.parent) if config and config.resolution else settings.sample_size
    height, width = (size, size) if isinstance(size, int) else size
    return height, width


def _inputs(folder: Path, settings: Any, batch: int, size: tuple[int, int]) -> dict[str, torch.Tensor | dict[str, Any]]:
    """Tensors as the denoiser takes them."""
    latents, times = torch.empty(batch, settings.in_channels, *size), torch.ones(batch)
    words = read_config(folder.parent / "text_encoder").get("max_position_embeddings", CLIP_TOKENS)
    if folder.name == "transformer":
        return {
            "hidden_states": latents,
            "timestep": times,
            "encoder_hidden_states": torch.empty(batch, words + T5_TOKENS, settings.joint_attention_dim),
            "pooled_projections": torch.empty(batch, settings.pooled_projection_dim),
        }
    inputs: dict[str, Any] = {"sample": latents, "timestep": times}
    inputs["encoder_hidden_states"] = torch.empty(batch, words, settings.cross_attention_dim)
    if settings.addition_embed_type == "text_time":
        pooled = settings.projection_class_embeddings_input_dim - 6 * settings.addition_time_embed_dim
        inputs["added_cond_kwargs"] = {"text_embeds": torch.empty(batch, pooled), "time_ids": torch.empty(batch, 6)}
    return inputs


TOGETHER = 8
"""Pictures of a batch: 16 latents under guidance is what an 8 GB card holds of Stable Diffusion 1.5 at 512 pixels."""
