"""What the networks share: their configuration and what they answer with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedConfig
from transformers.utils import ModelOutput

TEXT_SIZE = 384
"""Length of a text's vector: all-MiniLM-L6-v2's."""


UNCALIBRATED = {"slope": 1.0, "intercept": 0.0, "cost": 0.5, "capacity": 0.5}
"""What `calibrate` replaces: a line through the log-odds, and thresholds by cost and by capacity."""


class NetworkConfig(PreTrainedConfig):
    """What the network reads and how wide it is. `extras` and `texts` are the columns only this portfolio has."""

    model_type = "suite-fraud"

    def __init__(
        self,
        features: Sequence[str] = (),
        extras: Sequence[str] = (),
        texts: Sequence[str] = (),
        windows: Sequence[float] = (1.0, 7.0, 30.0),
        hidden_size: int = 256,
        layers: int = 3,
        dropout: float = 0.1,
        calibration: dict[str, float] | None = None,
        **others: Any,
    ) -> None:
        self.features, self.extras, self.texts = list(features), list(extras), list(texts)
        self.windows = list(windows)
        self.hidden_size, self.layers, self.dropout = hidden_size, layers, dropout
        self.calibration = calibration or dict(UNCALIBRATED)
        super().__init__(**others)


@dataclass
class FraudOutput(ModelOutput):
    """`logits` (batch,) and, where labels were given, the mean cross-entropy as `loss`."""

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
