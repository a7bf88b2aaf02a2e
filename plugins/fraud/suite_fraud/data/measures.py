"""How good a ranking of transactions is: for the field's papers, for an analyst's day, and for the money."""

from __future__ import annotations

import numpy as np

from suite import Ranking, Reliability


def measure(
    probability: np.ndarray,
    label: np.ndarray,
    *,
    amount: np.ndarray | None = None,
    day: np.ndarray | None = None,
    entity: np.ndarray | None = None,
    k: int = 100,
) -> dict[str, float]:
    """All measures of n scored transactions; those of amounts, and of days and entities, where these are given.

    `label` is 1 or 0; leave unknown ones out. NaN stands for a measure without a fraud or without anything else.
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
    if day is not None and entity is not None:
        precision, value = cards(ranking, day, entity, k=k, amount=amount)
        measures[f"card_precision_at_{k}"] = precision
        if amount is not None:
            measures[f"value_recall_at_{k}"] = value
    return measures | {
        "alerts_for_80_recall": ranking.count_for(0.8),
        "alerts_for_90_recall": ranking.count_for(0.9),
        "brier": float(np.mean((probability - (label == 1)) ** 2)) if len(label) else float("nan"),
        "calibration_error": Reliability.of_size(ranking).error(),
    }


def cards(
    ranking: Ranking, day: np.ndarray, entity: np.ndarray, *, k: int = 100, amount: np.ndarray | None = None
) -> tuple[float, float]:
    """Card precision@k, and the share of the frauds' amount on the cards looked into.

    For each day the k entities with the highest scores are looked into; the precision is the mean over the days of the
    share of them that have a fraud that day (the handbook, chapter 4.3). An entity found out is not looked into again.
    On a day with fewer entities than k all are. `day` and `entity` are int codes, (n,).
    """
    if not len(day):
        return float("nan"), float("nan")
    by_day = ranking.order[np.argsort(day[ranking.order], kind="stable")]
    bounds = np.flatnonzero(np.diff(day[by_day], prepend=day[by_day[:1]] - 1))
    value = np.where(ranking.labels == 1, 1.0 if amount is None else amount, 0.0)
    caught: np.ndarray = np.empty(0, entity.dtype)
    shares, saved = [], 0.0
    for rows in np.split(by_day, bounds[1:]):
        looked = _first(entity[rows], k, without=caught)
        frauds = rows[ranking.labels[rows] == 1]
        hit = np.intersect1d(looked, entity[frauds])
        shares.append(_share(len(hit), len(looked)))
        saved += float(value[frauds[np.isin(entity[frauds], hit)]].sum())
        caught = np.concatenate([caught, hit])
    return float(np.nanmean(shares)), _share(saved, float(value.sum()))


def _first(codes: np.ndarray, k: int, *, without: np.ndarray) -> np.ndarray:
    """The first k distinct codes that are not among `without`, in no order."""
    width = 4 * k + len(without)  # mostly enough; all are looked at only where few cards pay very often
    while True:
        some = codes[:width]
        some = some[~np.isin(some, without)] if len(without) else some
        distinct, place = np.unique(some, return_index=True)
        if len(distinct) >= k or width >= len(codes):
            kept: np.ndarray = distinct[np.argsort(place)[:k]]
            return kept
        width *= 4


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
