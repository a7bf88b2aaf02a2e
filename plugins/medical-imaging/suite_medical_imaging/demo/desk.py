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
from suite_medical_imaging.demo import cards, views
from suite_medical_imaging.demo.examples import Known

if TYPE_CHECKING:
    from suite_medical_imaging.domain import MedicalImagingDomain

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


class Desk:
    """What the handlers share: the domain, who answers, and the examples once they have been made."""

    def __init__(self, domain: MedicalImagingDomain, predictor: Predictor) -> None:
        self.domain, self.predictor = domain, predictor
        self.examples: list[Known] = []

    def examine(self, path: str | Path | None, frame: int = -1, known: int | None = None) -> Answer:
        """Reads, asks, explains. Raises `SuiteError` for a file that cannot be shown, or without one."""
        picture, example, frame, frames = self._opened(path, frame)
        (prediction,) = self.predictor([example])
        target = place_of(self.domain, prediction)
        heat = self._heat(example, target)
        told = self.examples[known] if known is not None else None
        mask = self._mask(told)
        images = {
            "stored": views.as_stored(picture),
            "seen": views.as_seen(example["pixels"]),
            "looked": views.overlaid(example["pixels"], heat, mask),
        }
        hot = self.domain.task.classes[target] if heat.max() > 0 else ""
        return Answer(
            path=Path(str(path)),
            frame=frame,
            frames=frames,
            prediction=prediction,
            card=cards.answer_card(self.domain, prediction, self._truth(told, prediction, heat, mask)),
            views=cards.views_card(images, hot, example["facts"], outlined=mask is not None),
            facts=example["facts"],
            known=known,
        )

    def classify(self, path: str | None, frame: int = -1) -> dict[str, Any]:
        """The answer as data, for scripts."""
        _, example, *_ = self._opened(path, frame)
        (prediction,) = self.predictor([example])
        limits = cards.thresholds(self.domain)
        more = {"thresholds": limits, "calibrated": bool(self.domain.calibration.thresholds)}
        return {"warning": "not for clinical use", **prediction, **more, "facts": example["facts"]}

    def correct(self, answer: Answer | None, label: str | Sequence[str] | None) -> Markup:
        """Stores the right label of what was answered, and says so. Raises `SuiteError` where none was chosen."""
        if answer is None:
            raise SuiteError(NOTHING)
        task = self.domain.task
        names = [label] if isinstance(label, str) else list(label or [])
        if not task.many and len(names) != 1:
            raise SuiteError(UNSAID)
        if not names and not self.domain.config.labels:
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
        return Corrections(self.domain.name, self.domain.config.output)

    def _opened(self, path: str | Path | None, frame: int) -> tuple[Any, dict[str, Any], int, int]:
        """The picture, the example to ask with, which frame it is, and of how many."""
        from suite_medical_imaging.data.preprocess import square
        from suite_medical_imaging.readers.pixels import open_picture

        if not path:
            raise SuiteError(NOTHING)
        _ = self.predictor.model  # it must be there before its view is asked for
        picture, view = open_picture(Path(path), frame=frame), self.domain.view
        pixels = square(picture.values, view.size, view.fit)
        place, _, count = picture.facts.get("frame", "1 of 1").partition(" of ")
        facts = {**picture.facts, "model sees": f"{view.size} x {view.size}"}
        return picture, {"pixels": pixels, "facts": facts, "reference": None}, int(place) - 1, int(count)

    def _heat(self, example: dict[str, Any], target: int) -> np.ndarray:
        from suite_medical_imaging.model.explain import heat_map

        model = self.predictor.model
        pixels = self.domain.collate([example])["pixel_values"].to(next(model.parameters()).device)
        return heat_map(model, pixels, target, many=self.domain.task.many).numpy()

    def _mask(self, known: Known | None) -> np.ndarray | None:
        """The lesion's mask in the model's own square (S, S)."""
        from suite_medical_imaging.data.preprocess import square

        mask = known.mask_pixels() if known else None
        view = self.domain.view
        return None if mask is None else square(mask[..., None].astype(np.float32), view.size, view.fit)[..., 0] > 127

    def _truth(self, known: Known | None, prediction: Prediction, heat: np.ndarray, mask: np.ndarray | None) -> Content:
        if known is None:
            return ""
        agrees = known.label == prediction["label"] if known.label in self.domain.task.classes else None
        inside = bool(mask[views.peak(heat)]) if mask is not None and heat.max() > 0 else None
        return cards.truth_line(known.label, agrees=agrees, inside=inside)

    def _columns(self, names: Sequence[str]) -> dict[str, Any]:
        """An answer in the columns that training reads: one for each label, or one for all."""
        from suite_medical_imaging.model.tasks import BETWEEN

        if self.domain.config.labels:
            return {name: int(name in names) for name in self.domain.task.classes}
        return {"label": BETWEEN.join(names)}

    def _patient(self, answer: Answer) -> str:
        """Whose it is, so that splits share nobody; where no header tells, every file is a patient."""
        from suite_medical_imaging.readers import dicom

        if answer.known is not None:
            return self.examples[answer.known].patient
        content = answer.path.read_bytes()
        told = (
            dicom.identifiers(answer.path.open("rb"), name=answer.path.name)[0]
            if dicom.is_dicom(content[:352])
            else None
        )
        return told or f"file {hashlib.sha256(content).hexdigest()[:12]}"


def place_of(domain: MedicalImagingDomain, prediction: Prediction) -> int:
    """The class a map is drawn for: of a binary task the positive one, else the most probable."""
    if domain.task.kind == "binary":
        return 1
    values = list(prediction["probabilities"].values())
    return values.index(max(values))
