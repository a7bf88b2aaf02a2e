"""The model: noise becomes points, and two losses become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from suite import Batch, Model, Prediction, Stage, SuiteError, TrainingData
from torch.nn.functional import softplus

from suite_points.data import NOISE, drawn
from suite_points.domain import Options
from suite_points.network import Network, NetworkConfig

if TYPE_CHECKING:
    from datasets import Dataset

MOST = 10_000
"""Points that one question may ask for."""


def load(source: Path, config: Options, data: TrainingData | None) -> PointModel:
    """Both networks, scaled to `data`."""
    known: dict[str, Any] = {}
    if data is not None:
        points = np.array([data.rows["x"], data.rows["y"]], float)
        known = {"means": points.mean(1).tolist(), "scales": np.maximum(points.std(1), 1e-9).tolist()}
    about = NetworkConfig.from_pretrained(source, local_files_only=True, **known)
    network = Network.from_pretrained(source, config=about, local_files_only=True, use_safetensors=True)
    return PointModel(network, config)


@dataclass
class PointModel(Model):
    """A generator, and the discriminator that it is trained against."""

    network: Any
    config: Options

    def prepare(self, rows: Dataset, stage: Stage) -> Sequence[Any]:
        """Each real point beside the noise of a made one."""
        noise = drawn(len(rows), self.config.seed)
        points = zip(rows["x"], rows["y"], strict=True)
        return [example | {"point": point} for example, point in zip(noise, points, strict=True)]

    def augment(self, example: Any, generator: np.random.Generator) -> Any:
        """Other noise in each epoch."""
        return {**example, "noise": generator.standard_normal(NOISE)}

    def collate(self, examples: Sequence[Any]) -> Batch:
        """Noise (n, 8), with real points (n, 2) where there are any."""
        batch = {"noise": torch.tensor(np.stack([example["noise"] for example in examples]), dtype=torch.float32)}
        if all("point" in example for example in examples):
            batch["labels"] = torch.tensor([example["point"] for example in examples], dtype=torch.float32)
        return batch

    def loss(self, network: torch.nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
        """Both sides in one sum, by name in the log; what is judged to teach the generator teaches no discriminator."""
        real, fake, judged = network(batch["noise"], batch["labels"])
        discriminator = softplus(-real).mean() + softplus(fake).mean()
        generator = softplus(-judged).mean()
        return {"loss": discriminator + generator, "discriminator": discriminator, "generator": generator}

    def count(self, batch: Batch) -> int:
        """Points: each weighs the same."""
        return len(batch["labels"])

    def optimizer(self, network: Any) -> torch.optim.Optimizer:
        """Adam without much momentum, which two that chase each other overshoot with; a rate for each side."""
        rate, decay = self.config.learning_rate, self.config.weight_decay
        sides = [
            {"params": list(network.generator.parameters()), "lr": rate},
            {"params": list(network.discriminator.parameters()), "lr": rate * self.config.pace},
        ]
        return torch.optim.AdamW(sides, betas=(0.5, 0.9), weight_decay=decay, fused=True)

    def infer(self, batch: Batch) -> list[Prediction]:
        """The points that the noise becomes."""
        return [{"x": x, "y": y} for x, y in self.network(batch["noise"]).tolist()]

    def inputs(self, argument: str) -> list[dict[str, Any]]:
        """As many as the number says."""
        if not argument.strip().isdecimal() or not 0 < int(argument) <= MOST:
            raise SuiteError(f"{argument!r} is no number of points; give one from 1 to {MOST}.")
        return drawn(int(argument), self.config.seed)
