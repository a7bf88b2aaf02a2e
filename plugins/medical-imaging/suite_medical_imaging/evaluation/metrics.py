"""What a classifier is worth, from probabilities and truths; fast, since a bootstrap calls it a thousand times."""

from __future__ import annotations

import numpy as np

from suite import Ranking, Reliability


def measure(scores: np.ndarray, truths: np.ndarray, kind: str) -> dict[str, float]:
    """All metrics of probabilities and truths, both (N, classes); truths are 1, 0, or NaN where unknown.

    Ranking metrics are macro means: of the positive class (binary), one class against the rest, or each label;
    classes without positives or without negatives are left out. `kappa` only for an ordinal task.
    """
    rankings = _rankings(scores, truths, kind)
    measures = {
        "auroc": _mean([ranking.auroc() for ranking in rankings]),
        "auprc": _mean([ranking.average_precision() for ranking in rankings]),
        "sens@spec90": _mean([ranking.recall(ranking.count_within(0.10)) for ranking in rankings]),
        "sens@spec95": _mean([ranking.recall(ranking.count_within(0.05)) for ranking in rankings]),
        "balanced_accuracy": _mean(list(recalls(scores, truths, kind).values())),
    }
    if kind == "ordinal":
        measures["kappa"] = kappa(scores.argmax(1), truths.argmax(1), scores.shape[1])
    reliability = Reliability.of_width(*confidences(scores, truths, kind))
    return measures | {"ece": reliability.error(), "brier": brier(scores, truths, kind)}


def auroc(scores: np.ndarray, truths: np.ndarray, kind: str) -> float:
    """The one of `measure`, alone."""
    return _mean([ranking.auroc() for ranking in _rankings(scores, truths, kind)])


def _rankings(scores: np.ndarray, truths: np.ndarray, kind: str) -> list[Ranking]:
    columns = [1] if kind == "binary" else range(scores.shape[1])
    return [Ranking.of_known(scores[:, c], truths[:, c]) for c in columns]


def recalls(scores: np.ndarray, truths: np.ndarray, kind: str) -> dict[int, float]:
    """Per class the share of its examples that the most probable class (or .5, for a label) finds; NaN for none.

    A multi-label task's are the means of sensitivity and specificity of each label.
    """
    if kind != "multi-label":
        hit = np.bincount(truths.argmax(1)[scores.argmax(1) == truths.argmax(1)], minlength=scores.shape[1])
        return dict(enumerate(_share(hit, np.bincount(truths.argmax(1), minlength=scores.shape[1]))))
    said = scores >= 0.5
    sensitivity = _share((said & (truths == 1)).sum(0), (truths == 1).sum(0))
    spared = _share((~said & (truths == 0)).sum(0), (truths == 0).sum(0))
    return dict(enumerate((sensitivity + spared) / 2))


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
