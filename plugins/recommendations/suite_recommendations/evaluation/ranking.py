"""What counts as a good list: ranks, hits, coverage and novelty. Plain numpy, the same for the model and baselines.

NDCG with one relevant item is 1 / log2(rank + 1) (Järvelin and Kekäläinen 2002); MRR is 1 / rank within the list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

CUTOFFS = (5, 10, 20)
_JUDGED = 10
"""Places that coverage and novelty look at."""


def score_list(items: Sequence[str], numbers: Sequence[int], surprise: Sequence[float], target: str) -> dict[str, Any]:
    """One user's figures: rank of the target (0 if not shown), the first ten numbers and their surprise in bits."""
    rank = items.index(target) + 1 if target in items else 0
    return {"rank": float(rank), "items": _padded(numbers, -1.0), "surprise": _padded(surprise, np.nan)}


def metrics(scores: Mapping[str, np.ndarray], catalogue: int) -> dict[str, float]:
    """HR, NDCG and MRR at 5, 10 and 20, coverage and novelty at 10, over any set of users' `score_list`."""
    rank = scores["rank"]
    values: dict[str, float] = {}
    for cut in CUTOFFS:
        hit = (rank > 0) & (rank <= cut)
        safe = np.maximum(rank, 1)
        values[f"ndcg@{cut}"] = float(np.where(hit, 1 / np.log2(safe + 1), 0).sum() / len(rank))
        values[f"hr@{cut}"] = float(hit.sum() / len(rank))
        values[f"mrr@{cut}"] = float(np.where(hit, 1 / safe, 0).sum() / len(rank))
    shown = scores["items"][scores["items"] >= 0].astype(np.int64)
    values["coverage@10"] = np.count_nonzero(np.bincount(shown)) / max(catalogue, 1)
    surprise = scores["surprise"]
    known = ~np.isnan(surprise)
    values["novelty@10"] = float(surprise[known].sum() / max(known.sum(), 1))
    return values


def _padded(values: Sequence[float], filler: float) -> list[float]:
    return [float(value) for value in values[:_JUDGED]] + [filler] * (_JUDGED - len(values[:_JUDGED]))
