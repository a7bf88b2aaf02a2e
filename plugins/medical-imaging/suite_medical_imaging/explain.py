"""Where a model looked: heat maps over the picture, for convolutional networks and transformers.

A map shows what moved this model's answer. It is no proof that the answer is right, nor that the model is.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FINEST = 8  # cells a side: a coarser map than this cannot point at anything small


def heat_map(model: nn.Module, pixel_values: Tensor, target: int) -> Tensor:
    """(S, S) float32 in [0, 1] for one picture (1, 3, S, S): how much each place speaks for the class `target`.

    LayerCAM (Jiang et al. 2021, https://doi.org/10.1109/TIP.2021.3089943) over the feature maps of every resolution
    from the coarsest to the first with at least 8 cells a side, multiplied: the coarse ones know what, the finer ones
    where. For a plain transformer, whose tokens are one grid, gradient times token (Chefer et al. 2021 find it close
    to their relevance at a fraction of its cost: https://arxiv.org/abs/2012.09838).
    """
    model.eval()
    maps = _feature_maps(model, pixel_values, target)
    found = torch.ones(pixel_values.shape[-2:])
    for features, gradient in maps:
        cam = (gradient.clamp(min=0) * features).clamp(min=0).sum(0)
        found = found * _scaled(_resized(cam, pixel_values.shape[-1])).sqrt()
    return _scaled(found)


def _resized(cam: Tensor, size: int) -> Tensor:
    return F.interpolate(cam[None, None], size=(size, size), mode="bilinear", align_corners=False)[0, 0]


def _scaled(cam: Tensor) -> Tensor:
    """From 0 to 1; all 0 where nothing speaks for the class."""
    low, high = cam.min(), cam.max()
    return (cam - low) / (high - low) if high > low else torch.zeros_like(cam)
