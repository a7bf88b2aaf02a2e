"""What a model folder says of itself, looked at before a library builds what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from suite.decoders import decoding, read_json
from suite.errors import SuiteError

MOST_LAYERS = 1000
"""Layers that any network may have. One of more has at least a tensor for each; a library builds them one by one, and
four billion, which a flipped bit asks for, for ever."""
_HEADER = 100_000_000
"""Bytes that safetensors allows a header."""
_LAYERS = ("layer", "depth", "block")
"""In the names of numbers that say how often something is built."""


def check_layers(folder: Path) -> None:
    """Raises `SuiteError` for a config that asks for more layers than there are tensors in the weights beside it."""
    for path in sorted(folder.rglob("config.json")):
        most = max(_counts(read_json(path), ""), default=0)
        if most > MOST_LAYERS and most > _tensors(path.parent):
            raise SuiteError(f"{path} asks for {most:,} layers, and its weights have fewer tensors; get it anew.")


def _counts(value: Any, name: str) -> Iterator[int]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _counts(part, key)
    elif isinstance(value, list):
        for part in value:
            yield from _counts(part, name)
    elif isinstance(value, int | float) and any(word in name for word in _LAYERS):
        yield int(min(value, 2**63)) if value == value else 0  # NaN is JSON to Python


def _tensors(folder: Path) -> int:
    """How many tensors the safetensors files of a folder hold; only their headers are read."""
    count = 0
    for path in folder.glob("*.safetensors"):
        with decoding(path), path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            count += len(json.loads(file.read(min(length, _HEADER))))
    return count
