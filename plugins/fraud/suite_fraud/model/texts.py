"""A portfolio's strings (merchants, categories) as vectors: frozen all-MiniLM-L6-v2, mean of the last states.

https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2; the encoder is fetched, not kept in a run's folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from suite import bar, mean_states, minilm, resolve_model
from suite_fraud.model.base import TEXT_SIZE

BATCH = 128
LONGEST = 48
"""Tokens that are read: merchants and categories have fewer."""
_MEMORY: dict[str, np.ndarray] = {"": np.zeros(TEXT_SIZE, np.float32)}
"""Vectors by text: a run asks for the same ones for each of its splits."""


def embed(values: Sequence[str]) -> np.ndarray:
    """float32 (n, 384) of unit length; zeros for an empty text."""
    new = [value for value in dict.fromkeys(values) if value not in _MEMORY]
    with bar(description="reading texts", total=len(new), unit="text") as progress:
        for start in range(0, len(new), BATCH):
            part = new[start : start + BATCH]
            _MEMORY.update(zip(part, _vectors(part), strict=True))
            progress.update(len(part))
    return np.stack([_MEMORY[value] for value in values])


def _vectors(texts: list[str]) -> np.ndarray:
    tokenizer, model = _encoder()
    vectors: np.ndarray = mean_states(model, tokenizer, texts, longest=LONGEST).numpy()
    return vectors


@cache
def _encoder() -> tuple[Any, Any]:
    """Tokenizer and model, in fp32 on the CPU."""
    folder = resolve_model(minilm.name, [minilm])
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    model = AutoModel.from_pretrained(folder, trust_remote_code=False, use_safetensors=True, dtype=torch.float32)
    return tokenizer, model.eval()
