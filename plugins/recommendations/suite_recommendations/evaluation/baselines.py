"""What the model must beat, in scipy: popularity, ItemKNN, EASE and decayed co-visitation counts.

ItemKNN: cosine of item columns, shrunk (Sarwar et al. 2001, https://doi.org/10.1145/371920.372071). EASE: Steck 2019,
https://arxiv.org/abs/1905.03375. Settings were chosen on the starter's validation split, once, and are constants here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import scipy.sparse as sp

from suite import Baselines, Prediction, Splits, column
from suite_recommendations.data.examples import Numbered
from suite_recommendations.data.history import History
from suite_recommendations.model.counts import covisitation
from suite_recommendations.model.counts import popularity as occurrences
from suite_recommendations.model.model import RecommenderModel
from suite_recommendations.model.ranking import top

Scorer = Callable[[Sequence[np.ndarray]], np.ndarray]
"""From histories of item numbers, oldest first, to scores (users, items)."""

NEIGHBOURS = 100
SHRINK = 10.0
EASE_PENALTY = 300.0
COUNT_KERNEL, COUNT_DECAY = 0.8, 0.85
LARGEST_EASE = 20_000
"""Items above which EASE's dense inverse (items² × 8 bytes, 3.2 GB here) is left out of the table."""
FIXED = "fixed settings, chosen on the starter's validation split"
SETTINGS = {"popularity": "nothing to tune", "ItemKNN": FIXED, "co-visitation": FIXED, "EASE": FIXED}
"""How each baseline came to its settings: on other data than the starter nobody chose them."""
AT_ONCE = 256
"""Users ranked at a time: 256 rows of scores for 20,000 items are 41 MB."""


def baselines(model: RecommenderModel, splits: Splits, examples: Sequence[History]) -> Baselines:
    """Popularity, ItemKNN, EASE and decayed co-visitation, fitted to the training histories, same filter of seen items
    as the model's.
    """
    train = Numbered(column(splits["train"], "history"), model.catalogue)
    histories = [example.numbers for example in examples if example.numbers is not None]
    predictions: dict[str, list[Prediction]] = {}
    for name, scorer in fit_all(train, len(model.catalogue)).items():
        predictions[name] = []
        for start in range(0, len(histories), AT_ONCE):
            chunk = histories[start : start + AT_ONCE]
            scores = np.asarray(scorer(chunk))
            for row, numbers in enumerate(top(scores, chunk, exclude_seen=model.config.exclude_seen)):
                kept = [int(number) for number in numbers if number >= 0]
                predictions[name].append(model.ranked(kept, scores[row][kept]))
    return Baselines(predictions, settings={name: SETTINGS[name] for name in predictions})


def fit_all(histories: Sequence[np.ndarray], items: int) -> dict[str, Scorer]:
    """Every baseline, fitted to the training histories."""
    scorers = {
        "popularity": popularity(histories, items),
        "ItemKNN": item_knn(histories, items),
        "co-visitation": decayed_covisitation(histories, items),
    }
    return scorers | ({"EASE": ease(histories, items)} if items <= LARGEST_EASE else {})


def popularity(histories: Sequence[np.ndarray], items: int) -> Scorer:
    """How often each item occurs, the same for everybody."""
    counts = occurrences(histories, items).astype(np.float64)
    return lambda users: np.tile(counts, (len(users), 1))


def item_knn(histories: Sequence[np.ndarray], items: int) -> Scorer:
    """Sum of the similarities of a candidate to the items of the history, `NEIGHBOURS` kept per item."""
    seen = interactions(histories, items)
    both = (seen.T @ seen).toarray()
    length = np.sqrt(np.diag(both))
    similarity = both / (np.outer(length, length) + SHRINK)
    np.fill_diagonal(similarity, 0)
    if items > NEIGHBOURS:
        cut = np.partition(similarity, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS][:, None]
        similarity = np.where(similarity >= cut, similarity, 0)
    return lambda users: interactions(users, items) @ similarity.T


def ease(histories: Sequence[np.ndarray], items: int, penalty: float = EASE_PENALTY) -> Scorer:
    """The linear autoencoder with a zero diagonal that has a closed form."""
    seen = interactions(histories, items)
    inverse = np.linalg.inv((seen.T @ seen).toarray() + penalty * np.eye(items))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return lambda users: interactions(users, items) @ weights


def decayed_covisitation(histories: Sequence[np.ndarray], items: int) -> Scorer:
    """What soon followed the items of the history in other histories; recent items weigh more."""
    (counts,) = covisitation(histories, items, [COUNT_KERNEL])
    return lambda users: (interactions(users, items, decay=COUNT_DECAY) @ counts).toarray()


def interactions(histories: Sequence[np.ndarray], items: int, decay: float = 1.0) -> sp.csr_matrix:
    """(users, items): 1 for each item of a history, or decay^(places from its end); of a repeated item the last."""
    rows, columns, values = [], [], []
    for row, history in enumerate(histories):
        latest = {int(item): decay ** (len(history) - 1 - place) for place, item in enumerate(history)}
        rows += [row] * len(latest)
        columns += list(latest)
        values += list(latest.values())
    return sp.csr_matrix((values, (rows, columns)), shape=(len(histories), items), dtype=np.float64)
