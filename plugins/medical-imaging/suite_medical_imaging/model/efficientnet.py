"""EfficientNet-Lite0 as a `transformers` model: inverted residuals, ReLU6, no squeeze-excite.

Tan and Le 2019, https://arxiv.org/abs/1905.11946; the Lite variants drop what small devices lack:
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite. The released weights come from
TensorFlow, so paddings are its "same" ones and batch norms have its epsilon.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModelForImageClassification, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import ImageClassifierOutputWithNoAttention

STAGES = (
    # expansion, kernel, stride of the first block, channels out, blocks
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
"""Lite0's seven stages, as in table 1 of the paper."""


class EfficientNetLiteConfig(PretrainedConfig):
    """What can vary: the number of classes, the dropout before them, and how fast batch statistics move.

    `momentum` is torch's convention. TensorFlow trains with .01; a fine-tuning of some hundred steps needs .1, or the
    statistics it evaluates with would be those of other pictures.
    """

    model_type = "efficientnet_lite"

    def __init__(self, dropout: float = 0.2, momentum: float = 0.1, **kwargs: Any) -> None:
        self.dropout, self.momentum = dropout, momentum
        super().__init__(**kwargs)


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's "same": the odd pixel goes to the right and the bottom."""

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, C, H, W) to (N, out, ceil(H / stride), ceil(W / stride))."""
        (vertical, horizontal), kernel = pixels.shape[-2:], self.kernel_size[0]
        high, wide = (_missing(size, kernel, self.stride[0]) for size in (vertical, horizontal))
        if high == wide and high % 2 == 0:  # the convolution pads evenly by itself, without a copy
            return F.conv2d(pixels, self.weight, self.bias, self.stride, high // 2, self.dilation, self.groups)
        padded = F.pad(pixels, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
        return F.conv2d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


def _missing(size: int, kernel: int, stride: int) -> int:
    """Pixels to add along one side, so that the output has ceil(size / stride) of them."""
    return max((-(-size // stride) - 1) * stride + kernel - size, 0)


class InvertedResidual(nn.Module):
    """Widen, filter each channel, narrow again; added to the input where the shapes agree."""

    def __init__(self, inside: int, outside: int, *, expand: int, kernel: int, stride: int, momentum: float) -> None:
        super().__init__()
        wide = inside * expand
        self.expand = _convolved(inside, wide, 1, 1, momentum) if expand > 1 else nn.Identity()
        self.depthwise = _convolved(wide, wide, kernel, stride, momentum, groups=wide)
        self.project = nn.Sequential(SameConv(wide, outside, 1, bias=False), _norm(outside, momentum))
        self.residual = stride == 1 and inside == outside

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, inside, H, W) to (N, outside, H / stride, W / stride)."""
        features = self.project(self.depthwise(self.expand(pixels)))
        return features + pixels if self.residual else features


def _norm(channels: int, momentum: float) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=momentum)  # TensorFlow's epsilon, not torch's 1e-5


def _convolved(inside: int, outside: int, kernel: int, stride: int, momentum: float, groups: int = 1) -> nn.Sequential:
    convolution = SameConv(inside, outside, kernel, stride, groups=groups, bias=False)
    return nn.Sequential(convolution, _norm(outside, momentum), nn.ReLU6(inplace=True))


class EfficientNetLiteForImageClassification(PreTrainedModel):
    """Stem, sixteen blocks, head, pooling, classifier. Its tensors come in the order of the released ones."""

    config_class = EfficientNetLiteConfig
    base_model_prefix = ""
    main_input_name = "pixel_values"

    def __init__(self, config: EfficientNetLiteConfig) -> None:
        super().__init__(config)
        self.stem = _convolved(3, 32, 3, 2, config.momentum)
        blocks, inside = [], 32
        for expand, kernel, stride, outside, count in STAGES:
            for place in range(count):
                first = stride if place == 0 else 1
                shape: dict[str, Any] = {"expand": expand, "kernel": kernel, "stride": first}
                blocks.append(InvertedResidual(inside, outside, **shape, momentum=config.momentum))
                inside = outside
        self.blocks = nn.ModuleList(blocks)
        self.top = _convolved(inside, 1280, 1, 1, config.momentum)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(1280, config.num_labels or 0)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """From scratch as in the paper: normal by fan-out for convolutions, a small classifier."""
        if isinstance(module, nn.Conv2d):
            fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels // module.groups
            nn.init.normal_(module.weight, std=(2 / fan_out) ** 0.5)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()

    def forward(self, pixel_values: Tensor) -> ImageClassifierOutputWithNoAttention:
        """(N, 3, H, W), normalised to mean .5 and deviation .5, to logits (N, labels)."""
        features = self.stem(pixel_values.contiguous(memory_format=torch.channels_last))
        for block in self.blocks:
            features = block(features)
        pooled = self.top(features).mean(dim=(2, 3))
        return ImageClassifierOutputWithNoAttention(logits=self.classifier(self.dropout(pooled)))


def from_released(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The released tensors under our names: the same order and shapes, or a `ValueError` that says where not."""
    ours = EfficientNetLiteForImageClassification(EfficientNetLiteConfig(num_labels=1000)).state_dict()
    pairs = zip(ours.items(), tensors.items(), strict=True)
    renamed = {}
    for (name, wanted), (theirs, given) in pairs:
        if wanted.shape != given.shape:
            raise ValueError(f"{theirs} has the shape {tuple(given.shape)}; {name} needs {tuple(wanted.shape)}.")
        renamed[name] = given.contiguous()
    return renamed


AutoConfig.register("efficientnet_lite", EfficientNetLiteConfig, exist_ok=True)
AutoModelForImageClassification.register(EfficientNetLiteConfig, EfficientNetLiteForImageClassification, exist_ok=True)
