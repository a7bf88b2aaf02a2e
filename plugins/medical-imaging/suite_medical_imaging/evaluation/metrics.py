"""What a classifier is worth, from probabilities and truths; fast, since a bootstrap calls it a thousand times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 10  # of equal width; enough for a curve, few enough to hold some dozen of a few hundred examples each


@dataclass(frozen=True)
class Ranking:
    """Counts of positives and negatives at or above each distinct probability, from the highest down."""

    hits: np.ndarray
    alarms: np.ndarray

    @classmethod
    def of(cls, scores: np.ndarray, truths: np.ndarray) -> Ranking:
        """`scores` (N,) and `truths` (N,) of 1, 0 or NaN; what is unknown is left out."""
        known = ~np.isnan(truths)
        scores, truths = scores[known], truths[known]
        order = np.argsort(-scores, kind="stable")
        ranked = scores[order]
        last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if len(ranked) else np.zeros(0, int)
        hits = np.cumsum(truths[order])[last]
        return cls(hits, last + 1 - hits)

    @property
    def complete(self) -> bool:
        """Whether there are both positives and negatives, without which nothing can be said."""
        return len(self.hits) > 0 and self.hits[-1] > 0 and self.alarms[-1] > 0

    def auroc(self) -> float:
        """Chance that a positive is ranked above a negative, ties counting half; NaN with one class only."""
        if not self.complete:
            return np.nan
        hits, alarms = np.append(0, self.hits), np.append(0, self.alarms)
        area = np.sum(np.diff(alarms) * (hits[1:] + hits[:-1])) / 2
        return float(area / (hits[-1] * alarms[-1]))

    def auprc(self) -> float:
        """Average precision: precision at each threshold, weighted by the recall it adds; NaN with one class only."""
        if not self.complete:
            return np.nan
        precision = self.hits / (self.hits + self.alarms)
        return float(np.sum(np.diff(self.hits, prepend=0) * precision) / self.hits[-1])

    def sensitivity_at(self, specificity: float) -> float:
        """Largest sensitivity of a threshold that keeps at least this specificity; NaN with one class only."""
        if not self.complete:
            return np.nan
        kept = self.hits[self.alarms <= (1 - specificity) * self.alarms[-1] + 1e-9]
        return float(kept[-1] / self.hits[-1]) if len(kept) else 0.0


def measure(scores: np.ndarray, truths: np.ndarray, kind: str) -> dict[str, float]:
    """All metrics of probabilities and truths, both (N, classes); truths are 1, 0, or NaN where unknown.

    Ranking metrics are macro means: of the positive class (binary), one class against the rest, or each label;
    classes without positives or without negatives are left out. `kappa` only for an ordinal task.
    """
    rankings = [Ranking.of(scores[:, c], truths[:, c]) for c in ([1] if kind == "binary" else range(scores.shape[1]))]
    found = {
        "auroc": _mean([ranking.auroc() for ranking in rankings]),
        "auprc": _mean([ranking.auprc() for ranking in rankings]),
        "sens@spec90": _mean([ranking.sensitivity_at(0.90) for ranking in rankings]),
        "sens@spec95": _mean([ranking.sensitivity_at(0.95) for ranking in rankings]),
        "balanced_accuracy": _mean(list(recalls(scores, truths, kind).values())),
    }
    if kind == "ordinal":
        found["kappa"] = kappa(scores.argmax(1), truths.argmax(1), scores.shape[1])
    sure, right = confidences(scores, truths, kind)
    return found | {"ece": expected_calibration_error(sure, right), "brier": brier(scores, truths, kind)}


def recalls(scores: np.ndarray, truths: np.ndarray, kind: str) -> dict[int, float]:
    """Per class the share of its examples that the most probable class (or .5, for a label) finds; NaN for none.

    A multi-label task's are the means of sensitivity and specificity of each label.
    """
    if kind != "multi-label":
        hit = np.bincount(truths.argmax(1)[scores.argmax(1) == truths.argmax(1)], minlength=scores.shape[1])
        return dict(enumerate(_share(hit, np.bincount(truths.argmax(1), minlength=scores.shape[1]))))
    said = scores >= 0.5
    found = _share((said & (truths == 1)).sum(0), (truths == 1).sum(0))
    spared = _share((~said & (truths == 0)).sum(0), (truths == 0).sum(0))
    return dict(enumerate((found + spared) / 2))


def kappa(said: np.ndarray, truth: np.ndarray, classes: int) -> float:
    """Cohen's kappa with quadratic weights; NaN when all is one class."""
    table = np.bincount(truth * classes + said, minlength=classes * classes).reshape(classes, classes)
    grades = np.arange(classes)
    cost = (grades[:, None] - grades[None, :]) ** 2
    chance = np.outer(table.sum(1), table.sum(0)) / max(table.sum(), 1)
    expected = (cost * chance).sum()
    return float(1 - (cost * table).sum() / expected) if expected else np.nan


def confidences(scores: np.ndarray, truths: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """What calibration compares: stated probability and whether it came true, both (M,).

    Of a binary task the positive class's, of several classes the most probable one's, of labels all known ones'.
    """
    if kind == "binary":
        return scores[:, 1], truths[:, 1]
    if kind == "multi-label":
        known = ~np.isnan(truths)
        return scores[known], truths[known]
    said = scores.argmax(1)
    return scores[np.arange(len(said)), said], (said == truths.argmax(1)).astype(float)


def expected_calibration_error(sure: np.ndarray, right: np.ndarray) -> float:
    """Mean distance of stated and true share over `BINS` bins, by count (Guo et al. 2017, arXiv 1706.04599)."""
    count, stated, true = bins(sure, right)
    return float(np.abs(stated - true).sum() / count.sum()) if count.sum() else np.nan


def bins(sure: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per bin the count, the sum of stated probabilities and the sum of what came true."""
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    return (
        np.bincount(place, minlength=BINS),
        np.bincount(place, weights=sure, minlength=BINS),
        np.bincount(place, weights=right, minlength=BINS),
    )


def brier(scores: np.ndarray, truths: np.ndarray, kind: str) -> float:
    """Mean squared error of the probabilities: of the positive class or known labels, else summed over classes."""
    if kind == "binary":
        return float(np.mean((scores[:, 1] - truths[:, 1]) ** 2))
    squares = (scores - truths) ** 2
    return _mean(squares[~np.isnan(squares)]) if kind == "multi-label" else float(squares.sum(1).mean())


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)


def _mean(values: list[float] | np.ndarray) -> float:
    """The mean of what is no NaN, NaN if nothing is."""
    held = np.asarray(values, dtype=float)
    held = held[~np.isnan(held)]
    return float(held.mean()) if len(held) else np.nan
