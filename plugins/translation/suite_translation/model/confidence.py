"""How likely a translation is good, from how sure the model was of its words: one logistic curve, set on validation."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from suite_translation.strings.chrf import chrf_counts, chrf_each

GOOD = 60.0
"""chrF from which a translation counts as good: most strings above it need a word changed or none."""
FILE = "translation.json"
_RIDGE = 1.0
"""Weight of the prior that keeps the curve finite where all, or none, of a few translations are good."""


@dataclass(frozen=True)
class Confidence:
    """P(good) = 1 / (1 + exp(-(slope * mean log probability of the tokens + offset))), after Platt 1999.

    The values before any calibration are a curve through .5 at a mean token probability of .6.
    """

    slope: float = 4.0
    offset: float = 2.0

    def __call__(self, log_probability: float) -> float:
        """Between 0 and 1, never falling as the log probability rises."""
        z = self.slope * log_probability + self.offset
        return 1 / (1 + math.exp(-z)) if z > -500 else 0.0  # math.exp overflows from 710 on

    @classmethod
    def fitted(cls, log_probabilities: np.ndarray, good: np.ndarray) -> Confidence:
        """The curve that fits (N,) log probabilities to (N,) truths best; the default's slope is where it starts.

        Newton's method on the logistic loss with a ridge around the default; it is convex, so 50 steps are plenty.
        """
        prior = np.array([cls.slope, cls.offset])
        design = np.stack([np.maximum(log_probabilities, -20.0), np.ones(len(good))], axis=1)
        found = prior.copy()
        for _ in range(50):
            p = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
            gradient = design.T @ (p - good) + _RIDGE * (found - prior)
            step = np.linalg.solve((design * (p * (1 - p))[:, None]).T @ design + _RIDGE * np.eye(2), gradient)
            found = found - np.clip(step, -1, 1)
        slope, offset = found
        return cls(float(max(slope, 0.1)), float(offset))  # less sure must never mean better

    @classmethod
    def read(cls, folder: Path) -> Confidence:
        """That of a saved model, else the default."""
        path = folder / FILE
        return cls(**json.loads(path.read_text(encoding="utf-8"))["confidence"]) if path.is_file() else cls()

    def write(self, folder: Path) -> None:
        """Keeps it beside a saved model."""
        (folder / FILE).write_text(json.dumps({"confidence": asdict(self)}, indent=2) + "\n", encoding="utf-8")


def calibrated(predictions: Sequence[Mapping[str, Any]], references: Sequence[Mapping[str, Any]]) -> Confidence:
    """The curve for predictions beside their references; texts that no model was asked for say nothing."""
    pairs = [
        (one["log_probability"], chrf_counts(one["translation"], reference["target"]))
        for one, reference in zip(predictions, references, strict=True)
        if one["log_probability"] is not None
    ]
    if not pairs:
        return Confidence()
    good = chrf_each(np.array([counts for _, counts in pairs])) >= GOOD
    return Confidence.fitted(np.array([one for one, _ in pairs]), good.astype(float))
