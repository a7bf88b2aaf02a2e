"""How good a ranking of transactions is: for the field's papers, for an analyst's day, and for the money."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Ranking:
    """n scored transactions, sorted once for all measures. Measures that need both classes are NaN without them."""

    probability: np.ndarray
    """float (n,): higher is more suspicious."""
    label: np.ndarray
    """1 fraud, 0 legitimate, (n,)."""

    @cached_property
    def order(self) -> np.ndarray:
        """Rows from the most to the least suspicious, equal ones in their own order, int64 (n,)."""
        return np.argsort(-self.probability, kind="stable")

    @cached_property
    def _ends(self) -> np.ndarray:
        """How many alerts there are at each distinct threshold, int64 (t,): equal scores alarm together."""
        ranked = self.probability[self.order]
        last = np.flatnonzero(ranked[1:] != ranked[:-1]) + 1
        return np.append(last, len(ranked)) if len(ranked) else last

    @cached_property
    def _frauds(self) -> np.ndarray:
        """Frauds among the alerts at each threshold, float64 (t,)."""
        found: np.ndarray = np.cumsum(self.label[self.order] == 1, dtype=np.float64)[self._ends - 1]
        return found

    @property
    def both(self) -> bool:
        """Whether there are frauds and legitimate transactions."""
        return bool(len(self._ends)) and 0 < self._frauds[-1] < len(self.label)

    def roc_auc(self) -> float:
        """Chance that a fraud ranks above a legitimate transaction, ties counting half."""
        if not self.both:
            return float("nan")
        frauds = np.concatenate([[0.0], self._frauds])
        others = np.concatenate([[0.0], self._ends - self._frauds])
        return float(np.trapezoid(frauds, others) / (frauds[-1] * others[-1]))

    def average_precision(self) -> float:
        """Area under precision over recall, as steps; no interpolation (scikit-learn's definition)."""
        if not self.both:
            return float("nan")
        gained = np.diff(self._frauds, prepend=0.0)
        return float(np.sum(gained * self._frauds / self._ends) / self._frauds[-1])

    def alerts_at_fpr(self, rate: float = 0.01) -> int:
        """The most alerts whose share of the legitimate transactions is within `rate`."""
        if not self.both:
            return 0
        false = self._ends - self._frauds
        within = np.searchsorted(false, rate * false[-1] * (1 + 1e-12), side="right")
        return int(self._ends[within - 1]) if within else 0

    def recall(self, alerts: int, *, weight: np.ndarray | None = None) -> float:
        """Share of the frauds, or of their `weight` (amounts, (n,)), among the first `alerts` rows."""
        if not self.both:
            return float("nan")
        value = np.where(self.label == 1, 1.0 if weight is None else weight, 0.0)
        return _share(float(value[self.order[:alerts]].sum()), float(value.sum()))

    def alerts_for(self, recall: float) -> float:
        """How many alerts find this share of the frauds, from the most suspicious on."""
        if not self.both:
            return float("nan")
        # A hair less, so that .8 of 10 frauds is 8 in binary too.
        return float(self._ends[np.searchsorted(self._frauds, recall * self._frauds[-1] - 1e-9)])

    def brier(self) -> float:
        """Mean squared distance of probability and label."""
        return float(np.mean((self.probability - (self.label == 1)) ** 2)) if len(self.label) else float("nan")

    def calibration(self, bins: int = 10) -> np.ndarray:
        """Mean probability, share of frauds and count of `bins` equally large groups, least suspicious first; (b, 3).

        Equally wide groups would put all but a few transactions into the first.
        """
        groups = [group for group in np.array_split(self.order[::-1], bins) if len(group)]
        means = [(self.probability[rows].mean(), (self.label[rows] == 1).mean(), len(rows)) for rows in groups]
        return np.array(means, np.float64).reshape(-1, 3)

    def calibration_error(self, bins: int = 10) -> float:
        """Mean distance of probability and share of frauds over equally large groups (ECE with equal masses)."""
        table = self.calibration(bins)
        return float(np.average(np.abs(table[:, 0] - table[:, 1]), weights=table[:, 2])) if len(table) else float("nan")

    def cards(
        self, day: np.ndarray, entity: np.ndarray, *, k: int = 100, amount: np.ndarray | None = None
    ) -> tuple[float, float]:
        """Card precision@k, and the share of the frauds' amount on the cards looked into.

        For each day the k entities with the highest probabilities are looked into; the precision is the mean over the
        days of the share of them that have a fraud that day (the handbook, chapter 4.3). An entity found out is not
        looked into again. On a day with fewer entities than k all are. `day` and `entity` are int codes, (n,).
        """
        if not len(day):
            return float("nan"), float("nan")
        by_day = self.order[np.argsort(day[self.order], kind="stable")]
        bounds = np.flatnonzero(np.diff(day[by_day], prepend=day[by_day[:1]] - 1))
        value = np.where(self.label == 1, 1.0 if amount is None else amount, 0.0)
        found: np.ndarray = np.empty(0, entity.dtype)
        shares, saved = [], 0.0
        for rows in np.split(by_day, bounds[1:]):
            looked = _first(entity[rows], k, without=found)
            frauds = rows[self.label[rows] == 1]
            hit = np.intersect1d(looked, entity[frauds])
            shares.append(_share(len(hit), len(looked)))
            saved += float(value[frauds[np.isin(entity[frauds], hit)]].sum())
            found = np.concatenate([found, hit])
        return float(np.nanmean(shares)), _share(saved, float(value.sum()))


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
    ranking = Ranking(np.asarray(probability), np.asarray(label))
    alerts = ranking.alerts_at_fpr(0.01)
    found = {
        "average_precision": ranking.average_precision(),
        "roc_auc": ranking.roc_auc(),
        "recall_at_1_fpr": ranking.recall(alerts),
    }
    if amount is not None:
        found["value_recall_at_1_fpr"] = ranking.recall(alerts, weight=amount)
    if day is not None and entity is not None:
        precision, value = ranking.cards(day, entity, k=k, amount=amount)
        found[f"card_precision_at_{k}"] = precision
        if amount is not None:
            found[f"value_recall_at_{k}"] = value
    return found | {
        "alerts_for_80_recall": ranking.alerts_for(0.8),
        "alerts_for_90_recall": ranking.alerts_for(0.9),
        "brier": ranking.brier(),
        "calibration_error": ranking.calibration_error(),
    }


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
