"""Networks made without training: from histories and the items' text vectors, and grown by further items."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
import torch

from suite_recommendations.config import RecommendationsConfig
from suite_recommendations.model.counts import covisitation, extend, popularity, stack, unstack
from suite_recommendations.model.recommender import Recommender, RecommenderConfig

BOLDNESS = 3.0
"""Times the mean cosine that a new item borrows. Chosen on validation targets of the starter, 60 of which were hidden
and added again by text: at 3 they are found as often as with counts of their own (HR@50 .44 against .47), at 1 hardly
(.06), at 5 they push others aside (.62)."""
LENDERS = 5
"""Known items whose counts a new one borrows; more blur its taste, fewer make it one item's shadow."""
SPREAD = 3.0
"""Length of projected text vectors in units of the unit text vectors: makes first scores range over some ±2 nats."""


def build_network(histories: Sequence[np.ndarray], text: torch.Tensor, config: RecommendationsConfig) -> Recommender:
    """An untrained network that works: text likeness to the last item, and decayed co-visitation counts.

    `histories` hold item numbers, oldest first; `text` (items, d) the items' unit text vectors.
    """
    items = len(text)
    pointers, columns, values = stack(covisitation(histories, items, RecommenderConfig().kernels))
    network = Recommender(
        RecommenderConfig(
            items=items, pairs=len(columns), text_size=text.shape[1], hidden_size=config.hidden_size,
            layers=config.layers, heads=config.heads, dropout=config.dropout, window=config.window, lags=config.lags,
            delta_bound=config.delta_bound, exclude_seen=config.exclude_seen, objective=config.objective,
            negatives=config.negatives, calibration=config.calibration, exact_below=config.exact_below,
        )
    )  # fmt: skip
    with torch.no_grad():
        network.text.copy_(text)
        network.centre.copy_(text.mean(0))
        network.project.weight.copy_(SPREAD * principal_directions(text - text.mean(0), config.hidden_size))
        network.popularity.copy_(torch.from_numpy(popularity(histories, items)))
        network.count_rows.copy_(torch.from_numpy(pointers))
        network.count_items.copy_(torch.from_numpy(columns))
        network.count_values.copy_(torch.from_numpy(values))
    return network


def principal_directions(vectors: torch.Tensor, count: int) -> torch.Tensor:
    """(count, d) unit rows along which (n, d) vectors vary most: the projection that keeps likeness best.

    Repeated when `count` exceeds d; signs are fixed by the largest entry, so that machines agree.
    """
    _, directions = torch.linalg.eigh((vectors.T @ vectors).double())
    rows = directions.T.flip(0).float()
    largest = rows.gather(1, rows.abs().argmax(1, keepdim=True))
    rows = rows * largest.sign()
    return rows.repeat(math.ceil(count / len(rows)), 1)[:count]


@torch.no_grad()
def grown_network(old: Recommender, text: torch.Tensor) -> Recommender:
    """A copy of `old`, on its device and in eval mode, with further items of the unit text vectors `text` (n, d).

    A new item's vector is its projected text. Until it has a history of its own it borrows counts and popularity
    from the `LENDERS` known items it resembles most, in proportion to their cosine.
    """
    shares = borrowed(text, old.text.cpu())
    counts = unstack(old.count_rows.cpu().numpy(), old.count_items.cpu().numpy(), old.count_values.cpu().numpy())
    pointers, columns, values = stack(extend(counts, shares))
    sizes = {"items": old.config.items + len(text), "pairs": len(columns)}
    network = Recommender(RecommenderConfig.from_dict(old.config.to_dict() | sizes))
    grown = {
        "text": torch.cat([old.text.cpu(), text]),
        "delta": torch.cat([old.delta.cpu(), torch.zeros(len(text), old.config.hidden_size)]),
        "popularity": torch.cat([old.popularity.cpu(), torch.from_numpy(shares @ old.popularity.cpu().numpy())]),
        "count_rows": torch.from_numpy(pointers),
        "count_items": torch.from_numpy(columns),
        "count_values": torch.from_numpy(values),
    }
    network.load_state_dict(old.state_dict() | grown)
    network.to(device=old.text.device)  # type: ignore[call-arg]  # transformers wraps it in a way mypy misreads
    return network.eval()


def borrowed(vectors: torch.Tensor, known: torch.Tensor) -> sp.csr_matrix:
    """(new, known) float32 shares: for the likest items; a row sums to `BOLDNESS` times its mean cosine."""
    cosines, number = (vectors @ known.T).clamp(min=0).topk(min(LENDERS, len(known)), dim=1)
    row = torch.arange(len(vectors))[:, None].expand_as(number)
    entries = (BOLDNESS * cosines / cosines.shape[1]).reshape(-1).numpy()
    shape = (len(vectors), len(known))
    return sp.csr_matrix(
        (entries, (row.reshape(-1).numpy(), number.reshape(-1).numpy())), shape=shape, dtype=np.float32
    )
