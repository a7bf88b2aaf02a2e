"""How likely a translation is good, from how sure the model was of its words: one logistic curve, set on validation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from suite import PlattScaling, sigmoid
from suite_translation.strings.chrf import chrf_counts, chrf_each

GOOD = 60.0
"""chrF from which a translation counts as good: most strings above it need a word changed or none."""
FILE = "translation.json"
_DEVIATION = 1.0
"""Of the prior around the default: some ten translations outweigh it, and where all are good the curve stays finite."""
_LEAST = -20.0
"""Mean log probability below which all is equally unlikely; one such text must not turn the curve."""


@dataclass(frozen=True)
class Confidence:
    """P(good) = 1 / (1 + exp(-(slope * mean log probability of the tokens + offset))), after Platt 1999.

    The values before any calibration are a curve through .5 at a mean token probability of .6.
    """

    slope: float = 4.0
    offset: float = 2.0

    def __call__(self, log_probability: float) -> float:
        """Between 0 and 1, never falling as the log probability rises."""
        return float(sigmoid(PlattScaling(self.slope, self.offset)(np.asarray(log_probability))))

    @classmethod
    def fitted(cls, log_probabilities: np.ndarray, good: np.ndarray) -> Confidence:
        """The likeliest curve for log probabilities (n,) and truths (n,) of 0 or 1, with a prior around the default."""
        scores, default = np.maximum(log_probabilities, _LEAST), (cls.slope, cls.offset)
        line = PlattScaling.fit(scores, good, prior=default, deviation=_DEVIATION)
        return cls(max(line.slope, 0.1), line.intercept)  # less sure must never mean better

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
        (prediction["log_probability"], chrf_counts(prediction["translation"], reference["target"]))
        for prediction, reference in zip(predictions, references, strict=True)
        if prediction["log_probability"] is not None
    ]
    if not pairs:
        return Confidence()
    good = chrf_each(np.array([counts for _, counts in pairs])) >= GOOD
    return Confidence.fitted(np.array([value for value, _ in pairs]), good.astype(float))
