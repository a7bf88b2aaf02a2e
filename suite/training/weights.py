"""Which weights are trained, and in which form they are kept: freezing, low-rank adapters, averaging."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model

from suite.assets.resolve import resolve_model
from suite.domain.description import Task
from suite.domain.parts import Model
from suite.domain.vocabulary import TrainingData
from suite.errors import SuiteError, afterwards


def freeze(network: torch.nn.Module, patterns: list[str]) -> None:
    """Stops gradients of parameters matching any pattern (`model.encoder.*`).

    Raises `SuiteError` for a pattern that matches nothing: a misspelt one would train what should stay.
    """
    names = [name for name, _ in network.named_parameters()]
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            heads = sorted({".".join(name.split(".")[:2]) for name in names})
            raise SuiteError(f"freeze: no parameter matches {pattern!r}. Known beginnings: {', '.join(heads[:12])}.")
    for name, parameter in network.named_parameters():
        if any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
            parameter.requires_grad_(False)


class Adapters:
    """Low-rank adapters injected into a network in place (LoRA, https://arxiv.org/abs/2106.09685, through peft).

    The network keeps its class, so that a domain's code does not know they are there.
    """

    def __init__(self, task: Task, network: torch.nn.Module) -> None:
        config = task.config
        targets = config.lora_targets or list(task.domain.lora_targets)
        if not targets:
            raise SuiteError(
                f"{task.domain.name} has no default modules for LoRA; name some: --set lora_targets=[q_proj]."
            )
        lora = LoraConfig(
            r=config.lora_rank, lora_alpha=config.lora_alpha, lora_dropout=config.lora_dropout, target_modules=targets
        )
        try:
            self.adapted: Any = get_peft_model(network, lora)
            """peft's model around the network."""
        except ValueError as error:
            raise SuiteError(f"LoRA cannot be put on {targets}: {error}") from None

    def save(self, path: Path) -> None:
        """Writes the adapters alone in peft's format, scale included."""
        self.adapted.save_pretrained(path, safe_serialization=True)

    def merge(self) -> None:
        """Adds the adapters to the weights they belong to, in place; the network is a plain one again."""
        self.adapted.merge_and_unload()


class EMA:
    """Exponential moving average of trained parameters; with decay 0 there is none and nothing is kept.

    The decay grows from 0.1 as (1 + step) / (10 + step), so that short runs do not average in the start.
    """

    def __init__(self, parameters: Sequence[torch.Tensor], decay: float) -> None:
        self.parameters, self.decay = parameters, decay
        self.shadow = [p.detach().clone() for p in parameters] if decay else []

    def update(self, step: int) -> None:
        """Moves the average towards the present weights."""
        if self.shadow:
            weight = 1 - min(self.decay, (1 + step) / (10 + step))
            with torch.no_grad():
                torch._foreach_lerp_(self.shadow, [p.detach() for p in self.parameters], weight)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The parameters hold their averages inside the block."""
        self._swap()
        with afterwards(self._swap, "Putting back the weights"):
            yield

    @torch.no_grad()
    def _swap(self) -> None:
        for parameter, shadow in zip(self.parameters, self.shadow, strict=False):
            present = parameter.data.clone()
            parameter.data.copy_(shadow)
            shadow.copy_(present)


def trainable_model(task: Task, data: TrainingData, device: torch.device) -> tuple[Model, Adapters | None]:
    """The config's model on the device, ready to be trained: frozen parts, adapters, gradient checkpointing."""
    config = task.config
    starter = task.domain.starter
    model = task.load(resolve_model(config.model or starter.model, starter.assets), data)
    network = model.network
    network.to(device)
    freeze(network, config.freeze)
    adapters = Adapters(task, network) if config.lora else None
    if config.gradient_checkpointing:
        network.gradient_checkpointing_enable(  # type: ignore[operator]  # a PreTrainedModel's
            gradient_checkpointing_kwargs={"use_reentrant": False}
        )
    return model, adapters


def describe(network: torch.nn.Module) -> str:
    """`72.6 M parameters, 52.0 M trained`."""
    total = sum(p.numel() for p in network.parameters())
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    return f"{total / 1e6:.1f} M parameters, {trained / 1e6:.1f} M trained"
