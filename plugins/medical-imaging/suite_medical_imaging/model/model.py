"""The loaded model: the network with its task, its view of a picture and its calibration."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from datasets import Dataset
from transformers import PreTrainedModel

from suite import Batch, Model, Prediction, Stage, SuiteError
from suite_medical_imaging.config import MedicalConfig
from suite_medical_imaging.data.preprocess import View, decode_all, files, opened, square, varied
from suite_medical_imaging.data.tasks import ImageTask, answer, labelled
from suite_medical_imaging.model import losses, models
from suite_medical_imaging.model.calibrate import Calibration, calibrated

KEPT = "medical.json"
"""In a model's folder: the task, how pictures are shown to it, and how its answers are read."""


@dataclass(eq=False, kw_only=True)
class MedicalModel(Model):
    """A classifier of pictures. `class_weights` (classes,) float32 weigh the loss of each class."""

    network: PreTrainedModel
    config: MedicalConfig
    task: ImageTask
    view: View
    calibration: Calibration
    class_weights: torch.Tensor

    # ---- examples ------------------------------------------------------------------------------------------------

    def prepare(self, rows: Dataset, stage: Stage) -> Sequence[dict[str, Any]]:
        """Each picture decoded once, (size, size, C) uint8, with its reference where the row has a label."""
        decoded = decode_all(*files(rows), self.view)
        known = "label" in rows.column_names or set(self.task.classes) <= set(rows.column_names)
        return [
            {
                "pixels": picture.pixels,
                "facts": picture.facts,
                "reference": self.task.reference(row) if known else None,
            }
            for picture, row in zip(decoded, labelled(rows), strict=True)
        ]

    def augment(self, example: dict[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """Turned, moved, scaled, brightened."""
        if not self.config.augment:
            return example
        return example | {"pixels": varied(example["pixels"], generator, mirror=self.config.mirror)}

    def inputs(self, argument: str) -> list[dict[str, Any]]:
        """One file; of several frames the middle one. Raises `SuiteError` if there is none or it can't be read."""
        path = Path(argument).expanduser()
        if not path.is_file():
            raise SuiteError(f"There is no file {argument!r}; give a DICOM, NIfTI, PNG, JPEG or TIFF file.")
        pixels = square(opened(path, -1).values, self.view.size, self.view.fit)
        return [{"pixels": pixels, "reference": None, "path": str(path)}]

    def collate(self, examples: Sequence[dict[str, Any]]) -> Batch:
        """`pixel_values` (N, 3, S, S) float32; `labels` (N, classes) float32 of 1, 0 or NaN where all are labelled."""
        batch: Batch = {"pixel_values": models.batched([example["pixels"] for example in examples], self.view)}
        references = [example["reference"] for example in examples]
        if all(reference is not None for reference in references):
            batch["labels"] = torch.tensor([self.task.target(reference) for reference in references])
        return batch

    def targets(self, examples: Sequence[dict[str, Any]]) -> np.ndarray:
        """(N, classes) float64: 1, 0 or NaN for what each example is."""
        return np.array([self.task.target(example["reference"]) for example in examples])

    # ---- training ------------------------------------------------------------------------------------------------

    def loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """See `losses.loss`."""
        labels = batch["labels"]
        weights = self.class_weights.to(labels.device)
        logits = models.logits(network, batch["pixel_values"])
        return losses.loss(logits, labels, self.task, weights=weights, focal=self.config.imbalance == "focal")

    def count(self, batch: Batch) -> int:
        """Known labels of a multi-label task, else pictures."""
        return int(losses.known(batch["labels"], self.task))

    def calibrate(self, predictions: Sequence[Prediction], references: Sequence[Any]) -> Self:
        """Temperature, thresholds and conformal cutoffs, from the validation split."""
        given = np.array([list(prediction["probabilities"].values()) for prediction in predictions])
        calibration = calibrated(
            self.calibration.undo(given, many=self.task.many),
            np.array([self.task.target(reference) for reference in references]),
            self.task.kind,
            specificity=self.config.specificity,
            coverage=self.config.coverage,
        )
        return replace(self, calibration=calibration)

    def save(self, path: Path) -> None:
        """Weights and config as `save_pretrained` writes them, the processor's values, and `medical.json`."""
        super().save(path)
        kept = {"task": self.task.to_json(), "view": self.view.to_json(), "calibration": self.calibration.to_json()}
        (path / KEPT).write_text(json.dumps(kept, indent=2) + "\n")
        (path / "preprocessor_config.json").write_text(json.dumps(self.view.processor(), indent=2) + "\n")

    # ---- answers -------------------------------------------------------------------------------------------------

    def infer(self, batch: Batch) -> list[Prediction]:
        """Calibrated probabilities, what is called at the threshold, and what cannot be ruled out."""
        logits = models.logits(self.network, batch["pixel_values"])
        probabilities = losses.probabilities(logits, self.task).detach().cpu().numpy()
        return self.answers(self.calibration.apply(probabilities, many=self.task.many))

    def answers(self, scores: np.ndarray) -> list[Prediction]:
        """Predictions from calibrated probabilities (N, classes)."""
        kept = self.calibration.kept(scores, self.config.coverage)
        thresholds = [self.calibration.threshold(place) for place in range(len(self.task.classes))]
        return [answer(self.task, row, sets, thresholds) for row, sets in zip(scores, kept, strict=True)]
