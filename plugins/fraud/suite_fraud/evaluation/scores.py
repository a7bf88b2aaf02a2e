"""What a probability is worth: the measures of a ranking of transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from suite import Prediction, Ranking, Scored, Scores
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

    def joint(self, scored: Scored) -> Mapping[str, np.ndarray]:
        """Which entities would be looked into each day, among the rows whose label is known."""
        scores = scored.scores
        known = scores["label"] >= 0
        ranking = Ranking(scores["probability"][known], scores["label"][known])
        looks = measures.looked(ranking, scores["day"][known], scores["entity"][known], k=self.config.capacity)
        marks = {name: np.zeros(len(known)) for name in looks}
        for name, values in looks.items():
            marks[name][known] = values
        return {**scores, **marks}

    def metrics(self, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        """See `measures.measure`; alerts a day are the config's `capacity`."""
        known = scores["label"] >= 0
        kept = {name: values[known] for name, values in scores.items()}
        looks = {name: kept[name] for name in ("looked", "hit", "saved")}
        return measures.measure(
            kept["probability"], kept["label"], amount=kept["amount"], day=kept["day"], looks=looks,
            k=self.config.capacity,
        )  # fmt: skip

    def belongs(self, example: Example) -> dict[str, int]:
        """Its card or account, and its day."""
        block, row = example
        return {"entity": int(block.entity[row]), "day": int(block.day[row])}

    def unit(self, metric: str) -> str:
        """What is found among the first k of a day is of days; everything else is of entities."""
        return "day" if metric in self._of_days() else "entity"

    def watched(self) -> dict[str, bool]:
        """What an analyst's day brings, and the money among the first hundredth."""
        return {self._of_days()[0]: True, "value_recall_at_1_fpr": True}

    def _of_days(self) -> tuple[str, str]:
        return f"card_precision_at_{self.config.capacity}", f"value_recall_at_{self.config.capacity}"
