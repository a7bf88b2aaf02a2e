"""Vectors of texts: what a sentence encoder's states become."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional as F


def mean_states(model: Any, tokenizer: Any, texts: Sequence[str], *, longest: int) -> torch.Tensor:
    """(n, size) unit vectors without gradients: the mean of the last states over each text's first `longest` tokens."""
    batch = tokenizer(list(texts), padding=True, truncation=True, max_length=longest, return_tensors="pt")
    with torch.no_grad():
        states = model(**batch).last_hidden_state
    there = batch["attention_mask"][..., None]
    return F.normalize((states * there).sum(1) / there.sum(1), dim=-1)
