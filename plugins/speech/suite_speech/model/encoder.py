"""Whisper's encoder for windows of any length up to 30 s, in two halves: a frozen lower one and a trained upper one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from transformers import WhisperConfig
from transformers.modeling_outputs import BaseModelOutput
from transformers.models.whisper.modeling_whisper import WhisperEncoder


class AnyLengthEncoder(WhisperEncoder):
    """Whisper's encoder for windows of up to 30 s: the first positions of the same table, the same weights.

    It works in two halves, so that the output of a lower one that is not trained can be computed once and kept.
    `frozen` is how many layers, from below, are not trained.
    """

    def __init__(self, config: WhisperConfig, frozen: int) -> None:
        super().__init__(config)
        self.frozen = frozen

    @classmethod
    def of(cls, encoder: WhisperEncoder, share: float) -> AnyLengthEncoder:
        """The encoder around the same modules. This share of the layers with all that lies below them is frozen; if
        it is all of the layers, the norm behind them too.
        """
        with torch.device("meta"):  # modules of its own would take memory, and random numbers to fill them
            flexible = cls(encoder.config, frozen=round(share * len(encoder.layers)))
        for name, module in encoder.named_children():
            setattr(flexible, name, module)
        for parameter in flexible.fixed():
            parameter.requires_grad_(False)
        flexible.layer_norm.requires_grad_(flexible.frozen < len(flexible.layers))
        return flexible.train(encoder.training)

    def forward(self, input_features: torch.Tensor, **kwargs: Any) -> BaseModelOutput:
        """Features (batch, mels, frames), or what `lower` made of them, to hidden states (batch, frames / 2, width).

        The two are told apart by their second dimension: there are at most 128 mels, and at least 200 positions.
        """
        encoded = input_features.shape[1] != self.num_mel_bins
        return BaseModelOutput(last_hidden_state=self.upper(input_features if encoded else self.lower(input_features)))

    def lower(self, features: torch.Tensor) -> torch.Tensor:
        """Features (batch, mels, frames) to the hidden states (batch, frames / 2, width) behind the frozen layers."""
        hidden = F.gelu(self.conv2(F.gelu(self.conv1(features)))).permute(0, 2, 1)
        hidden = hidden + self.embed_positions.weight[: hidden.shape[1]]
        hidden = F.dropout(hidden, p=self.dropout, training=self.training)
        for layer in self.layers[: self.frozen]:
            hidden = layer(hidden, None)
        return hidden

    def upper(self, hidden: torch.Tensor) -> torch.Tensor:
        """The trained layers, and the norm behind the last."""
        for layer in self.layers[self.frozen :]:
            hidden = layer(hidden, None)
        return self.layer_norm(hidden)

    def fixed(self) -> Iterator[torch.nn.Parameter]:
        """Every weight that the output of `lower` depends on; none where no layer is frozen."""
        for part in (self.conv1, self.conv2, self.embed_positions, *self.layers[: self.frozen]) if self.frozen else ():
            yield from part.parameters()
