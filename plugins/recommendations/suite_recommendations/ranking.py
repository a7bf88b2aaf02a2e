"""What counts as a good list: ranks, hits, coverage and novelty. Plain numpy, the same for the model and baselines.

NDCG with one relevant item is 1 / log2(rank + 1) (Järvelin and Kekäläinen 2002); MRR is 1 / rank within the list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

SHOWN = 20
"""Length of every list: the largest cut-off that is reported."""
CUTOFFS = (5, 10, 20)
_JUDGED = 10
"""Places that coverage and novelty look at."""


def top(scores: np.ndarray, seen: Sequence[np.ndarray], *, exclude_seen: bool, count: int = SHOWN) -> np.ndarray:
    """Item numbers of the `count` highest scores in each row of (users, items), best first, -1 where none is left.

    The one filter of seen items, for the model and every baseline: what is in `seen` never appears. Among equal
    scores the lower item number comes first, so that a list does not depend on the machine.
    """
    scores = np.array(scores, dtype=np.float64)
    if exclude_seen:
        for row, items in zip(scores, seen, strict=True):
            row[items] = -np.inf
    count_here = min(count, scores.shape[1])
    order = np.argsort(-scores, axis=1, kind="stable")[:, :count_here]
    kept = np.where(np.isneginf(np.take_along_axis(scores, order, axis=1)), -1, order)
    return np.pad(kept, ((0, 0), (0, count - count_here)), constant_values=-1)


def score_list(items: Sequence[str], numbers: Sequence[int], surprise: Sequence[float], target: str) -> dict[str, Any]:
    """One user's figures: rank of the target (0 if not shown), the first ten numbers and their surprise in bits."""
    rank = items.index(target) + 1 if target in items else 0
    return {"rank": float(rank), "items": _padded(numbers, -1.0), "surprise": _padded(surprise, np.nan)}


def metrics(scores: Mapping[str, np.ndarray], catalogue: int) -> dict[str, float]:
    """HR, NDCG and MRR at 5, 10 and 20, coverage and novelty at 10, over any set of users' `score_list`."""
    rank = scores["rank"]
    found: dict[str, float] = {}
    for cut in CUTOFFS:
        hit = (rank > 0) & (rank <= cut)
        safe = np.maximum(rank, 1)
        found[f"ndcg@{cut}"] = float(np.where(hit, 1 / np.log2(safe + 1), 0).sum() / len(rank))
        found[f"hr@{cut}"] = float(hit.sum() / len(rank))
        found[f"mrr@{cut}"] = float(np.where(hit, 1 / safe, 0).sum() / len(rank))
    shown = scores["items"][scores["items"] >= 0].astype(np.int64)
    found["coverage@10"] = np.count_nonzero(np.bincount(shown)) / max(catalogue, 1)
    surprise = scores["surprise"]
    known = ~np.isnan(surprise)
    found["novelty@10"] = float(surprise[known].sum() / max(known.sum(), 1))
    return found


def surprise(popularity: np.ndarray) -> np.ndarray:
    """Self-information of meeting each item in a random interaction, in bits; an unseen item counts as seen once."""
    counts = np.maximum(np.asarray(popularity, dtype=np.float64), 1)
    return -np.log2(counts / max(np.sum(popularity), 1.0))


def _padded(values: Sequence[float], filler: float) -> list[float]:
    return [float(value) for value in values[:_JUDGED]] + [filler] * (_JUDGED - len(values[:_JUDGED]))
