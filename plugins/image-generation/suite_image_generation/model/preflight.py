"""Whether a run fits into memory, counted before any weight is read: refusing costs a second, a killed process hours.

Weights come from the headers of the safetensors files, what passes need beside them from `working_memory`.
"""

from __future__ import annotations

import fnmatch
import json
import math
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from suite import SuiteError, decoding
from suite_image_generation.config import LORA_TARGETS, ImageConfig
from suite_image_generation.model.pipelines import DENOISERS, kind_of, read_index
from suite_image_generation.model.working_memory import TOGETHER, activations, drawing

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
    drawing: int
    """Of the pictures of an evaluation, with the frozen parts where these are on the device only then."""

    @property
    def total(self) -> int:
        """All of it and the working room; steps and pictures take turns."""
        return self.frozen + self.denoiser + self.trained + max(self.activations, self.drawing) + WORKING

    def __str__(self) -> str:
        parts = {
            "denoiser": self.denoiser,
            "frozen parts": self.frozen,
            "gradients and optimizer": self.trained,
            "a step": self.activations,
            "pictures at evaluations": self.drawing,
        }
        return ", ".join(f"{name} {size / 1e9:.1f}" for name, size in parts.items())


def check(folder: Path, config: ImageConfig, *, training: bool) -> None:
    """Raises `SuiteError` with the numbers, and what to do, where the run would not fit."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    needed, free = need(folder, config, training=training, device=device), free_memory(device)
    if needed.total <= free:
        return
    what = "Training" if training else "Loading"
    advice = _advice(config) if training else "a smaller pipeline, or a machine with more"
    raise SuiteError(
        f"{what} {folder.name} needs some {needed.total / 1e9:.1f} GB on {device.type} ({needed}; GB) and "
        f"{free / 1e9:.1f} are free: take {advice}."
    )


def need(folder: Path, config: ImageConfig, *, training: bool, device: torch.device) -> Need:
    """What a run needs on its device.

    On a GPU the frozen parts lie in the host's memory while the denoiser trains, and come when pictures are encoded and
    drawn. Micro-batches are halved there by themselves, so that one example must fit; a CPU process that needs too much
    is killed, so there the whole must.
    """
    shapes = {name: tensor_shapes(folder / name) for name in parts(folder)}
    part = DENOISERS[kind_of(folder)]
    if part not in shapes:
        raise SuiteError(
            f"{folder} has no safetensors in its folder {part}, and other weights are not read: they may hold code. "
            "Take a version of the model with safetensors, or convert it with save_pretrained of diffusers."
        )
    sizes = {name: FP32 * sum(map(math.prod, tensors.values())) for name, tensors in shapes.items()}
    frozen = sum(size for name, size in sizes.items() if name != part)
    if not training:
        return Need(frozen, sizes[part], 0, 0, 0)
    trained = FP32 * _trained(shapes[part], config)
    copies = 1 + ADAMW + bool(config.ema)
    own = trained if config.lora else 0  # adapters lie beside the weights they belong to
    on_gpu = device.type == "cuda"
    kept = activations(folder / part, 1 if on_gpu else config.micro_batch_size or config.batch_size, config)
    drawn = drawing(folder / part, min(TOGETHER, max(1, _drawn(config))), config)
    here, then = (0, frozen) if on_gpu else (frozen, 0)
    return Need(here, sizes[part], own + copies * trained, kept, then + drawn)


def _drawn(config: ImageConfig) -> int:
    """Pictures drawn together: previews, or of the samples as many as are in a batch."""
    batch = config.micro_batch_size or config.batch_size
    return max(len(config.preview_prompts) or config.previews, min(config.samples, batch))


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


def free_memory(device: torch.device) -> int:
    """Bytes free on the device; on a CPU no more than a container's limit leaves."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info()[0]
    free = int(psutil.virtual_memory().available)
    with suppress(OSError, ValueError):  # no control group, or one without a limit, which reads "max"
        limit, used = (int((CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        free = min(free, limit - used)
    return free


def _trained(shapes: dict[str, list[int]], config: ImageConfig) -> int:
    """Numbers that are trained: all but frozen ones, or what adapters of the rank have beside their targets."""
    if not config.lora:
        free = {name for name in shapes if not any(fnmatch.fnmatch(name, pattern) for pattern in config.freeze)}
        return sum(math.prod(shapes[name]) for name in free)
    targets = tuple(f".{name}.weight" for name in config.lora_targets or LORA_TARGETS)
    adapted = [shape for name, shape in shapes.items() if f".{name}".endswith(targets)]
    return sum(config.lora_rank * (shape[0] + math.prod(shape[1:])) for shape in adapted)


def _header(path: Path) -> dict[str, list[int]]:
    with decoding(f"{path} is no whole safetensors file: it", "fetch the model anew."), path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > HEADER:
            raise ValueError(f"a header of {length:,} bytes")
        header = json.loads(file.read(length))
        shapes = {name: tensor["shape"] for name, tensor in header.items() if name != "__metadata__"}
        math.prod(math.prod(shape) for shape in shapes.values())  # whole numbers, or it is none either
        return shapes


def _is_variant(path: Path) -> bool:
    """`model.fp16.safetensors` lies beside the file that is loaded."""
    return "." in path.stem


def _advice(config: ImageConfig) -> str:
    advice = [] if config.lora else ["--lora"]
    advice += [] if config.gradient_checkpointing else ["--set gradient_checkpointing=true"]
    advice += [] if (config.micro_batch_size or config.batch_size) == 1 else ["--set micro_batch_size=1"]
    return ", ".join([*advice, "a smaller --set resolution=", "or a smaller pipeline"])
