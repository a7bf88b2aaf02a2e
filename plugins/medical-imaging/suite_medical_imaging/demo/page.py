"""The Demo tab: a picture, what the model makes of it, where it looked, and the file as it was stored.

Building the tab needs no model: that loads at the first question. A `SuiteError` of a handler becomes a message on the
page, because the app wraps every handler. Pictures reach the page inside its HTML, and a file only when a correction
is stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from suite import Corrections, Prediction, Predictor, SuiteError
from suite_medical_imaging.demo import cards, views
from suite_medical_imaging.demo.examples import Known, known_examples

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
    card: str
    views: str
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
            "stored": views.data_uri(views.as_stored(picture)),
            "seen": views.data_uri(views.as_seen(example["pixels"])),
            "looked": views.data_uri(views.overlaid(example["pixels"], heat, mask)),
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

    def correct(self, answer: Answer | None, label: str | Sequence[str] | None) -> str:
        """Stores the right label of what was answered; HTML that says so. Raises `SuiteError` where none was chosen."""
        if answer is None:
            raise SuiteError(NOTHING)
        task = self.domain.task
        names = [label] if isinstance(label, str) else list(label or [])
        if not task.many and len(names) != 1:
            raise SuiteError(UNSAID)
        if not names and not self.domain.config.labels:
            raise SuiteError("Choose at least one label: a row without any is taken for one that nobody has labelled.")
        said = answer.prediction["label"]
        store = self.corrections
        store.add(
            {"patient": self._patient(answer), "frame": answer.frame},
            source=f"example {answer.path.name}" if answer.known is not None else "upload",
            model=self.predictor.source or self.domain.starter.model,
            before=self._columns([said] if isinstance(said, str) else said),
            after=self._columns(names),
            files={"image": answer.path},
        )
        return cards.stored_card(len(store.read()), cards.listed(names))

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

    def _truth(self, known: Known | None, prediction: Prediction, heat: np.ndarray, mask: np.ndarray | None) -> str:
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


def build_demo(domain: MedicalImagingDomain, predictor: Predictor) -> None:
    """Draws the tab inside an open Blocks."""
    import gradio as gr

    desk, welcome = Desk(domain, predictor), cards.WELCOME
    gr.HTML(cards.STYLE + cards.WARNING, elem_id="medical-warning", padding=False, elem_classes="suite-flush")
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            shelf = gr.HTML(padding=False, elem_classes="suite-flush")
            gallery = gr.Gallery(
                label="Slices to try",
                show_label=False,
                columns=4,
                height="auto",
                allow_preview=False,
                interactive=False,
                visible=False,
                buttons=[],
                elem_id="medical-examples",
            )
            file = gr.File(label="Your own: DICOM, NIfTI, PNG, JPEG, TIFF", type="filepath", height=180)
            frame = gr.Slider(0, 1, step=1, label="Frame or slice of the file", visible=False)
        with gr.Column(scale=3, min_width=320):
            card = gr.HTML(welcome, elem_id="medical-answer", padding=False, elem_classes="suite-flush")
    shown = gr.HTML(elem_id="medical-views", padding=False, elem_classes="suite-flush")
    answered = gr.State(None)
    with gr.Accordion("Correct this answer", open=False, visible=False) as correcting:
        gr.HTML(cards.keeping(str(desk.corrections.path.parent)), padding=False, elem_classes="suite-flush")
        one = gr.Radio([], label="What does it show?", elem_id="medical-right")
        several = gr.CheckboxGroup([], label="What does it show?", visible=False)
        store = gr.Button("Store the correction")
        stored = gr.HTML(elem_id="medical-stored", padding=False, elem_classes="suite-flush")
    with gr.Accordion("As data", open=False):
        data = gr.JSON(label="Answer", show_label=False)
    outputs = [answered, card, shown, frame, correcting, one, several, stored, data]

    def start() -> list[Any]:
        desk.examples = known_examples()
        pictures = [(str(known.picture), known.caption) for known in desk.examples]
        shown = gr.Gallery(value=_thumbnails(pictures), visible=bool(pictures))
        return [cards.EXAMPLES if pictures else cards.NO_EXAMPLES, shown]

    def page(answer: Answer) -> list[Any]:
        task = desk.domain.task
        slider = gr.Slider(maximum=max(1, answer.frames - 1), value=answer.frame, visible=answer.frames > 1)
        choice: dict[str, Any] = {"choices": list(task.classes), "value": None}
        return [
            answer,
            answer.card,
            answer.views,
            slider,
            gr.Accordion(visible=True, open=False),
            gr.Radio(**choice, visible=not task.many),
            gr.CheckboxGroup(**choice | {"value": []}, visible=task.many),
            "",
            {**answer.prediction, "facts": answer.facts},
        ]

    def uploaded(path: str | None) -> list[Any]:
        return page(desk.examine(path))

    def picked(event: Any) -> list[Any]:
        return [None, *page(desk.examine(desk.examples[event.index].path, known=event.index))]

    picked.__annotations__["event"] = gr.SelectData  # by which Gradio knows what to pass; it is imported here only

    def turned(answer: Answer | None, place: float) -> Any:
        if answer is None:
            return gr.skip()
        found = page(desk.examine(answer.path, int(place), answer.known))
        found[outputs.index(frame)] = gr.skip()  # it may have been moved on meanwhile
        return found

    def cleared() -> list[Any]:
        hidden = gr.Slider(visible=False), gr.Accordion(visible=False)
        return [None, welcome, "", *hidden, gr.Radio(value=None), gr.CheckboxGroup(value=[]), "", None]

    def correct(answer: Answer | None, label: str | None, labels: list[str]) -> Any:
        if not desk.domain.task.many and not label:
            gr.Info(UNSAID, title="")  # an error would be written over the form as well
            return gr.skip()
        return desk.correct(answer, labels if desk.domain.task.many else label)

    def medical_imaging_classify(path: str, frame: float = -1) -> dict[str, Any]:
        """Classifies a medical picture (DICOM, NIfTI, PNG, JPEG, TIFF); frame -1 is the middle one. Not for clinics."""
        return desk.classify(path, int(frame))

    # One at a time: hooks that record a heat map hang on the one model, and it keeps every core busy.
    limits: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "medical-imaging", "show_progress_on": card}
    private: dict[str, Any] = {"api_visibility": "private"}
    gr.on(None, start, None, [shelf, gallery], show_progress="hidden", **private)
    # Cleared first: where the new file cannot be read, the old answer must not stand beside its name.
    fresh = file.upload(cleared, None, outputs, show_progress="hidden", **private)
    fresh.then(uploaded, file, outputs, **limits, **private)
    file.clear(cleared, None, outputs, **private)
    gallery.select(picked, None, [file, *outputs], **limits, **private)
    # Not `release`, which the keyboard never causes, nor `change`, which the answer itself would.
    frame.input(turned, [answered, frame], outputs, trigger_mode="always_last", **limits, **private)
    store.click(correct, [answered, one, several], stored, **private)
    # Through the file component the endpoint reads what was uploaded to it, and no other file of the server.
    where = gr.Number(-1, precision=0, visible=False)
    ask = gr.Button(visible=False)
    ask.click(medical_imaging_classify, [file, where], data, api_name="medical_imaging_classify", **limits)


def _thumbnails(pictures: Sequence[tuple[str, str]]) -> list[tuple[Any, str]]:
    from PIL import Image

    return [(Image.open(path).convert("RGB"), caption) for path, caption in pictures]
