"""Where a model looked: a heat map over the picture, for convolutional networks and transformers alike.

A map shows what moved this model's answer. It is no proof that the answer is right, nor that the model is.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suite_medical_imaging.models import logits

FINEST = 16
"""Cells a side up to which finer maps are added: at 128 pixels a coarser one cannot point at a lesion of 10, and a
finer one shows edges whatever the answer."""


def heat_map(model: nn.Module, pixel_values: Tensor, target: int, *, many: bool = False) -> Tensor:
    """(S, S) float32 in [0, 1] for one picture (1, 3, S, S): how much each place speaks for the class `target`.

    HiResCAM (Draelos and Carin 2020, https://arxiv.org/abs/2011.08891): activation times gradient, summed over
    channels, what speaks against left out. Taken at the last map of each resolution, from the coarsest to the first
    with 16 cells a side, each scaled to 1, and added, as LayerCAM does (https://doi.org/10.1109/TIP.2021.3089943): the
    coarse ones know what, the fine ones where. Tokens of a transformer count as the cells they stand for; where only
    the class token is read at the end, the last map is the values it attends to, so that the map is attention weighted
    by what it brought. The gradient is of the class's log odds, or of its logit if the labels are independent (`many`).
    All 0 where nothing speaks for the class.
    """
    model.eval()
    with torch.enable_grad():
        grids, answer = _recorded(model, pixel_values.detach().clone().requires_grad_(True))
        score = answer[target] if many else answer[target] - answer[torch.arange(len(answer)) != target].logsumexp(0)
        tensors = [tensor for tensor, _ in grids]
        gradients = torch.autograd.grad(score, tensors, allow_unused=True)
    found = torch.zeros(pixel_values.shape[-2:])
    for cam in _last_of_each_size(grids, gradients):
        found += _scaled(F.interpolate(cam[None, None], size=found.shape, mode="bilinear")[0, 0].float().cpu())
    return _scaled(found)


def _recorded(model: nn.Module, pixel_values: Tensor) -> tuple[list[tuple[Tensor, int]], Tensor]:
    """Every module's output that is a grid of places, with its cells a side, in order; and the logits (classes,)."""
    grids: list[tuple[Tensor, int]] = []

    def keep(module: nn.Module, _: Any, output: Any) -> None:
        first = output[0] if isinstance(output, tuple) and output else output
        if isinstance(first, Tensor) and first.requires_grad and not isinstance(module, nn.Dropout) and _side(first):
            grids.append((first, _side(first)))

    hooks = [module.register_forward_hook(keep) for module in model.modules() if module is not model]
    try:
        answer = logits(model, pixel_values)[0]
    finally:
        for hook in hooks:
            hook.remove()
    return grids, answer


def _side(output: Tensor) -> int:
    """Cells a side of (1, C, n, n), or of (1, tokens, C) with up to 5 tokens before the grid's; 0 if it is neither."""
    if output.shape[0] != 1:
        return 0
    if output.ndim == 4 and output.shape[2] == output.shape[3]:
        return output.shape[2]
    side = math.isqrt(output.shape[1]) if output.ndim == 3 else 0
    return side if side and output.shape[1] - side**2 <= 5 else 0


def _last_of_each_size(grids: list[tuple[Tensor, int]], gradients: tuple[Tensor | None, ...]) -> list[Tensor]:
    """Maps (n, n) at the last grid of each size that the answer depends on, from the coarsest to the finest wanted."""
    last: dict[int, Tensor] = {}
    for (tensor, side), gradient in zip(grids, gradients, strict=True):
        if gradient is None or side == 1:
            continue
        product = (tensor.detach() * gradient)[0]
        cells = product if product.ndim == 3 else product[-(side**2) :].T.reshape(-1, side, side)
        if cells.any():
            last[side] = cells.sum(0).clamp(min=0)
    sizes = sorted(last)
    finest = next((size for size in sizes if size >= FINEST), sizes[-1] if sizes else 0)
    return [last[size] for size in sizes if size <= finest]


def _scaled(cam: Tensor) -> Tensor:
    """From 0 to 1; all 0 where there is nothing."""
    low, high = cam.min(), cam.max()
    return (cam - low) / (high - low) if high > low else torch.zeros_like(cam)
