"""What `Model.loss` gives: one scalar, or several by name of which one is minimised."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

TOTAL = "loss"
"""The loss that is minimised, in a mapping and in the log."""
Named = Mapping[str, "torch.Tensor"]
"""Detached scalars that are only logged, by their names in the log."""
NONE: Named = MappingProxyType({})


def split_loss(loss: torch.Tensor | Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, Named]:
    """What is minimised, and what is logged beside it under `loss/NAME`.

    Raises `ValueError` for a mapping without `loss`, and for a part that is no scalar.
    """
    if not isinstance(loss, Mapping):
        return loss, NONE
    if TOTAL not in loss:
        raise ValueError(f"Model.loss gave {sorted(loss)}: the one to minimise must be called {TOTAL!r}.")
    shapes = {name: tuple(value.shape) for name, value in loss.items() if value.numel() != 1}
    if shapes:
        raise ValueError(f"Model.loss gave {shapes}, which are no scalars: take their means, or leave them out.")
    return loss[TOTAL], {f"{TOTAL}/{name}": value.detach().reshape(()) for name, value in loss.items() if name != TOTAL}


def means(losses: Mapping[str, tuple[float, int]]) -> dict[str, float]:
    """Means by name, from sums over items and the items they are over; what is over none is left out."""
    return {name: total / items for name, (total, items) in losses.items() if items}
