"""The domain: labelled pictures in, calibrated probabilities out. Heavy parts are imported where they are used."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from suite import (
    Batch,
    Column,
    Columns,
    Domain,
    Finding,
    Prediction,
    Predictor,
    Section,
    Space,
    Splits,
    SuiteError,
    TrainConfig,
)
from suite_medical_imaging.config import MedicalConfig
from suite_medical_imaging.data.names import IMAGE_ALIASES, LABEL_ALIASES, PATIENT_ALIASES
from suite_medical_imaging.model.tasks import Reference, Task, labelled, refuse_unknown, task_of
from suite_medical_imaging.starter.assets import STARTER

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

    from suite_medical_imaging.data.preprocess import View
    from suite_medical_imaging.evaluation.calibrate import Calibration

KEPT = "medical.json"
"""In a model's folder: the task, how pictures are shown to it, and how its answers are read."""
_SAID: set[str] = set()


def _columns(*, labelled: bool) -> Columns:
    return Columns(
        (
            Column("image", "image", "DICOM, NIfTI, PNG, JPEG or TIFF", aliases=IMAGE_ALIASES),
            Column("label", "category", "what it shows", required=labelled, aliases=LABEL_ALIASES),
            Column("patient", "id", "whose it is; splits share none", required=False, aliases=PATIENT_ALIASES),
            Column(
                "frame", "number", "which frame or slice of the file, from 0", required=False, aliases=("slice_index",)
            ),
        ),
        group="patient",
    )


class MedicalImagingDomain(Domain):
    """Classifies medical images. `task`, `view` and `calibration` belong to the loaded model."""

    name = "medical-imaging"
    title = "Medical imaging"
    pipeline_tag = "image-classification"
    Config: ClassVar[type[TrainConfig]] = MedicalConfig
    columns = _columns(labelled=True)
    metric = "auroc"
    starter = STARTER
    space = Space("What a scan shows, how sure, and where it looked", "🩻")
    lora_targets = ("query", "value")
    limits = (
        "**Not for clinical use.** It is a tool for research and teaching, no medical device, and nobody has tested it "
        "on patients. It answers every picture, also one of another organ, another scanner or a holiday: what its "
        "training pictures did not show, it does not know, and its stated probabilities and conformal sets hold for "
        "pictures like the validation ones only.\n\n"
        "A heat map shows what moved the answer, not why, and not that the answer is right. The audit for shortcuts "
        "tries three; a model may have found another. Figures of the starter are of slices of one average brain, and "
        "its lesions are simulated: they show that the method works and say nothing about any disease."
    )

    def __init__(self, config: TrainConfig | None = None) -> None:
        super().__init__(config)
        if self.config.labels:  # a multi-label table has a column per label
            self.columns = _columns(labelled=False)  # type: ignore[misc]  # of this instance only
        self.task = Task("", ())
        self.frozen_only = False
        """Set by whoever wants nothing but a pretrained model's features: no probe is fitted to its head."""

    # ---- data --------------------------------------------------------------------------------------------------------

    def read(self, path: Path) -> Dataset | None:
        """A folder or table that may name DICOM and NIfTI files; what only holds pictures is left to the core."""
        from suite_medical_imaging.data.rows import read_rows

        return read_rows(path)

    def check(self, rows: Dataset) -> Iterable[Finding]:
        """What cannot be read, what the task is taken to be, one class only, labels that contradict the config."""
        from suite_medical_imaging.data.quality import unreadable

        try:
            task = task_of(rows, self.config)
            for row in labelled(rows):
                task.reference(row)
        except SuiteError as error:
            yield Finding("error", str(error))
            return
        yield Finding("note", task.describe())
        yield from unreadable(rows)

    def split(self, rows: Dataset) -> Splits:
        """As the core does; raises `SuiteError` if a class is in no training row, and warns of twins across splits."""
        splits = super().split(rows)
        known = task_of(splits["train"], self.config)
        refuse_unknown(splits["train"], known)
        for name in ("validation", "test"):
            for row in labelled(splits[name]):
                known.reference(row)
        _warn_of_twins(splits)
        return splits

    def prepare(self, rows: Dataset, model: torch.nn.Module, *, training: bool) -> Sequence[dict[str, Any]]:
        """Each picture decoded once, (size, size, C) uint8, with its reference where the row has a label."""
        from suite_medical_imaging.data.preprocess import decode_all, files

        decoded = decode_all(*files(rows), self.view)
        known = "label" in rows.column_names or set(self.task.classes) <= set(rows.column_names)
        return [
            {
                "pixels": one.pixels,
                "facts": one.facts,
                "reference": self.task.reference(row) if known else None,
            }
            for one, row in zip(decoded, labelled(rows), strict=True)
        ]

    def augment(self, example: dict[str, Any], generator: np.random.Generator) -> dict[str, Any]:
        """Turned, moved, scaled, brightened."""
        from suite_medical_imaging.data.preprocess import varied

        if not self.config.augment:
            return example
        return example | {"pixels": varied(example["pixels"], generator, mirror=self.config.mirror)}

    def collate(self, examples: Sequence[dict[str, Any]]) -> Batch:
        """`pixel_values` (N, 3, S, S) float32; `labels` (N, classes) float32 of 1, 0 or NaN where all are labelled."""
        import torch

        from suite_medical_imaging.data.preprocess import square
        from suite_medical_imaging.model.models import batched

        pixels = [
            example["pixels"] if "pixels" in example else square(example["values"], self.view.size, self.view.fit)
            for example in examples
        ]
        batch: Batch = {"pixel_values": batched(pixels, self.view)}
        references = [example["reference"] for example in examples]
        if all(reference is not None for reference in references):
            batch["labels"] = torch.tensor([self.task.target(reference) for reference in references])
        return batch

    def inputs(self, argument: str) -> list[dict[str, Any]]:
        """One file; of several frames the middle one. Asked before there is a model to see it: see `collate`."""
        from suite_medical_imaging.data.preprocess import opened

        path = Path(argument).expanduser()
        if not path.is_file():
            raise SuiteError(f"There is no file {argument!r}; give a DICOM, NIfTI, PNG, JPEG or TIFF file.")
        return [{"values": opened(path, -1).values, "reference": None, "path": str(path)}]

    # ---- the model ---------------------------------------------------------------------------------------------------

    def load_model(self, source: Path, data: Dataset | None) -> torch.nn.Module:
        """A run's model as it is; a pretrained one with a head fitted to its frozen features of the training rows.

        So "before fine-tuning" is the linear probe, and fine-tuning starts from it. A run's model that is trained on
        keeps its head if the classes are the same.
        """
        from suite_medical_imaging.data.preprocess import View
        from suite_medical_imaging.evaluation.calibrate import Calibration
        from suite_medical_imaging.model import models

        path = source / KEPT
        kept = json.loads(path.read_text()) if path.is_file() else None
        task = task_of(data, self.config) if data is not None else None
        if kept is None and task is None:
            raise SuiteError(f"{source} holds no {KEPT}, so its classes are unknown; give a finished run.")
        if kept is not None and (task is None or task.to_json() == kept["task"]):
            self.task, self.view = Task.from_json(kept["task"]), View.from_json(kept["view"])
            self.calibration = Calibration.from_json(kept["calibration"])
            return self._with_weights(models.load_classifier(source, None), data)
        assert task is not None
        self.task, self.calibration = task, Calibration()
        self.view = View.of_model(source, size=self.config.image_size, fit=self.config.fit)
        model = models.load_classifier(source, task.classes)
        if not self.frozen_only:
            self._start_from_probe(model, data)
        return self._with_weights(model, data)

    view: View
    calibration: Calibration

    def _start_from_probe(self, model: Any, data: Any) -> None:
        from suite_medical_imaging.model import models, probe

        examples = self.prepare(data, model, training=False)
        pixels = [example["pixels"] for example in examples]
        models.adapt_statistics(model, pixels, self.view)
        groups = data["patient"] if "patient" in data.column_names else None
        found = models.features(model, pixels, self.view)
        balanced = self.config.imbalance == "weights"
        probe.Probe(found, self._targets(examples), self.task, groups, balanced=balanced).write(models.head(model))

    def _with_weights(self, model: Any, data: Dataset | None) -> Any:
        """The model, with the loss's class weights kept on the domain."""
        import torch

        from suite_medical_imaging.model.losses import class_weights

        self._weights = torch.ones(len(self.task.classes))
        if self.config.imbalance == "weights" and data is not None:
            targets = [self.task.target(self.task.reference(row)) for row in labelled(data)]
            self._weights = class_weights(targets, self.task)
        return model

    def loss(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """See `losses.loss`."""
        from suite_medical_imaging.model import losses, models

        labels = batch["labels"]
        found = models.logits(model, batch["pixel_values"])
        weights = self._weights.to(labels.device)
        return losses.loss(found, labels, self.task, weights=weights, focal=self.config.imbalance == "focal")

    def count(self, batch: Batch) -> int:
        """Known labels of a multi-label task, else pictures."""
        from suite_medical_imaging.model.losses import known

        return int(known(batch["labels"], self.task))

    def save_model(self, model: torch.nn.Module, path: Path) -> None:
        """Weights and config as `save_pretrained` writes them, the processor's values, and `medical.json`."""
        super().save_model(model, path)
        kept = {"task": self.task.to_json(), "view": self.view.to_json(), "calibration": self.calibration.to_json()}
        (path / KEPT).write_text(json.dumps(kept, indent=2) + "\n")
        (path / "preprocessor_config.json").write_text(json.dumps(self.view.processor(), indent=2) + "\n")

    def portable(self, row: dict[str, Any]) -> dict[str, Any]:
        """The picture as the model sees it and its labels: no header, no patient, no file name."""
        from suite_medical_imaging.data.preprocess import decode, portable

        frame = row.get("frame")
        decoded = decode(row["image"], -1 if frame is None or frame != frame else int(frame), self.view)
        labels = ("label",) if "label" in row else self.task.classes
        return {"image": portable(decoded), "frame": -1, **{name: row[name] for name in labels if name in row}}

    # ---- answers -----------------------------------------------------------------------------------------------------

    def infer(self, model: torch.nn.Module, batch: Batch) -> list[Prediction]:
        """Calibrated probabilities, what is called at the threshold, and what cannot be ruled out."""
        from suite_medical_imaging.model import losses, models

        raw = losses.probabilities(models.logits(model, batch["pixel_values"]), self.task).detach().cpu().numpy()
        return self.answers(self.calibration.apply(raw, many=self.task.many))

    def answers(self, scores: np.ndarray) -> list[Prediction]:
        """Predictions from calibrated probabilities (N, classes)."""
        from suite_medical_imaging.model.tasks import answer

        kept = self.calibration.kept(scores, self.config.coverage)
        thresholds = [self.calibration.threshold(place) for place in range(len(self.task.classes))]
        return [answer(self.task, row, sets, thresholds) for row, sets in zip(scores, kept, strict=True)]

    def reference(self, example: dict[str, Any]) -> Reference:
        """The class, or per label 1, 0 or None."""
        return example["reference"]

    def score(self, prediction: Prediction, reference: Reference) -> dict[str, float | Sequence[float]]:
        """Probabilities and truths, a number per class."""
        return {"p": list(prediction["probabilities"].values()), "y": self.task.target(reference)}

    def metrics(self, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        """See `metrics.measure`."""
        from suite_medical_imaging.evaluation.metrics import measure

        return measure(scores["p"], scores["y"], self.task.kind)

    def calibrate(self, model: torch.nn.Module, predictions: Sequence[Prediction], references: Sequence[Any]) -> None:
        """Temperature, thresholds and conformal cutoffs, from the validation split."""
        from suite_medical_imaging.evaluation.calibrate import calibrated

        given = np.array([list(prediction["probabilities"].values()) for prediction in predictions])
        self.calibration = calibrated(
            self.calibration.undo(given, many=self.task.many),
            np.array([self.task.target(reference) for reference in references]),
            self.task.kind,
            specificity=self.config.specificity,
            coverage=self.config.coverage,
        )

    def baselines(self, splits: Splits, examples: Sequence[dict[str, Any]]) -> dict[str, list[Prediction]]:
        """Nearest neighbours on frozen features, what sees too little to know, and on request a start from scratch."""
        from suite_medical_imaging.evaluation.baselines import rivals

        return rivals(self, splits, examples)

    def analyse(self, systems: Mapping[str, Any], rows: Dataset) -> Iterable[Section]:
        """Calibration, operating points, recalls, conformal sets, shortcuts."""
        from suite_medical_imaging.evaluation.report import Report

        scores = {name: one.scores for name, one in systems.items()}
        return Report(self.task, self.calibration, self.config, scores).sections()

    def _targets(self, examples: Sequence[dict[str, Any]]) -> np.ndarray:
        return np.array([self.task.target(example["reference"]) for example in examples])

    # ---- showing -----------------------------------------------------------------------------------------------------

    def render(self, prediction: Prediction) -> str:
        """The call, then every class with its probability."""
        said = prediction["label"] if isinstance(prediction["label"], str) else ", ".join(prediction["label"]) or "none"
        lines = [f"{name:>20} {value:7.1%}" for name, value in prediction["probabilities"].items()]
        sets = prediction.get("set", [])
        unsure = (
            [f"Cannot be ruled out: {', '.join(sets) or 'nothing fits'}."]
            if len(sets) != 1 and "set" in prediction
            else []
        )
        return "\n".join([f"{said} (not for clinical use)", *lines, *unsure])

    def same(self, expected: Prediction, found: Prediction) -> bool:
        """Whether the probabilities are reproduced; calls and sets follow from them, and may turn at a threshold."""
        return super().same(expected["probabilities"], found["probabilities"])

    def demo(self, predictor: Predictor) -> None:
        """A picture, its probabilities, and where the model looked."""
        from suite_medical_imaging.demo.page import build_demo

        build_demo(self, predictor)

    def demo_call(self, predictor: Predictor) -> tuple[str, Sequence[Any]]:
        """The first example of the demo, its middle frame."""
        from suite_medical_imaging.demo.examples import first

        return "medical_imaging_classify", [first(), -1]


def _warn_of_twins(splits: Splits) -> None:
    """Says each finding once per process, as a run parts its data several times."""
    import click

    from suite_medical_imaging.data.quality import twins

    for finding in twins(splits):
        if finding.message not in _SAID:
            _SAID.add(finding.message)
            click.echo(f"Warning: {finding.message}", err=True)
