"""What the demo's handlers share: a picture is read, asked about and explained; its right label is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from suite import Corrections, Prediction, Predictor, SuiteError
from suite.demo import Content, Markup, listed, store_correction, stored
from suite_medical_imaging.data.preprocess import square
from suite_medical_imaging.data.tasks import BETWEEN
from suite_medical_imaging.demo import cards, views
from suite_medical_imaging.demo.examples import Known
from suite_medical_imaging.readers import dicom
from suite_medical_imaging.readers.pixels import open_picture

if TYPE_CHECKING:
    from suite_medical_imaging.model.model import MedicalModel

NOTHING = "Choose a picture first: DICOM, NIfTI, PNG, JPEG or TIFF."
UNSAID = "Choose what the picture shows."


@dataclass(frozen=True)
class Answer:
    """One answer, as the page shows it and as a correction needs it. `known` is the example's number, or None."""

    path: Path
    frame: int
    frames: int
    prediction: Prediction
    card: Markup
    views: Markup
    facts: dict[str, Any]
    known: int | None = None


class DemoSession:
    """What the handlers share: who answers, and the examples once they have been made."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.examples: list[Known] = []

    @property
    def model(self) -> MedicalModel:
        """The model that answers, loaded at the first question."""
        model: Any = self.predictor.model
        return model

    def examine(self, path: str | Path | None, frame: int = -1, known: int | None = None) -> Answer:
        """Reads, asks, explains. Raises `SuiteError` for a file that cannot be shown, or without one."""
        picture, example, frame, frames = self._opened(path, frame)
        (prediction,) = self.predictor([example])
        target = place_of(self.model, prediction)
        heat = self._heat(example, target)
        example_known = self.examples[known] if known is not None else None
        mask = self._mask(example_known)
        images = {
            "stored": views.as_stored(picture),
            "seen": views.as_seen(example["pixels"]),
            "looked": views.overlaid(example["pixels"], heat, mask),
        }
        hot = self.model.task.classes[target] if heat.max() > 0 else ""
        return Answer(
            path=Path(str(path)),
            frame=frame,
            frames=frames,
            prediction=prediction,
            card=cards.answer_card(self.model, prediction, self._truth(example_known, prediction, heat, mask)),
            views=cards.views_card(images, hot, example["facts"], outlined=mask is not None),
            facts=example["facts"],
            known=known,
        )

    def classify(self, path: str | None, frame: int = -1) -> dict[str, Any]:
        """The answer as data, for scripts."""
        _, example, *_ = self._opened(path, frame)
        (prediction,) = self.predictor([example])
        limits = cards.thresholds(self.model)
        more = {"thresholds": limits, "calibrated": bool(self.model.calibration.thresholds)}
        return {"warning": "not for clinical use", **prediction, **more, "facts": example["facts"]}

    def correct(self, answer: Answer | None, label: str | Sequence[str] | None) -> Markup:
        """Stores the right label of what was answered, and says so. Raises `SuiteError` where none was chosen."""
        if answer is None:
            raise SuiteError(NOTHING)
        task = self.model.task
        names = [label] if isinstance(label, str) else list(label or [])
        if not task.many and len(names) != 1:
            raise SuiteError(UNSAID)
        if not names and not self.predictor.task.config.labels:
            raise SuiteError("Choose at least one label: a row without any is taken for one that nobody has labelled.")
        said = answer.prediction["label"]
        count = store_correction(
            self.predictor,
            {"patient": self._patient(answer), "frame": answer.frame},
            source=f"example {answer.path.name}" if answer.known is not None else "upload",
            before=self._columns([said] if isinstance(said, str) else said),
            after=self._columns(names),
            files={"image": answer.path},
        )
        return stored(self.predictor, f"Stored as {listed(names) or 'none of the labels'}.", count)

    @property
    def corrections(self) -> Corrections:
        """Where corrections go: below the folder of runs."""
        return Corrections(self.predictor.task.domain.name, self.predictor.task.config.output)

    def _opened(self, path: str | Path | None, frame: int) -> tuple[Any, dict[str, Any], int, int]:
        """The picture, the example to ask with, which frame it is, and of how many."""
        if not path:
            raise SuiteError(NOTHING)
        picture, view = open_picture(Path(path), frame=frame), self.model.view
        pixels = square(picture.values, view.size, view.fit)
        place, _, count = picture.facts.get("frame", "1 of 1").partition(" of ")
        facts = {**picture.facts, "model sees": f"{view.size} x {view.size}"}
        return picture, {"pixels": pixels, "facts": facts, "reference": None}, int(place) - 1, int(count)

    def _heat(self, example: dict[str, Any], target: int) -> np.ndarray:
        from suite_medical_imaging.model.explain import heat_map  # torch: the page is built without it

        network = self.model.network
        pixels = self.model.collate([example])["pixel_values"].to(network.device)
        return heat_map(network, pixels, target, many=self.model.task.many).numpy()

    def _mask(self, known: Known | None) -> np.ndarray | None:
        """The lesion's mask in the model's own square (S, S)."""
        mask = known.mask_pixels() if known else None
        view = self.model.view
        return None if mask is None else square(mask[..., None].astype(np.float32), view.size, view.fit)[..., 0] > 127

    def _truth(self, known: Known | None, prediction: Prediction, heat: np.ndarray, mask: np.ndarray | None) -> Content:
        if known is None:
            return ""
        agrees = known.label == prediction["label"] if known.label in self.model.task.classes else None
        inside = bool(mask[views.peak(heat)]) if mask is not None and heat.max() > 0 else None
        return cards.truth_line(known.label, agrees=agrees, inside=inside)

    def _columns(self, names: Sequence[str]) -> dict[str, Any]:
        """An answer in the columns that training reads: one for each label, or one for all."""
        if self.predictor.task.config.labels:
            return {name: int(name in names) for name in self.model.task.classes}
        return {"label": BETWEEN.join(names)}

    def _patient(self, answer: Answer) -> str:
        """Whose it is, so that splits share nobody; where no header tells, every file is a patient."""
        if answer.known is not None:
            return self.examples[answer.known].patient
        content = answer.path.read_bytes()
        patient = (
            dicom.identifiers(answer.path.open("rb"), name=answer.path.name)[0]
            if dicom.is_dicom(content[:352])
            else None
        )
        return patient or f"file {hashlib.sha256(content).hexdigest()[:12]}"


def place_of(model: MedicalModel, prediction: Prediction) -> int:
    """The class a map is drawn for: of a binary task the positive one, else the most probable."""
    if model.task.kind == "binary":
        return 1
    values = list(prediction["probabilities"].values())
    return values.index(max(values))
