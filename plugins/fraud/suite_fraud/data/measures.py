"""How good a ranking of transactions is: for the field's papers, for an analyst's day, and for the money."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from suite import Ranking, Reliability


def measure(
    probability: np.ndarray,
    label: np.ndarray,
    *,
    amount: np.ndarray | None = None,
    day: np.ndarray | None = None,
    looks: Mapping[str, np.ndarray] | None = None,
    k: int = 100,
) -> dict[str, float]:
    """All measures of n scored transactions; those of amounts, and of days, where these are given.

    `label` is 1 or 0; leave unknown ones out. `looks` are what `looked` says of k a day. NaN stands for a measure
    without a fraud or without anything else.
    """
    probability, label = np.asarray(probability), np.asarray(label)
    ranking = Ranking(probability, label)
    alerts = ranking.count_within(0.01)
    measures = {
        "average_precision": ranking.average_precision(),
        "roc_auc": ranking.auroc(),
        "recall_at_1_fpr": ranking.recall(alerts),
    }
    if amount is not None:
        measures["value_recall_at_1_fpr"] = ranking.recall(alerts, weight=amount)
    if day is not None and looks is not None:
        precision, value = cards(label, day, looks, amount=amount)
        measures[f"card_precision_at_{k}"] = precision
        if amount is not None:
            measures[f"value_recall_at_{k}"] = value
    return measures | {
        "alerts_for_80_recall": ranking.count_for(0.8),
        "alerts_for_90_recall": ranking.count_for(0.9),
        "brier": float(np.mean((probability - (label == 1)) ** 2)) if len(label) else float("nan"),
        "calibration_error": Reliability.of_size(ranking).error(),
    }


def looked(ranking: Ranking, day: np.ndarray, entity: np.ndarray, *, k: int = 100) -> dict[str, np.ndarray]:
    """Which entities are looked into, as marks on their rows: float (n,) each, of int codes `day` and `entity` (n,).

    For each day the k entities with the highest scores are looked into; one found out is not looked into again, and on
    a day with fewer than k all are. "looked" is 1 on one row of each of them, "hit" too where it has a fraud that day,
    and "saved" on the frauds of these. So each day keeps what the days before it left, whichever days are resampled.
    """
    marks = {name: np.zeros(len(day)) for name in ("looked", "hit", "saved")}
    if not len(day):
        return marks
    by_day = ranking.order[np.argsort(day[ranking.order], kind="stable")]
    bounds = np.flatnonzero(np.diff(day[by_day], prepend=day[by_day[:1]] - 1))
    caught: np.ndarray = np.empty(0, entity.dtype)
    for rows in np.split(by_day, bounds[1:]):
        first = rows[_first(entity[rows], k, without=caught)]
        frauds = rows[ranking.labels[rows] == 1]
        hit = np.intersect1d(entity[first], entity[frauds])
        marks["looked"][first] = 1
        marks["hit"][first[np.isin(entity[first], hit)]] = 1
        marks["saved"][frauds[np.isin(entity[frauds], hit)]] = 1
        caught = np.concatenate([caught, hit])
    return marks


def cards(
    label: np.ndarray, day: np.ndarray, looks: Mapping[str, np.ndarray], *, amount: np.ndarray | None = None
) -> tuple[float, float]:
    """Card precision, and the share of the frauds' amount on the cards looked into, from the marks of `looked`.

    The precision is the mean over the days of the share of the entities looked into that have a fraud that day (the
    handbook, chapter 4.3).
    """
    if not len(day):
        return float("nan"), float("nan")
    codes = np.unique(day, return_inverse=True)[1]
    seen, hit = (np.bincount(codes, weights=looks[name]) for name in ("looked", "hit"))
    value = np.where(label == 1, 1.0 if amount is None else amount, 0.0)
    shares = hit[seen > 0] / seen[seen > 0]
    precision = float(shares.mean()) if len(shares) else float("nan")
    return precision, _share(float((value * looks["saved"]).sum()), float(value.sum()))


def _first(codes: np.ndarray, k: int, *, without: np.ndarray) -> np.ndarray:
    """Places of the first k distinct codes that are not among `without`, each where it comes first."""
    if len(without):
        free = np.flatnonzero(~np.isin(codes, without))
        places: np.ndarray = free[_first(codes[free], k, without=without[:0])]
        return places
    width = 4 * k  # mostly enough; all are looked at only where few cards pay very often
    while True:
        distinct, place = np.unique(codes[:width], return_index=True)
        if len(distinct) >= k or width >= len(codes):
            kept: np.ndarray = np.sort(place)[:k]
            return kept
        width *= 4


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
