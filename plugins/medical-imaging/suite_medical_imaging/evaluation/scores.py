"""What an answer is worth: its probabilities beside the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from suite import Prediction, Scores
from suite_medical_imaging.data.tasks import Reference
from suite_medical_imaging.evaluation.metrics import measure
from suite_medical_imaging.model.model import MedicalModel


class MedicalScores(Scores):
    """Probabilities and truths of each picture; metrics of its task."""

    model: MedicalModel

    def reference(self, example: dict[str, Any]) -> Reference:
        """The class, or per label 1, 0 or None."""
        return example["reference"]

    def score(self, prediction: Prediction, reference: Reference) -> dict[str, float | Sequence[float]]:
        """Probabilities and truths, a number per class."""
        return {"p": list(prediction["probabilities"].values()), "y": self.model.task.target(reference)}

    def metrics(self, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        """See `metrics.measure`."""
        return measure(scores["p"], scores["y"], self.model.task.kind)

    def watched(self) -> dict[str, bool]:
        """What a clinic asks for beside the order: sensitivity at few false alarms, and probabilities to believe."""
        return {"sens@spec90": True, "ece": False}
