"""From histories to lists: how items are ranked, proposed by the index where they are many, and explained."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from suite_recommendations.model.index import ItemIndex
from suite_recommendations.model.ranking import SHOWN, top
from suite_recommendations.model.recommender import Recommender, aligned

PROPOSED = 400
"""Candidates from the index, and as many from the counts, for a list of 20 in a large catalogue."""
DELETED = 20
"""Last items of a history that are tried as reasons."""
EXPLAINED = 10
"""Items of a list that get a reason."""


@torch.no_grad()
def rank(
    network: Recommender, index: ItemIndex, history: Tensor, end: Tensor, *, exclude_seen: bool
) -> tuple[np.ndarray, np.ndarray]:
    """(B, 20) item numbers, -1 where none is left, and their scores. `history` and `end` as in `Recommender.scores`."""
    seen = seen_items(history, end)
    if network.config.items > network.config.exact_below:
        lists = [_rank_proposed(network, index, history[i], end[i], seen[i], exclude_seen) for i in range(len(history))]
        return np.stack([numbers for numbers, _ in lists]), np.stack([scores for _, scores in lists])
    scores = all_scores(network, history, end)
    numbers = top(scores, seen, exclude_seen=exclude_seen)
    return numbers, np.take_along_axis(scores, np.maximum(numbers, 0), axis=1)


def seen_items(history: Tensor, end: Tensor) -> list[np.ndarray]:
    """Item numbers of each history."""
    return [row[:stop].cpu().numpy() for row, stop in zip(history, end.tolist(), strict=True)]


@torch.no_grad()
def all_scores(network: Recommender, history: Tensor, end: Tensor) -> np.ndarray:
    """(B, items) float64 scores; after an empty history the items' popularity decides alone."""
    scores = network.scores(history, end, 1)[:, 0].double()
    popular = torch.log1p(network.popularity).double()
    return torch.where((end == 0)[:, None], popular, scores).cpu().numpy()


def _rank_proposed(
    network: Recommender, index: ItemIndex, history: Tensor, end: Tensor, seen: np.ndarray, exclude_seen: bool
) -> tuple[np.ndarray, np.ndarray]:
    candidates = propose(network, index, history[None], end[None])[0]
    scores = network.scores(history[None], end[None], 1, torch.from_numpy(candidates).to(history.device))[:, 0]
    known = np.searchsorted(candidates, seen[np.isin(seen, candidates)])
    places = top(scores.cpu().numpy(), [known], exclude_seen=exclude_seen)[0]
    return np.where(places < 0, -1, candidates[places]), scores[0].cpu().numpy()[np.maximum(places, 0)]


@torch.no_grad()
def propose(network: Recommender, index: ItemIndex, history: Tensor, end: Tensor) -> list[np.ndarray]:
    """Sorted candidate numbers per history: the index's nearest, what soon followed the last items, and the popular."""
    near = index.search(states(network, history, end), PROPOSED)
    popular = torch.topk(network.popularity, min(SHOWN, network.config.items)).indices.cpu().numpy()
    proposed = []
    for row, stop, numbers in zip(history, end.tolist(), near, strict=True):
        followed = _followers(network, row[max(0, stop - DELETED) : stop])
        merged = np.unique(np.concatenate([numbers, followed, popular]))
        proposed.append(merged[merged >= 0])
    return proposed


def _followers(network: Recommender, items: Tensor) -> np.ndarray:
    """Up to `PROPOSED` items by their summed counts with `items`, later ones weighing more as the gates say."""
    if len(items) == 0:
        return np.zeros(0, np.int64)
    lag = torch.arange(len(items) - 1, -1, -1, device=items.device)
    rows = network.counts_of(items)
    scores = network.gates(network.gates.weights(lag)[:, None] @ rows)[0]
    return torch.topk(scores, min(PROPOSED, len(scores))).indices.cpu().numpy()


@torch.no_grad()
def item_vectors(network: Recommender) -> np.ndarray:
    """(items, d) float32: what the index is made of."""
    return network.item_vectors().float().cpu().numpy()


@torch.no_grad()
def states(network: Recommender, history: Tensor, end: Tensor) -> np.ndarray:
    """(B, d) float32 queries for the index: the transformer's last states."""
    last = network.encode(aligned(history, end, network.config.window), network.item_vectors())[:, -1]
    return last.float().cpu().numpy()


def reasons(network: Recommender, history: Tensor, shown: Sequence[int]) -> list[int | None]:
    """For each shown item the place in the history (n,) without which its score falls most; None where none lowers it.

    Faithful by construction: each of the last `DELETED` items is really taken out and everything scored again.
    """
    count = len(history)
    if count < 2 or not shown:
        return [0 if count else None] * len(shown)
    tried = list(range(max(0, count - DELETED), count))
    rest = torch.stack([history[torch.arange(count, device=history.device) != place] for place in tried])
    rows = torch.cat([history[None], torch.nn.functional.pad(rest, (0, 1), value=-1)])
    end = torch.tensor([count] + [count - 1] * len(tried), device=history.device)
    numbers = torch.tensor(sorted(shown), device=history.device)
    with torch.no_grad():
        scores = network.scores(rows, end, 1, numbers)[:, 0]
    falls = (scores[0] - scores[1:])[:, torch.searchsorted(numbers, torch.tensor(list(shown), device=history.device))]
    best = falls.max(0)
    return [
        tried[place] if fall > 0 else None
        for fall, place in zip(best.values.tolist(), best.indices.tolist(), strict=True)
    ]


def recalls(
    network: Recommender, index: ItemIndex, history: Tensor, end: Tensor, shown: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(B,) recall of the index against exact search at 20, and (B,) share of the shown items among the candidates."""
    by_index = index.recall(states(network, history, end), SHOWN)
    proposed = propose(network, index, history, end)
    within = [
        np.isin(row[row >= 0], numbers).mean() if (row >= 0).any() else 1.0
        for row, numbers in zip(shown, proposed, strict=True)
    ]
    return by_index, np.asarray(within)


def neighbours(network: Recommender, number: int, count: int) -> list[tuple[int, float]]:
    """The `count` items whose vectors (text and correction) point most nearly the same way, with the cosine."""
    with torch.no_grad():
        vectors = torch.nn.functional.normalize(network.item_vectors().float(), dim=-1)
        cosines = vectors @ vectors[number]
    cosines[number] = -2.0
    near = torch.topk(cosines, min(count, len(cosines) - 1))
    return list(zip(near.indices.tolist(), near.values.tolist(), strict=True))
