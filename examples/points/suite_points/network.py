"""Two networks in one module: a generator, and the discriminator that it learns from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.func import functional_call
from transformers import PreTrainedConfig, PreTrainedModel

from suite_points.data import NOISE


class NetworkConfig(PreTrainedConfig):
    """What the network must know of the data it was trained on; saved with it as config.json."""

    model_type = "suite_points"

    def __init__(
        self, means: list[float] | None = None, scales: list[float] | None = None, width: int = 64, **rest: Any
    ) -> None:
        self.means, self.scales, self.width = means or [0.0, 0.0], scales or [1.0, 1.0], width
        super().__init__(**rest)


class Network(PreTrainedModel):
    """Makes points of noise; beside real ones it judges both."""

    config_class = NetworkConfig

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        self.generator = _layers(NOISE, config.width, 2)
        self.discriminator = _layers(2, config.width, 1)
        self.post_init()

    def forward(self, noise: torch.Tensor, points: torch.Tensor | None = None) -> Any:
        """Points (n, 2) as they are in the data; with real `points` what the discriminator says: of these, of the
        made ones, where it learns, and of the made ones, where the generator does."""
        means, scales = (noise.new_tensor(values) for values in (self.config.means, self.config.scales))
        made = self.generator(noise)
        if points is None:
            return made * scales + means
        judge = self.discriminator
        frozen = {name: parameter.detach() for name, parameter in judge.named_parameters()}
        return judge((points - means) / scales), judge(made.detach()), functional_call(judge, frozen, (made,))


def _layers(given: int, width: int, wanted: int) -> torch.nn.Sequential:
    return torch.nn.Sequential(
        torch.nn.Linear(given, width), torch.nn.LeakyReLU(0.2),
        torch.nn.Linear(width, width), torch.nn.LeakyReLU(0.2),
        torch.nn.Linear(width, wanted),
    )  # fmt: skip


def make_model(wheels: Sequence[Path], out: Path) -> None:
    """Writes untrained networks, the same every time. `wheels` is empty: nothing is downloaded."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        Network(NetworkConfig()).save_pretrained(out)
