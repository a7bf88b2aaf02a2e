"""Which weights are trained, and in which form they are kept: freezing, low-rank adapters, averaging."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset

from suite.assets.resolve import resolve_model
from suite.domain.base import Domain
from suite.errors import SuiteError


def freeze(model: torch.nn.Module, patterns: list[str]) -> None:
    """Stops gradients of parameters matching any pattern (`model.encoder.*`).

    Raises `SuiteError` for a pattern that matches nothing: a misspelt one would train what should stay.
    """
    names = [name for name, _ in model.named_parameters()]
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            heads = sorted({".".join(name.split(".")[:2]) for name in names})
            raise SuiteError(f"freeze: no parameter matches {pattern!r}. Known beginnings: {', '.join(heads[:12])}.")
    for name, parameter in model.named_parameters():
        if any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
            parameter.requires_grad_(False)


class Adapters:
    """Low-rank adapters injected into a model in place (LoRA, https://arxiv.org/abs/2106.09685, through peft).

    The model keeps its class, so that a domain's code does not know they are there.
    """

    def __init__(self, domain: Domain, model: torch.nn.Module) -> None:
        from peft import LoraConfig, get_peft_model

        config = domain.config
        targets = config.lora_targets or list(domain.lora_targets)
        if not targets:
            raise SuiteError(f"{domain.name} has no default modules for LoRA; name some: --set lora_targets=[q_proj].")
        lora = LoraConfig(
            r=config.lora_rank, lora_alpha=config.lora_alpha, lora_dropout=config.lora_dropout, target_modules=targets
        )
        try:
            self.model: Any = get_peft_model(model, lora)
        except ValueError as error:
            raise SuiteError(f"LoRA cannot be put on {targets}: {error}") from None

    def save(self, path: Path) -> None:
        """Writes the adapters alone in peft's format, scale included."""
        self.model.save_pretrained(path, safe_serialization=True)

    def merge(self) -> torch.nn.Module:
        """Adds the adapters to the weights they belong to; the model is a plain one again."""
        return self.model.merge_and_unload()


class Average:
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
        """The model carries the averaged weights inside the block."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for parameter, shadow in zip(self.parameters, self.shadow, strict=False):
            held = parameter.data.clone()
            parameter.data.copy_(shadow)
            shadow.copy_(held)


def trainable_model(domain: Domain, data: Dataset, device: torch.device) -> tuple[torch.nn.Module, Adapters | None]:
    """The config's model on the device, ready to be trained: frozen parts, adapters, gradient checkpointing."""
    config = domain.config
    source = resolve_model(config.model or domain.starter.model, domain.starter.assets)
    model = domain.load_model(source, data)
    model.to(device)
    freeze(model, config.freeze)
    adapters = Adapters(domain, model) if config.lora else None
    if config.gradient_checkpointing:
        model.gradient_checkpointing_enable(  # type: ignore[operator]  # a PreTrainedModel's
            gradient_checkpointing_kwargs={"use_reentrant": False}
        )
    return model, adapters


def describe(model: torch.nn.Module) -> str:
    """`72.6 M parameters, 52.0 M trained`."""
    total = sum(p.numel() for p in model.parameters())
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return f"{total / 1e6:.1f} M parameters, {trained / 1e6:.1f} M trained"
