"""The highest scores of each row, and how surprising an item is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SHOWN = 20
"""Length of every list: the largest cut-off that is reported."""


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


def surprise(popularity: np.ndarray) -> np.ndarray:
    """Self-information of meeting each item in a random interaction, in bits; an unseen item counts as seen once."""
    counts = np.maximum(np.asarray(popularity, dtype=np.float64), 1)
    return -np.log2(counts / max(np.sum(popularity), 1.0))
