"""Where a model looked: a heat map over the picture, for convolutional networks and transformers alike.

A map shows what moved this model's answer. It is no proof that the answer is right, nor that the model is.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from suite_medical_imaging.model.models import logits

FINEST = 16
"""Cells a side up to which finer maps are added: at 128 pixels a coarser one cannot point at a lesion of 10, and a
finer one shows edges whatever the answer."""


SHIFTS = (-3 / 64, -1 / 64, 1 / 64, 3 / 64)
"""Parts of a side that the picture is moved by, down and right: together they part the cells of a 16-cell map."""
SPREAD = 1 / 40
"""Deviation of the blur of the pixels' gradient, as a part of a side: 3 pixels of 128."""


def heat_map(model: nn.Module, pixel_values: Tensor, target: int, *, many: bool = False) -> Tensor:
    """(S, S) float32 in [0, 1] for one picture (1, 3, S, S): how much each place speaks for the class `target`.

    HiResCAM (Draelos and Carin 2020, https://arxiv.org/abs/2011.08891): activation times gradient, summed over
    channels, what speaks against left out. Taken at the last map of each resolution, from the coarsest to the first
    with 16 cells a side, each scaled to 1, and added, as LayerCAM does (https://doi.org/10.1109/TIP.2021.3089943): the
    coarse ones know what, the fine ones where. Tokens of a transformer count as the cells they stand for; where only
    the class token is read at the end, the last map is the values it attends to, so that the map is attention weighted
    by what it brought. The gradient is of the class's log odds, or of its logit if the labels are independent (`many`).

    That is done for the picture moved by each pair of `SHIFTS`, moved back and averaged, and multiplied by the blurred
    size of the gradient at the pixels: cells of 8 pixels alone point beside a small lesion about every second time.
    All 0 where nothing speaks for the class. 16 passes of the model, forward and back.
    """
    model.eval()
    size = pixel_values.shape[-1]
    cams, slopes = torch.zeros(2, *pixel_values.shape[-2:])
    for down, right in itertools.product([round(part * size) for part in SHIFTS], repeat=2):
        moved = pixel_values.roll((down, right), (2, 3))
        cam, slope = _once(model, moved, target, many=many)
        cams += cam.roll((-down, -right), (0, 1))
        slopes += slope.roll((-down, -right), (0, 1))
    return _scaled(_scaled(cams) * _scaled(_blurred(slopes, max(1.0, SPREAD * size))))


def _once(model: nn.Module, pixel_values: Tensor, target: int, *, many: bool) -> tuple[Tensor, Tensor]:
    """The sum of a picture's maps, and the size of the gradient at its pixels, (S, S) each."""
    pixels = pixel_values.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        grids, answer = _recorded(model, pixels)
        score = answer[target] if many else answer[target] - answer[torch.arange(len(answer)) != target].logsumexp(0)
        tensors = [tensor for tensor, _ in grids]
        *gradients, slope = torch.autograd.grad(score, [*tensors, pixels], allow_unused=True)
    heat = torch.zeros(pixel_values.shape[-2:])
    for cam in _last_of_each_size(grids, tuple(gradients)):
        heat += _scaled(F.interpolate(cam[None, None], size=heat.shape, mode="bilinear")[0, 0].float().cpu())
    return heat, torch.zeros_like(heat) if slope is None else slope[0].abs().sum(0).float().cpu()


def _blurred(values: Tensor, deviation: float) -> Tensor:
    """(S, S) under a Gaussian of so many pixels; outside there is nothing."""
    reach = math.ceil(3 * deviation)
    weights = torch.exp(-(torch.arange(-reach, reach + 1).float() ** 2) / (2 * deviation**2))
    weights /= weights.sum()
    rows = F.conv2d(values[None, None], weights[None, None, :, None], padding=(reach, 0))
    return F.conv2d(rows, weights[None, None, None, :], padding=(0, reach))[0, 0]


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
