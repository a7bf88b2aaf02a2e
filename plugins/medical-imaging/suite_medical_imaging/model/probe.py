"""Frozen features: nearest neighbours and a linear probe, the two stages before any weight is trained.

Both are what a pretrained model is worth as it is; the probe is also where fine-tuning starts.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedKFold
from torch import nn

from suite_medical_imaging.data.tasks import ImageTask

NEIGHBOURS = 20
STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)
"""Inverse strengths of the L2 penalty, for features of unit variance: from almost a mean difference to overfitting."""
_FOLDS = 3
_STEPS = 100  # of L-BFGS; the answer no longer moves in the second digit


class Probe:
    """Logistic regression on features (N, D): `weight` (classes, D) and `bias` (classes,) of a head for raw features.

    The strength of the penalty is the one of `STRENGTHS` with the least log loss in three folds, of whole groups where
    there are at least three.
    """

    def __init__(
        self,
        features: np.ndarray,
        targets: np.ndarray,
        task: ImageTask,
        groups: Sequence[Any] | None = None,
        *,
        balanced: bool = False,
    ) -> None:
        self.task, self.balanced = task, balanced
        mean = features.mean(0)
        # One scale for all: a feature that hardly moves must not be blown up, or it would rule elsewhere.
        scale = float((features - mean).std()) or 1.0
        given = (features - mean) / scale
        self.strength = self._chosen(given, targets, groups)
        weight, bias = self._solved(given, targets, self.strength)
        self.weight, self.bias = weight / scale, bias - weight @ mean / scale

    def logits(self, features: np.ndarray) -> np.ndarray:
        """(N, classes)."""
        return features @ self.weight.T + self.bias

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """(N, classes)."""
        return _probabilities(self.logits(features), self.task)

    def write(self, layer: nn.Linear) -> None:
        """Puts the probe into a model's head."""
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(self.weight))
            layer.bias.copy_(torch.from_numpy(self.bias))

    def _chosen(self, features: np.ndarray, targets: np.ndarray, groups: Sequence[Any] | None) -> float:
        costs = dict.fromkeys(STRENGTHS, 0.0)
        for train, held in _folds(targets, groups, self.task):
            for strength in STRENGTHS:
                weight, bias = self._solved(features[train], targets[train], strength)
                probabilities = _probabilities(features[held] @ weight.T + bias, self.task)
                costs[strength] += _log_loss(probabilities, targets[held])
        return min(costs, key=lambda strength: costs[strength])

    def _solved(self, features: np.ndarray, targets: np.ndarray, strength: float) -> tuple[np.ndarray, np.ndarray]:
        if not self.task.many:
            return self._fitted(features, targets.argmax(1), strength, classes=targets.shape[1])
        parts = []
        for column in targets.T:
            known = ~np.isnan(column)
            weight, bias = self._fitted(features[known], column[known].astype(int), strength, classes=2)
            parts.append((weight[1] - weight[0], bias[1] - bias[0]))
        return np.stack([weight for weight, _ in parts]), np.array([bias for _, bias in parts])

    def _fitted(
        self, features: np.ndarray, numbers: np.ndarray, strength: float, *, classes: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Weights (classes, D) and biases; a class that is not there is all but ruled out."""
        weight, bias = np.zeros((classes, features.shape[1])), np.full(classes, -10.0)
        present = np.unique(numbers)
        if len(present) < 2:
            bias[present] = 0.0
            return weight, bias
        settings: dict[str, Any] = {"C": strength, "max_iter": _STEPS, "tol": 1e-3}
        model = LogisticRegression(**settings, class_weight="balanced" if self.balanced else None)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            # Stopped early is regularised a little more, and the strength was chosen under the same stop.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(features, numbers)
        weight[present], bias[present] = _both(model.coef_, model.intercept_)
        return weight, bias


def nearest(train: np.ndarray, targets: np.ndarray, asked: np.ndarray, task: ImageTask) -> np.ndarray:
    """(N, classes) shares among the 20 nearest training pictures by cosine, weighted by likeness.

    Unknown labels of neighbours are left out; where all are unknown the share in training stands.
    """
    unit = [part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-12) for part in (train, asked)]
    count = min(NEIGHBOURS, len(train))
    prior = np.nanmean(targets, axis=0)
    blocks = []
    for start in range(0, len(asked), 1024):  # blocks of the table of all pairs
        likeness = unit[1][start : start + 1024] @ unit[0].T
        places = np.argpartition(-likeness, count - 1, axis=1)[:, :count]
        weights = np.exp(np.take_along_axis(likeness, places, 1) / 0.07)[..., None]  # a usual k-NN temperature
        votes = targets[places]
        known = ~np.isnan(votes)
        mass = (weights * known).sum(1)
        blocks.append(np.where(mass > 0, (weights * np.nan_to_num(votes)).sum(1) / np.maximum(mass, 1e-300), prior))
    shares = np.concatenate(blocks)
    return shares if task.many else shares / shares.sum(1, keepdims=True)


def _both(coefficients: np.ndarray, intercepts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A row per class; of two classes sklearn gives only the second's, which halves share out."""
    if len(coefficients) > 1:
        return coefficients, intercepts
    return np.concatenate([-coefficients, coefficients]) / 2, np.concatenate([-intercepts, intercepts]) / 2


def _folds(
    targets: np.ndarray, groups: Sequence[Any] | None, task: ImageTask
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """None at all where a class has fewer rows than there are folds: the first strength, the safest, is then taken."""
    rows = np.zeros(len(targets))
    if groups is not None and len(set(groups)) >= _FOLDS:
        yield from GroupKFold(_FOLDS).split(rows, groups=list(groups))
        return
    numbers = np.nan_to_num(targets[:, 0]).astype(int) if task.many else targets.argmax(1)
    if min(np.bincount(numbers)[np.unique(numbers)]) >= _FOLDS:
        yield from StratifiedKFold(_FOLDS, shuffle=True, random_state=0).split(rows, numbers)


def _probabilities(logits: np.ndarray, task: ImageTask) -> np.ndarray:
    values = torch.from_numpy(np.asarray(logits, dtype=np.float64))
    return (values.sigmoid() if task.many else values.softmax(-1)).numpy()


def _log_loss(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Sum over known labels; of one-hot rows twice the usual, which picks the same strength."""
    clipped = np.clip(probabilities, 1e-6, 1 - 1e-6)
    return -float(np.nansum(targets * np.log(clipped) + (1 - targets) * np.log1p(-clipped)))
