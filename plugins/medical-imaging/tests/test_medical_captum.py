"""Heat maps put together from captum's parts: the same map by other code.

captum has no map of several resolutions: it gives activation times gradient at one layer (HiResCAM before its sum over
channels), Grad-CAM and the gradient at the pixels. What is averaged, scaled and multiplied follows `heat_map`'s
description, with scipy's Gaussian. Integrated gradients have no counterpart here: they say which pixels, ours where.
"""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers
from captum.attr import LayerGradCam, LayerGradientXActivation, Saliency
from scipy.ndimage import gaussian_filter
from torch import nn
from torch.nn import functional as F

from suite_medical_imaging.model.explain import heat_map

SIDE = 64
COMMON = {"image_size": SIDE, "num_labels": 3}
STAGES = {"hidden_sizes": [8, 16, 16, 32], "depths": [1, 1, 1, 1], **COMMON}
FAMILIES = {
    "ResNet": (
        {**STAGES, "embedding_size": 8, "layer_type": "basic"},
        [f"resnet.encoder.stages.{n}" for n in range(4)],
    ),
    # The normalisation before each halving is the last to have the finer size.
    "ConvNext": (
        STAGES,
        [*(f"convnext.encoder.stages.{n}.downsampling_layer.0" for n in (1, 2, 3)), "convnext.encoder.stages.3"],
    ),
    # Its head reads the class token alone, so that the last tokens that matter are the values it attends to.
    "ViT": (
        {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8,
         **COMMON},
        ["vit.layers.1.attention.v_proj"],
    ),
}  # fmt: skip


def built(family: str) -> tuple[nn.Module, list[nn.Module]]:
    """A tiny random model, and its last layer of each size from the coarsest to 16 cells a side."""
    torch.manual_seed(0)
    settings, names = FAMILIES[family]
    config = getattr(transformers, f"{family}Config")(**settings)
    model = getattr(transformers, f"{family}ForImageClassification")(config).eval()
    return model, [model.get_submodule(name) for name in names]


def picture() -> torch.Tensor:
    torch.manual_seed(1)
    return torch.randn(1, 3, SIDE, SIDE)


def scaled(values: np.ndarray) -> np.ndarray:
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def cells(activations: torch.Tensor) -> torch.Tensor:
    """(1, C, n, n), or (1, tokens, C) with the class token first, summed over channels to (1, 1, n, n)."""
    if activations.ndim == 3:
        activations = activations[:, 1:].mT.unflatten(2, (round((activations.shape[1] - 1) ** 0.5), -1))
    return activations.sum(1, keepdim=True).relu()


def captums(model, layers, pixels, target, *, many=False, method=LayerGradientXActivation) -> np.ndarray:
    """The map of `heat_map`, (SIDE, SIDE), from captum's attributions."""

    def score(inputs):
        answer = model(inputs).logits
        others = torch.arange(answer.shape[1]) != target
        return answer[:, target] if many else answer[:, target] - answer[:, others].logsumexp(1)

    maps, slopes = np.zeros((2, SIDE, SIDE))
    for down, right in itertools.product([-3, -1, 1, 3], repeat=2):
        moved = pixels.roll((down, right), (2, 3))
        for layer in layers:
            small = cells(method(score, layer).attribute(moved).detach())
            whole = F.interpolate(small, size=(SIDE, SIDE), mode="bilinear")[0, 0].numpy()
            maps += np.roll(scaled(whole), (-down, -right), (0, 1))
        slope = Saliency(score).attribute(moved.clone().requires_grad_(), abs=True)[0].sum(0).numpy()
        slopes += np.roll(slope, (-down, -right), (0, 1))
    return scaled(scaled(maps) * scaled(gaussian_filter(slopes, SIDE / 40, truncate=3, mode="constant")))


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_map_is_made_of_activation_times_gradient(family, many):
    model, layers = built(family)
    ours = [heat_map(model, picture(), target, many=many).numpy() for target in range(3)]
    theirs = [captums(model, layers, picture(), target, many=many) for target in range(3)]
    assert sum(heat.max() == 1 for heat in ours) >= 2
    # Sums of 16 maps in float32, scaled three times.
    np.testing.assert_allclose(ours, theirs, atol=2e-4)


class Pooled(nn.Module):
    """One grid of cells; the head reads their mean, or (`placed`) each cell with a weight of its own."""

    def __init__(self, *, placed: bool = False):
        super().__init__()
        torch.manual_seed(0)
        self.config = SimpleNamespace(num_labels=2)
        self.grid = nn.Sequential(nn.Conv2d(3, 4, 8, stride=8), nn.ReLU())
        self.placed = placed
        self.classifier = nn.Linear(4 * 64 if placed else 4, 2)

    def forward(self, pixel_values):
        grid = self.grid(pixel_values)
        return SimpleNamespace(logits=self.classifier(grid.flatten(1) if self.placed else grid.mean((2, 3))))


@pytest.mark.parametrize("target", [0, 1])
def test_before_a_mean_over_places_the_map_is_grad_cams(target):
    """There the gradient is the same everywhere, and its mean, by which Grad-CAM weighs channels, is itself."""
    model = Pooled().eval()
    ours = heat_map(model, picture(), target).numpy()
    np.testing.assert_allclose(ours, captums(model, [model.grid], picture(), target, method=LayerGradCam), atol=2e-4)
    assert ours.max() == 1


def test_where_the_head_reads_places_grad_cam_points_beside_and_ours_does_not():
    """The reason for HiResCAM: a mean of the gradient forgets which cells the head reads; this head reads one."""
    model = Pooled(placed=True).eval()
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.weight.view(2, 4, 8, 8)[1, :, 2, 5] = 1.0  # rows 16 to 23, columns 40 to 47
        model.grid[0].bias.fill_(1.0)  # active everywhere
        cam, ours = (
            cells(method(lambda x: model(x).logits[:, 1], model.grid).attribute(picture()).detach())[0, 0]
            for method in (LayerGradCam, LayerGradientXActivation)
        )
    assert (cam > 0).sum() > 50 and (ours > 0).nonzero().tolist() == [[2, 5]]
    heat = heat_map(model, picture(), 1, many=True)
    row, column = divmod(int(heat.argmax()), SIDE)
    assert 16 <= row < 24 and 40 <= column < 48
    assert heat[40:].max() == 0 and heat[:, :24].max() == 0
