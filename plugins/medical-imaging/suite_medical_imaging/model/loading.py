"""From a folder to a model: a finished run's as it is, a pretrained one with a head fitted to the training rows."""

from __future__ import annotations

from pathlib import Path

import torch
from datasets import Dataset

from suite import SuiteError, TrainingData, read_json
from suite_medical_imaging.config import MedicalConfig
from suite_medical_imaging.data.preprocess import View
from suite_medical_imaging.data.tasks import ImageTask, labelled, task_of
from suite_medical_imaging.model import models, probe
from suite_medical_imaging.model.calibrate import Calibration
from suite_medical_imaging.model.losses import class_weights
from suite_medical_imaging.model.model import KEPT, MedicalModel


def load(source: Path, config: MedicalConfig, data: TrainingData | None) -> MedicalModel:
    """A run's model as it is; a pretrained one with a head fitted to its frozen features of the training rows.

    So "before fine-tuning" is the linear probe, and fine-tuning starts from it. A run's model that is trained on
    keeps its head if the classes are the same. Raises `SuiteError` where nothing tells the classes.
    """
    if saved := _saved(source, config, data):
        return saved
    if data is None:
        raise SuiteError(f"{source} holds no {KEPT}, so its classes are unknown; give a finished run.")
    model = _headless(source, config, data)
    _fit_head(model, data.rows)
    return model


def frozen(source: Path, config: MedicalConfig, data: TrainingData) -> MedicalModel:
    """What `load` starts from, for its features alone: nothing is fitted to the head of a pretrained model."""
    return _saved(source, config, data) or _headless(source, config, data)


def _saved(source: Path, config: MedicalConfig, data: TrainingData | None) -> MedicalModel | None:
    """The model of a run's folder; None for another folder, and where the training rows have other classes."""
    path = source / KEPT
    if not path.is_file():
        return None
    kept = read_json(path, fields={"task": dict, "view": dict, "calibration": dict})
    if data is not None and task_of(data.rows, config).to_json() != kept["task"]:
        return None
    task = ImageTask.from_json(kept["task"])
    return MedicalModel(
        network=models.load_classifier(source, None),
        config=config,
        task=task,
        view=View.from_json(kept["view"]),
        calibration=Calibration.from_json(kept["calibration"]),
        class_weights=_class_weights(task, config, data),
    )


def _headless(source: Path, config: MedicalConfig, data: TrainingData) -> MedicalModel:
    """A pretrained network with a head of random weights for the classes of the training rows."""
    task = task_of(data.rows, config)
    return MedicalModel(
        network=models.load_classifier(source, task.classes),
        config=config,
        task=task,
        view=View.of_model(source, size=config.image_size, fit=config.fit),
        calibration=Calibration(),
        class_weights=_class_weights(task, config, data),
    )


def _fit_head(model: MedicalModel, rows: Dataset) -> None:
    examples = model.prepare(rows, "test")
    pixels = [example["pixels"] for example in examples]
    models.adapt_statistics(model.network, pixels, model.view)
    groups = rows["patient"] if "patient" in rows.column_names else None
    features = models.features(model.network, pixels, model.view)
    balanced = model.config.imbalance == "weights"
    head = probe.Probe(features, model.targets(examples), model.task, groups, balanced=balanced)
    head.write(models.head(model.network))


def _class_weights(task: ImageTask, config: MedicalConfig, data: TrainingData | None) -> torch.Tensor:
    if config.imbalance == "weights" and data is not None:
        return class_weights([task.target(task.reference(row)) for row in labelled(data.rows)], task)
    return torch.ones(len(task.classes))
