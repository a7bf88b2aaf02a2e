"""The network: numbers encoded piecewise-linearly between a portfolio's own quantiles, strings as frozen text vectors.

After "On Embeddings for Numerical Features in Tabular Deep Learning" (https://arxiv.org/abs/2203.05556). The edges of
the pieces are quantiles of the rows it is trained on, kept with the model. So what the weights see is how unusual a
value is *here*, which is what lets weights learned on other portfolios start a new one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from transformers import PreTrainedModel

from suite_fraud.model.base import TEXT_SIZE, UNCALIBRATED, FraudOutput, NetworkConfig

QUANTILES = (
    0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93,
    0.95, 0.965, 0.98, 0.985, 0.99, 0.993, 0.995, 0.997, 0.998, 0.999, 0.9995, 1.0,
)  # fmt: skip
"""Where pieces end. Fraud is in the tails: between 98 and 100 % there are as many pieces as below 70 %."""
_LONGEST = 1_000_000
"""Rows that quantiles are taken of; more change the edges of the tail by less than they vary from week to week."""


class PiecewiseLinear(nn.Module):
    """(batch, n) numbers to (batch, n × (pieces + 2)): how far through each piece, how far out, whether missing."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.register_buffer("edges", torch.linspace(0, 1, len(QUANTILES)).repeat(count, 1))
        self.register_buffer("centre", torch.zeros(count))
        self.register_buffer("spread", torch.ones(count))

    edges: torch.Tensor
    centre: torch.Tensor
    spread: torch.Tensor

    @staticmethod
    def size(count: int) -> int:
        """Numbers that `count` features are encoded in."""
        return count * (len(QUANTILES) + 1)

    def fit(self, values: np.ndarray) -> None:
        """Takes edges, mean and deviation of (rows, n) float32 `values`; a column that is all missing gets 0 and 1."""
        kept = values[:: max(1, -(-len(values) // _LONGEST))].astype(np.float64)
        filled = np.where(np.isfinite(kept).any(0), kept, 0.0)
        filled = np.where(np.isfinite(filled), filled, np.nan)
        self.edges.copy_(torch.from_numpy(np.nanquantile(filled, QUANTILES, axis=0).T))
        self.centre.copy_(torch.from_numpy(np.nanmean(filled, axis=0)))
        spread = np.nanstd(filled, axis=0)
        self.spread.copy_(torch.from_numpy(np.where(spread > 0, spread, 1.0)))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Encodes a batch. Pieces of no width, where many rows have one value, are 0 at it and 1 above it."""
        low, high = self.edges[:, :-1], self.edges[:, 1:]
        through = ((values[..., None] - low) / (high - low).clamp_min(1e-6)).clamp(0, 1)
        out = torch.asinh((values - self.centre) / self.spread)  # beyond the last edge: no piece tells how far
        missing = ~torch.isfinite(values)
        parts = torch.cat([through, out[..., None]], dim=-1).masked_fill(missing[..., None], 0.0)
        return torch.cat([parts, missing[..., None].to(parts.dtype)], dim=-1).flatten(1)


class Block(nn.Module):
    """A residual layer after a norm; starts close to the identity."""

    def __init__(self, size: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(size)
        self.inner = nn.Linear(size, size)
        self.outer = nn.Linear(size, size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """(batch, size) to the same shape."""
        deeper: torch.Tensor = states + self.outer(self.dropout(F.gelu(self.inner(self.norm(states)))))
        return deeper


class FraudNetwork(PreTrainedModel):
    """Encoded features into a residual network of some 0.4 M weights, and a log-odds out.

    What only this portfolio has is read by layers beside the pretrained ones that start at zero: with them, and before
    a step is taken, the network answers as the pretrained one.
    """

    config_class = NetworkConfig
    config: NetworkConfig

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        size = config.hidden_size
        self.encoder = PiecewiseLinear(len(config.features))
        self.first = nn.Linear(PiecewiseLinear.size(len(config.features)), size)
        self.blocks = nn.ModuleList([Block(size, config.dropout) for _ in range(config.layers - 1)])
        self.norm = nn.LayerNorm(size)
        self.head = nn.Linear(size, 1)
        self.extra_encoder = PiecewiseLinear(len(config.extras)) if config.extras else None
        self.extra = nn.Linear(PiecewiseLinear.size(len(config.extras)), size, bias=False) if config.extras else None
        self.text = nn.Linear(len(config.texts) * TEXT_SIZE, size, bias=False) if config.texts else None
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Keeps torch's own start, but for the layers of new columns, which begin silent."""
        if module is getattr(self, "extra", None) or module is getattr(self, "text", None):
            module.weight.zero_()

    def forward(
        self,
        features: torch.Tensor,
        extras: torch.Tensor | None = None,
        texts: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        days: torch.Tensor | None = None,
    ) -> FraudOutput:
        """`features` (batch, n) and `extras` (batch, m) floats, NaN where missing; `texts` (batch, columns × 384).

        `days` are for networks that look at the order of rows; this one does not.
        """
        states = self.first(self.encoder(features))
        if self.extra is not None and self.extra_encoder is not None and extras is not None:
            states = states + self.extra(self.extra_encoder(extras))
        if self.text is not None and texts is not None:
            # Unit vectors have coordinates of a twentieth, and weights that start at zero would take twenty times the
            # steps: where a category tells most of the frauds, average precision was .38 without this, .53 with it.
            states = states + self.text(texts * TEXT_SIZE**0.5)
        for block in self.blocks:
            states = block(states)
        logits = self.head(F.gelu(self.norm(states)))[:, 0]
        loss = None
        if labels is not None:
            loss = F.binary_cross_entropy_with_logits(logits.float(), labels.float())
        return FraudOutput(loss=loss, logits=logits)

    @property
    def medians(self) -> torch.Tensor:
        """Of the training rows' features, (n,)."""
        return self.encoder.edges[:, QUANTILES.index(0.5)]

    def adapted(
        self, *, features: Sequence[str], extras: Sequence[str], texts: Sequence[str], windows: Sequence[float]
    ) -> FraudNetwork:
        """See the function of the same name."""
        return adapted(self, features=features, extras=extras, texts=texts, windows=windows)

    def fit(
        self, features: np.ndarray, extras: np.ndarray, label: np.ndarray, day: np.ndarray, *, delay: int
    ) -> FraudNetwork:
        """This network with the quantiles of a portfolio's training rows."""
        self.encoder.fit(features)
        if self.extra_encoder is not None:
            self.extra_encoder.fit(extras)
        return self


def adapted(starter: FraudNetwork, *, features: Sequence[str], extras: Sequence[str], texts: Sequence[str],
            windows: Sequence[float]) -> FraudNetwork:  # fmt: skip
    """The starter with inputs for a portfolio's own columns.

    Features the starter doesn't know (other windows) have new weights that start at zero; those it knows and the
    portfolio hasn't are left out.
    """
    old = starter.config
    config = NetworkConfig(**(old.to_diff_dict() | {
        "features": list(features), "extras": list(extras), "texts": list(texts), "windows": list(windows),
        "calibration": dict(UNCALIBRATED),
    }))  # fmt: skip
    model = FraudNetwork(config)
    state = {name: value for name, value in starter.state_dict().items() if not name.startswith(("extra", "text"))}
    state |= _rearranged(state, model.state_dict(), old.features, config.features)
    if starter.text is not None and old.texts == config.texts:
        state |= {"text.weight": starter.text.weight.data}
    if starter.extra is not None and old.extras == config.extras:
        state |= {name: value for name, value in starter.state_dict().items() if name.startswith("extra")}
    model.load_state_dict(state, strict=False)
    return model


def _rearranged(
    state: dict[str, torch.Tensor], fresh: dict[str, torch.Tensor], old: list[str], new: list[str]
) -> dict[str, torch.Tensor]:
    """The encoder's buffers and the first layer's columns in the order of `new`; of `fresh` where `old` has none."""
    each = PiecewiseLinear.size(1)
    first = torch.zeros(len(state["first.bias"]), len(new) * each)
    buffers = {name: value for name, value in state.items() if name.startswith("encoder.")}
    arranged = {name: fresh[name].clone() for name in buffers}
    for place, name in enumerate(new):
        if name in old:
            was = old.index(name)
            first[:, place * each : (place + 1) * each] = state["first.weight"][:, was * each : (was + 1) * each]
            for key, value in buffers.items():
                arranged[key][place] = value[was]
    return {"first.weight": first, **arranged}
