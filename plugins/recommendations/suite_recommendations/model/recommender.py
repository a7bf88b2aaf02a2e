"""The recommender: a sequential transformer over text embeddings, joined with co-visitation counts by learned gates.

Needs torch, transformers and scipy, not Suite. The score of item j after a history is

    h · v_j / sqrt(d) · mix  +  Σ_k amount_k · log(1 + scale_k · Σ_lag weight_k(lag) · C_k[item at lag, j])
                             +  slope · log(1 + popularity_j)

h is the transformer's last state (SASRec, Kang and McAuley 2018, https://arxiv.org/abs/1808.09781), v_j a projection of
j's frozen text embedding plus a learned correction never longer than `delta_bound`, C_k co-visitation counts. Every
weight is learned in one training. There the counts of a history leave out what that very history contributed:
otherwise each target would vouch for itself and the gates would trust counts far too much. At inference nothing needs
to be left out, because a history only counts towards its own items, and those are not recommended again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.utils import ModelOutput

from suite_recommendations.model.counts import SMALLEST

HIDDEN = -1e9
"""Added to the score of an item that may not win: finite, so that a loss over it stays finite."""

DENSE = 64_000_000
"""Largest number of counts kept as a dense copy (256 MB): 4,000 items with four kernels. Halves the time of a step."""


class RecommenderConfig(PretrainedConfig):
    """Sizes of the model and its loss. `kernels` are those of `counts.py`; `pairs` their stored pairs."""

    model_type = "suite_recommender"

    def __init__(
        self,
        *,
        items: int = 1,
        pairs: int = 0,
        text_size: int = 384,
        hidden_size: int = 64,
        layers: int = 2,
        heads: int = 2,
        dropout: float = 0.3,
        window: int = 50,
        lags: int = 50,
        kernels: tuple[float, ...] = (0.6, 0.9, 1.0, -0.9),
        delta_bound: float = 4.0,
        exclude_seen: bool = True,
        objective: str = "cross-entropy",
        negatives: int = 512,
        calibration: float = 0.75,
        exact_below: int = 50_000,
        **rest: Any,
    ) -> None:
        self.items, self.pairs, self.text_size = items, pairs, text_size
        self.hidden_size, self.layers, self.heads, self.dropout = hidden_size, layers, heads, dropout
        self.window, self.lags, self.kernels, self.delta_bound = window, lags, list(kernels), delta_bound
        self.exclude_seen, self.objective, self.negatives = exclude_seen, objective, negatives
        self.calibration, self.exact_below = calibration, exact_below
        super().__init__(**rest)


@dataclass
class RecommenderOutput(ModelOutput):
    """`loss`: scalar mean over the labels that are not -100."""

    loss: Tensor | None = None


class Block(nn.Module):
    """Pre-norm attention and feed-forward; both end in zeros, so that an untrained block changes nothing."""

    def __init__(self, size: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.rate = heads, dropout
        self.before_attention, self.before_mlp = nn.LayerNorm(size), nn.LayerNorm(size)
        self.qkv, self.out = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.up, self.down = nn.Linear(size, 4 * size), nn.Linear(4 * size, size)
        self.dropout = nn.Dropout(dropout)
        for last in (self.out, self.down):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, d) and (B, 1, T, T) bool, True where attention may look."""
        batch, length, size = x.shape
        q, k, v = self.qkv(self.before_attention(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        rate = self.rate if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=rate)
        x = x + self.dropout(self.out(mixed.transpose(1, 2).reshape(batch, length, size)))
        return x + self.dropout(self.down(F.gelu(self.up(self.before_mlp(x)))))


class Gates(nn.Module):
    """The learned weights that turn counts into scores: per kernel an amount, a scale and a weight for each lag."""

    def __init__(self, kernels: int, lags: int) -> None:
        super().__init__()
        self.amount = nn.Parameter(torch.full((kernels,), 1.0 / kernels))
        self.log_scale = nn.Parameter(torch.zeros(kernels))
        # exp(-0.3 lag) is the decay with which plain co-visitation counts do best on the starter's validation split.
        self.log_weight = nn.Parameter(-0.3 * torch.arange(lags).float().repeat(kernels, 1))
        self.slope = nn.Parameter(torch.zeros(()))
        self.mix = nn.Parameter(torch.ones(()))

    def weights(self, lag: Tensor) -> Tensor:
        """(kernels, *lag.shape) weights; 0 for a lag below 0 or beyond the last one learned."""
        known = (lag >= 0) & (lag < self.log_weight.shape[1])
        return self.log_weight.exp()[:, lag.clamp(0, self.log_weight.shape[1] - 1)] * known

    def forward(self, counts: Tensor) -> Tensor:
        """(kernels, P, items) weighted counts to (P, items) scores."""
        saturated = torch.log1p(counts * self.log_scale.exp()[:, None, None])
        return torch.einsum("k,kpi->pi", self.amount, saturated)


class Recommender(PreTrainedModel):
    """Scores items after a history. Histories are right-aligned rows of item numbers, -1 before their beginning."""

    config_class = RecommenderConfig
    base_model_prefix = ""
    _tied_weights_keys: Any = None
    text: Tensor
    centre: Tensor
    popularity: Tensor
    count_rows: Tensor
    count_items: Tensor
    count_values: Tensor

    def __init__(self, config: RecommenderConfig) -> None:
        super().__init__(config)
        size = config.hidden_size
        self.register_buffer("text", torch.zeros(config.items, config.text_size))
        self.register_buffer("centre", torch.zeros(config.text_size))
        self.register_buffer("popularity", torch.zeros(config.items))
        self.register_buffer("count_rows", torch.zeros(config.items + 1, dtype=torch.long))
        self.register_buffer("count_items", torch.zeros(config.pairs, dtype=torch.long))
        self.register_buffer("count_values", torch.zeros(len(config.kernels), config.pairs))
        self.project = nn.Linear(config.text_size, size, bias=False)
        self.delta = nn.Parameter(torch.zeros(config.items, size))
        self.positions = nn.Parameter(torch.zeros(config.window, size))
        self.blocks = nn.ModuleList(Block(size, config.heads, config.dropout) for _ in range(config.layers))
        self.norm, self.dropout = nn.LayerNorm(size), nn.Dropout(config.dropout)
        self._dense: Tensor | None = None
        self.gates = Gates(len(config.kernels), config.lags)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Every module sets its own start; transformers must not draw it again."""

    # ---- items and histories -----------------------------------------------------------------------------------------

    def item_vectors(self) -> Tensor:
        """(items, d): the projected text plus the correction, whose length stays below `delta_bound`."""
        return self.project(self.text - self.centre) + self.bounded_delta()

    def bounded_delta(self) -> Tensor:
        """(items, d): smooth, nearly the raw correction while that is short."""
        bound = self.config.delta_bound
        if bound == 0:
            return torch.zeros_like(self.delta)
        return self.delta / torch.sqrt(1 + self.delta.square().sum(1, keepdim=True) / bound**2)

    def encode(self, tokens: Tensor, vectors: Tensor) -> Tensor:
        """(B, T) item numbers, right-aligned, to (B, T, d) states."""
        length = tokens.shape[1]
        there = tokens >= 0
        x = self.dropout(vectors[tokens.clamp(min=0)] + self.positions[-length:])
        causal = torch.ones(length, length, dtype=torch.bool, device=tokens.device).tril()
        # A padded place looks at itself: a row without any True would be NaN.
        itself = torch.eye(length, dtype=torch.bool, device=tokens.device)
        mask = (causal & there[:, None, :]) | itself
        for block in self.blocks:
            x = block(x, mask[:, None])
        return self.norm(x)

    # ---- counts ------------------------------------------------------------------------------------------------------

    def counts_of(self, items: Tensor, candidates: Tensor | None = None) -> Tensor:
        """(kernels, n, candidates or items): rows of the counts, from a dense copy where that is small."""
        if candidates is None and len(self.config.kernels) * self.config.items**2 <= DENSE:
            if self._dense is None or self._dense.device != items.device:
                self._dense = self._rows(torch.arange(self.config.items, device=items.device), None)
            return self._dense[:, items]
        return self._rows(items, candidates)

    def _rows(self, items: Tensor, candidates: Tensor | None) -> Tensor:
        starts, ends = self.count_rows[items], self.count_rows[items + 1]
        row = torch.repeat_interleave(torch.arange(len(items), device=items.device), ends - starts)
        offset = torch.arange(len(row), device=items.device) - (ends - starts).cumsum(0)[row] + ends[row]
        column, width = self.count_items[offset], self.config.items
        if candidates is not None:
            column, width = self._slots(candidates)[column], len(candidates)
            row, offset, column = (part[column >= 0] for part in (row, offset, column))
        dense = self.count_values.new_zeros(len(self.config.kernels), len(items), width)
        dense[:, row, column] = self.count_values[:, offset]
        return dense

    def _slots(self, candidates: Tensor) -> Tensor:
        """(items,): each item's place among the candidates, -1 for the others."""
        places = torch.arange(len(candidates), device=candidates.device)
        return torch.full((self.config.items,), -1, device=candidates.device).scatter(0, candidates, places)

    def own_counts(self, history: Tensor, low: int, high: int) -> Tensor:
        """(kernels, high - low, n): what a training history itself added to the counts of its items low … high - 1."""
        place = torch.arange(len(history), device=history.device)
        weight = torch.tensor(self.config.kernels, device=history.device).abs()[:, None] ** (place - 1).clamp(min=0)
        weight = torch.where((weight >= SMALLEST) & (place > 0), weight, 0.0)
        # An item that occurs twice has the contributions of both its places in its one row of counts.
        repeated = len(history.unique()) < len(history)
        distance = place - (place if repeated else place[low:high])[:, None]
        ahead = [distance if kernel > 0 else -distance for kernel in self.config.kernels]
        added = torch.stack([w[d.clamp(min=0)] for w, d in zip(weight, ahead, strict=True)])
        return (history[low:high, None] == history).float() @ added if repeated else added

    def count_scores(self, history: Tensor, end: int, places: int, candidates: Tensor | None, *, own: bool) -> Tensor:
        """(places, candidates or items) scores from counts after the last `places` before `end` of one history (n,)."""
        low = max(0, end - places - self.config.lags + 1)
        rows = self.counts_of(history[low:end], candidates)
        if own:
            column = history if candidates is None else self._slots(candidates)[history]
            added = torch.where(column >= 0, self.own_counts(history, low, end), 0.0)
            # Two sums of the same numbers in another order: what should be 0 may be a little below it.
            rows = rows.scatter_add_(2, column.clamp(min=0).expand(added.shape), -added).clamp_(min=0)
        lag = torch.arange(end - places, end, device=history.device)[:, None]
        lag = lag - torch.arange(low, end, device=history.device)
        return self.gates(self.gates.weights(lag) @ rows)

    # ---- scores and loss ---------------------------------------------------------------------------------------------

    def scores(
        self, history: Tensor, end: Tensor, width: int, candidates: Tensor | None = None, own: Tensor | None = None
    ) -> Tensor:
        """(B, width, candidates or items): scores after the last `width` places before `end`.

        `history` (B, S) is left-aligned with -1 behind; `end` (B,) says how much of it is known. `own` (B,) marks
        histories that the counts were made of.
        """
        vectors = self.item_vectors()
        states = self.encode(aligned(history, end, max(width, self.config.window)), vectors)[:, -width:]
        popularity = self.gates.slope * torch.log1p(self.popularity)
        if candidates is not None:
            vectors, popularity = vectors[candidates], popularity[candidates]
        scores = states @ vectors.T * (self.gates.mix / math.sqrt(self.config.hidden_size)) + popularity
        parts = []
        for row, stop in enumerate(end.tolist()):
            known, places = history[row][history[row] >= 0], min(width, stop)
            counted = self.count_scores(known, stop, places, candidates, own=own is not None and bool(own[row]))
            parts.append(F.pad(counted, (0, 0, width - places, 0)))
        return scores + torch.stack(parts)

    def forward(self, history: Tensor, end: Tensor, own: Tensor, labels: Tensor, **_: Any) -> RecommenderOutput:
        """The loss of predicting `labels` (B, W), right-aligned, -100 where there is none, each from its past."""
        wanted = labels >= 0
        candidates, correction = self._candidates(labels[wanted])
        scores = self.scores(history, end, labels.shape[1], candidates, own)
        scores = self._hide_seen(scores, history, end, labels, candidates)[wanted]
        targets = labels[wanted] if candidates is None else torch.searchsorted(candidates, labels[wanted])
        if self.config.objective == "gbce":
            total = self._gbce(scores, targets)
        else:
            total = F.cross_entropy(scores if correction is None else scores + correction, targets, reduction="sum")
        return RecommenderOutput(loss=total / max(int(wanted.sum()), 1))

    def _candidates(self, targets: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Items the loss looks at: all (None), or the batch's targets and a uniform sample, sorted.

        The correction adds -log of the chance with which an item came in, so that the sum over the sample estimates
        the sum over the catalogue; drawing every item makes it exactly the full loss.
        """
        if self.config.objective == "cross-entropy":
            return None, None
        others = torch.ones(self.config.items, dtype=torch.bool, device=targets.device)
        others[targets] = False
        pool = others.nonzero()[:, 0]
        drawn = pool[torch.randperm(len(pool), device=pool.device)[: self.config.negatives]]
        candidates = torch.cat([targets.unique(), drawn]).sort().values
        chance = max(len(drawn), 1) / max(len(pool), 1)
        correction = torch.where(others[candidates], -math.log(chance), 0.0)
        return candidates, correction

    def _gbce(self, scores: Tensor, targets: Tensor) -> Tensor:
        """Generalised binary cross-entropy (Petrov and Macdonald 2023, https://arxiv.org/abs/2308.07192), summed."""
        negatives = scores.shape[1] - 1
        share = negatives / max(self.config.items - 1, 1)
        beta = share * (self.config.calibration * (1 - 1 / share) + 1 / share)
        positive = scores.gather(1, targets[:, None])
        losses = F.softplus(scores).scatter(1, targets[:, None], beta * F.softplus(-positive))
        return losses.sum() / (negatives + 1)

    def _hide_seen(
        self, scores: Tensor, history: Tensor, end: Tensor, labels: Tensor, candidates: Tensor | None
    ) -> Tensor:
        """Where seen items are not recommended, they need not be outscored in training either."""
        if not self.config.exclude_seen:
            return scores
        batch, width = labels.shape
        place = torch.arange(history.shape[1], device=history.device)
        last = end[:, None] - width + torch.arange(width, device=history.device)
        past = (place <= last[:, :, None]) & (history >= 0)[:, None]
        seen = torch.zeros(batch, width, self.config.items + 1, dtype=torch.bool, device=scores.device)
        numbers = torch.where(past, history[:, None].expand_as(past), self.config.items)
        seen.scatter_(2, numbers, True)
        seen[:, :, -1] = False
        seen.scatter_(2, labels.clamp(min=0)[:, :, None], False)
        return scores.masked_fill(seen[:, :, :-1] if candidates is None else seen[:, :, candidates], HIDDEN)


def aligned(history: Tensor, end: Tensor, length: int) -> Tensor:
    """(B, length): the last `length` items before `end`, right-aligned, -1 in front."""
    place = end[:, None] - length + torch.arange(length, device=history.device)
    taken = history.gather(1, place.clamp(0, history.shape[1] - 1))
    return torch.where(place >= 0, taken, -1)
