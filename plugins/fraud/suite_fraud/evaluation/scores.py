"""What a probability is worth: the measures of a ranking of transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from suite import Prediction, Scores
from suite_fraud.data import measures
from suite_fraud.model.inputs import Example


class FraudScores(Scores):
    """Average precision and the measures beside it, over rows whose label is known."""

    def reference(self, example: Example) -> dict[str, float]:
        """Label, and what the metrics weigh it by."""
        block, row = example
        return {
            "label": int(block.label[row]),
            "amount": float(block.amount[row]),
            "day": int(block.day[row]),
            "entity": int(block.entity[row]),
        }

    def score(self, prediction: Prediction, reference: Any) -> dict[str, float | Sequence[float]]:
        """The probability beside the reference."""
        return {"probability": prediction["probability"], **reference}

    def metrics(self, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        """See `measures.measure`; alerts a day are the config's `capacity`."""
        known = scores["label"] >= 0
        probability, label = scores["probability"][known], scores["label"][known]
        weights = {name: scores[name][known] for name in ("amount", "day", "entity")}
        return measures.measure(probability, label, **weights, k=self.config.capacity)
