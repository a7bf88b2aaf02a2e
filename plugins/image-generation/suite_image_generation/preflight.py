"""Whether a run fits into memory, counted before any weight is read: refusing costs a second, a killed process hours.

Weights come from the headers of the safetensors files. What is kept for the backward pass is counted by running the
denoiser on tensors without content, so that it is exact for any class and size.
"""

from __future__ import annotations

import fnmatch
import json
import math
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from suite import SuiteError
from suite_image_generation.config import LORA_TARGETS
from suite_image_generation.pipelines import DENOISERS, kind_of, read_config, read_index, vae_factor

if TYPE_CHECKING:
    from suite_image_generation.config import ImageConfig

FP32 = 4
"""Bytes of a number; weights and optimizer are kept in fp32 whatever the file has and the arithmetic is."""
ADAMW = 2
"""Moments per trained number."""
WORKING = 500_000_000
"""Bytes for Python, libraries and what an operation needs while it runs; 430 MB were seen before a model is loaded."""
HEADER = 100_000_000
"""Bytes that safetensors allows a header."""
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Need:
    """Bytes by what they are for."""

    frozen: int
    denoiser: int
    trained: int
    """Gradients, optimizer and average."""
    activations: int
    """Of one forward pass, kept for the backward."""

    @property
    def total(self) -> int:
        """All of it and the working room."""
        return self.frozen + self.denoiser + self.trained + self.activations + WORKING

    def __str__(self) -> str:
        parts = {
            "denoiser": self.denoiser,
            "frozen parts": self.frozen,
            "gradients and optimizer": self.trained,
            "activations": self.activations,
        }
        return ", ".join(f"{name} {size / 1e9:.1f}" for name, size in parts.items())


def check(folder: Path, config: ImageConfig, *, training: bool) -> None:
    """Raises `SuiteError` with the numbers, and what to do, where the run would not fit."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    found, free = need(folder, config, training=training, device=device), free_memory(device)
    if found.total <= free:
        return
    what = "Training" if training else "Loading"
    advice = _advice(config) if training else "a smaller pipeline, or a machine with more"
    raise SuiteError(
        f"{what} {folder.name} needs some {found.total / 1e9:.1f} GB on {device.type} ({found}; GB) and "
        f"{free / 1e9:.1f} are free: take {advice}."
    )


def need(folder: Path, config: ImageConfig, *, training: bool, device: torch.device) -> Need:
    """What a run needs on its device.

    On a GPU the frozen parts lie in the host's memory while the denoiser trains, and micro-batches are halved by
    themselves, so that one example must fit; a CPU process that needs too much is killed, so there the whole must.
    """
    shapes = {name: tensor_shapes(folder / name) for name in parts(folder)}
    part = DENOISERS[kind_of(folder)]
    if part not in shapes:
        raise SuiteError(
            f"{folder} has no safetensors in its folder {part}, and other weights are not read: they may hold code. "
            "Take a version of the model with safetensors, or convert it with save_pretrained of diffusers."
        )
    sizes = {name: FP32 * sum(map(math.prod, found.values())) for name, found in shapes.items()}
    frozen = sum(size for name, size in sizes.items() if name != part) if device.type == "cpu" or not training else 0
    if not training:
        return Need(frozen, sizes[part], 0, 0)
    trained = FP32 * _trained(shapes[part], config)
    copies = 1 + ADAMW + bool(config.ema)
    batch = 1 if device.type == "cuda" else config.micro_batch_size or config.batch_size
    kept = activations(folder / part, batch, config)
    own = trained if config.lora else 0  # adapters lie beside the weights they belong to
    return Need(frozen, sizes[part], own + copies * trained, kept)


def parts(folder: Path) -> list[str]:
    """The folders of a pipeline that hold weights."""
    named = [name for name, value in read_index(folder).items() if isinstance(value, list) and value[0]]
    return [name for name in named if any((folder / name).glob("*.safetensors"))]


def tensor_shapes(folder: Path) -> dict[str, list[int]]:
    """Name and shape of each tensor in the safetensors files that would be loaded; no tensor is read.

    Raises `SuiteError` for a damaged file.
    """
    plain = [path for path in sorted(folder.glob("*.safetensors")) if not _is_variant(path)]
    return {name: shape for path in plain for name, shape in _header(path).items()}


def activations(folder: Path, batch: int, config: ImageConfig) -> int:
    """Bytes that the denoiser keeps between forward and backward pass of `batch` examples in fp32.

    Counted on fake tensors; bf16 keeps less. With gradient checkpointing only what its blocks begin with is kept.
    """
    import diffusers
    from torch._subclasses.fake_tensor import FakeTensorMode

    settings = read_config(folder)
    seen: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            storage = tensor.untyped_storage()
            seen[storage._cdata] = storage.nbytes()
        return tensor

    with FakeTensorMode():
        model = getattr(diffusers, settings["_class_name"]).from_config(settings).train()
        if config.gradient_checkpointing:
            model.enable_gradient_checkpointing()
        inputs = _fake_inputs(folder, model.config, batch, config)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            model(**inputs, return_dict=False)[0].float().pow(2).mean()
    return sum(seen.values())


def free_memory(device: torch.device) -> int:
    """Bytes free on the device; on a CPU no more than a container's limit leaves."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info()[0]
    import psutil

    free = int(psutil.virtual_memory().available)
    with suppress(OSError, ValueError):  # no control group, or one without a limit, which reads "max"
        limit, used = (int((CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        free = min(free, limit - used)
    return free


def _fake_inputs(folder: Path, settings: Any, batch: int, config: ImageConfig) -> dict[str, Any]:
    """Tensors as the denoiser takes them, without content inside a `FakeTensorMode`."""
    size = settings.sample_size
    height, width = (size, size) if isinstance(size, int) else size
    if config.resolution:
        height = width = config.resolution // vae_factor(folder.parent)
    latents, times = torch.empty(batch, settings.in_channels, height, width), torch.ones(batch)
    if folder.name == "transformer":
        states = torch.empty(batch, 77 + 256, settings.joint_attention_dim)  # tokens of CLIP and of T5
        pooled = torch.empty(batch, settings.pooled_projection_dim)
        return {
            "hidden_states": latents,
            "timestep": times,
            "encoder_hidden_states": states,
            "pooled_projections": pooled,
        }
    found: dict[str, Any] = {"sample": latents, "timestep": times}
    found["encoder_hidden_states"] = torch.empty(batch, 77, settings.cross_attention_dim)
    if settings.addition_embed_type == "text_time":
        pooled = settings.projection_class_embeddings_input_dim - 6 * settings.addition_time_embed_dim
        found["added_cond_kwargs"] = {"text_embeds": torch.empty(batch, pooled), "time_ids": torch.empty(batch, 6)}
    return found


def _trained(shapes: dict[str, list[int]], config: ImageConfig) -> int:
    """Numbers that are trained: all but frozen ones, or what adapters of the rank have beside their targets."""
    if not config.lora:
        free = {name for name in shapes if not any(fnmatch.fnmatch(name, pattern) for pattern in config.freeze)}
        return sum(math.prod(shapes[name]) for name in free)
    targets = tuple(f".{name}.weight" for name in config.lora_targets or LORA_TARGETS)
    return sum(config.lora_rank * sum(shape) for name, shape in shapes.items() if name.endswith(targets))


def _header(path: Path) -> dict[str, list[int]]:
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > HEADER:
                raise ValueError(length)
            found = json.loads(file.read(length))
        return {name: one["shape"] for name, one in found.items() if name != "__metadata__"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error):
        raise SuiteError(f"{path} is no whole safetensors file; fetch the model anew.") from None


def _is_variant(path: Path) -> bool:
    """`model.fp16.safetensors` lies beside the file that is loaded."""
    return "." in path.stem


def _advice(config: ImageConfig) -> str:
    found = [] if config.lora else ["--lora"]
    found += [] if config.gradient_checkpointing else ["--set gradient_checkpointing=true"]
    found += [] if (config.micro_batch_size or config.batch_size) == 1 else ["--set micro_batch_size=1"]
    return ", ".join([*found, "a smaller --set resolution=", "or a smaller pipeline"])
