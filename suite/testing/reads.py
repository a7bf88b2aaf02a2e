"""Which options a domain reads: one that nothing reads is decoration, and whoever gives it is misled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from suite.config import TrainConfig

ELSEWHERE = ("epochs", "lora_rank", "lora_alpha", "lora_dropout", "lora_targets")
"""The core's options that `max_steps` stands in for, or that only LoRA reads: the core's own tests see to them."""


def recording(config: type[TrainConfig], read: set[str]) -> type[TrainConfig]:
    """The same options, whose names go into `read` when a part or the core asks for their values.

    Writing a config to a file or copying it is no reading.
    """

    class Recorded(config):  # type: ignore[misc, valid-type]
        __module__ = config.__module__  # where pydantic looks for the names in annotations

        def __getattribute__(self, name: str) -> Any:
            if name in config.model_fields:
                read.add(name)
            return super().__getattribute__(name)

    return Recorded


def unread(config: type[TrainConfig], read: set[str]) -> Iterator[str]:
    """Options that nothing has read, but for those of `ELSEWHERE` and those that the domain refuses."""
    for name in config.model_fields:
        if name not in read and name not in (*ELSEWHERE, *config.replaced):
            yield name


def conditions(config: type[TrainConfig], names: list[str]) -> dict[str, Any]:
    """Options beside which those of `names` that need others are read: the last value of each that will do."""
    options: dict[str, Any] = {}
    for name in names:
        extra: Any = config.model_fields[name].json_schema_extra or {}
        options |= {other: values[-1] if values else True for other, values in extra.get("only_with", {}).items()}
    return options
