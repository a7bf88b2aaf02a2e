"""The Demo tab: a picture, what the model makes of it, where it looked, and the file as it was stored.

Building the tab needs no model: that loads at the first question. A `SuiteError` of a handler becomes a message on the
page, because the app wraps every handler. Pictures reach the page inside its HTML, and a file only when a correction
is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from suite import Predictor
from suite.demo import CorrectionForm, panel, stylesheet
from suite_medical_imaging.demo import cards
from suite_medical_imaging.demo.examples import known_examples
from suite_medical_imaging.demo.session import UNSAID, Answer, DemoSession

PRIVATE: dict[str, Any] = {"api_visibility": "private"}


@dataclass(frozen=True)
class Parts:
    """The components that handlers read and write."""

    shelf: gr.HTML
    gallery: gr.Gallery
    file: gr.File
    frame: gr.Slider
    card: gr.HTML
    views: gr.HTML
    answered: gr.State
    correcting: gr.Accordion
    form: CorrectionForm
    stored: gr.HTML
    data: gr.JSON

    @property
    def outputs(self) -> list[Any]:
        """What an answer fills, in the order of `page_of`."""
        form = [self.correcting, *self.form.inputs, self.stored]
        return [self.answered, self.card, self.views, self.frame, *form, self.data]

    @property
    def limits(self) -> dict[str, Any]:
        """One at a time: hooks that record a heat map hang on the one model, and it keeps every core busy."""
        return {"concurrency_limit": 1, "concurrency_id": "medical-imaging", "show_progress_on": self.card}


def build(predictor: Predictor) -> None:
    """Draws the tab inside an open Blocks."""
    session = DemoSession(predictor)
    parts = _drawn(session)
    _examines(session, parts)
    _corrects(session, parts)
    _serves(session, parts)


def _drawn(session: DemoSession) -> Parts:
    stylesheet(Path(__file__).with_name("page.css"))
    panel(cards.WARNING, elem_id="medical-warning")
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            shelf = panel()
            gallery = gr.Gallery(
                label="Slices to try", show_label=False, columns=4, height="auto", allow_preview=False,
                interactive=False, visible=False, buttons=[], elem_id="medical-examples",
            )  # fmt: skip
            file = gr.File(label="Your own: DICOM, NIfTI, PNG, JPEG, TIFF", type="filepath", height=180)
            frame = gr.Slider(0, 1, step=1, label="Frame or slice of the file", visible=False)
        with gr.Column(scale=3, min_width=320):
            card = panel(cards.WELCOME, elem_id="medical-answer")
    shown = panel(elem_id="medical-views")
    with gr.Accordion("Correct this answer", open=False, visible=False) as correcting:
        panel(cards.keeping(str(session.corrections.path.parent)))
        labels = {"label": "What does it show?"}
        form = CorrectionForm(
            session.predictor.task.domain.columns, ["label"], labels=labels, elem_id="medical", visible=True
        )
        stored = panel(elem_id="medical-stored")
    with gr.Accordion("As data", open=False):
        data = gr.JSON(label="Answer", show_label=False)
    return Parts(shelf, gallery, file, frame, card, shown, gr.State(None), correcting, form, stored, data)


def page_of(session: DemoSession, parts: Parts, answer: Answer) -> list[Any]:
    """The values of `Parts.outputs` for an answer."""
    task = session.model.task
    slider = gr.Slider(maximum=max(1, answer.frames - 1), value=answer.frame, visible=answer.frames > 1)
    fields = parts.form.ask(choices={"label": task.classes}, several=("label",) if task.many else ())
    form = [gr.Accordion(visible=True, open=False), *fields, ""]
    return [answer, answer.card, answer.views, slider, *form, {**answer.prediction, "facts": answer.facts}]


def _examines(session: DemoSession, parts: Parts) -> None:
    """An example, a file or another frame of it is answered."""

    def start() -> list[Any]:
        session.examples = known_examples()
        pictures = [(str(known.picture), known.caption) for known in session.examples]
        shown = gr.Gallery(value=_thumbnails(pictures), visible=bool(pictures))
        return [cards.EXAMPLES if pictures else cards.NO_EXAMPLES, shown]

    def uploaded(path: str | None) -> list[Any]:
        return page_of(session, parts, session.examine(path))

    def picked(event: gr.SelectData) -> list[Any]:
        place = int(event.index)
        return [None, *page_of(session, parts, session.examine(session.examples[place].path, known=place))]

    def turned(answer: Answer | None, place: float) -> Any:
        if answer is None:
            return gr.skip()
        updates = page_of(session, parts, session.examine(answer.path, int(place), answer.known))
        updates[parts.outputs.index(parts.frame)] = gr.skip()  # it may have been moved on meanwhile
        return updates

    def cleared() -> list[Any]:
        form = [gr.Accordion(visible=False), *parts.form.ask(), ""]
        return [None, cards.WELCOME, "", gr.Slider(visible=False), *form, None]

    gr.on(None, start, None, [parts.shelf, parts.gallery], show_progress="hidden", **PRIVATE)
    # Cleared first: where the new file cannot be read, the old answer must not stand beside its name.
    fresh = parts.file.upload(cleared, None, parts.outputs, show_progress="hidden", **PRIVATE)
    fresh.then(uploaded, parts.file, parts.outputs, **parts.limits, **PRIVATE)
    parts.file.clear(cleared, None, parts.outputs, **PRIVATE)
    parts.gallery.select(picked, None, [parts.file, *parts.outputs], **parts.limits, **PRIVATE)
    # Not `release`, which the keyboard never causes, nor `change`, which the answer itself would.
    asked = [parts.answered, parts.frame]
    parts.frame.input(turned, asked, parts.outputs, trigger_mode="always_last", **parts.limits, **PRIVATE)


def _corrects(session: DemoSession, parts: Parts) -> None:
    """What somebody says the picture shows is stored."""

    def correct(answer: Answer | None, said: dict[str, Any]) -> Any:
        if not session.model.task.many and not said["label"]:
            gr.Info(UNSAID, title="")  # an error would be written over the form as well
            return gr.skip()
        return session.correct(answer, said["label"])

    parts.form.on_store(correct, [parts.answered], [parts.stored], **PRIVATE)


def _serves(session: DemoSession, parts: Parts) -> None:
    """The endpoint for programs."""

    def medical_imaging_classify(path: str, frame: float = -1) -> dict[str, Any]:
        """Classifies a medical picture (DICOM, NIfTI, PNG, JPEG, TIFF); frame -1 is the middle one. Not for clinics."""
        return session.classify(path, int(frame))

    # Through the file component the endpoint reads what was uploaded to it, and no other file of the server.
    where = gr.Number(-1, precision=0, visible=False)
    ask = gr.Button(visible=False)
    given = [parts.file, where]
    ask.click(medical_imaging_classify, given, parts.data, api_name="medical_imaging_classify", **parts.limits)


def _thumbnails(pictures: Sequence[tuple[str, str]]) -> list[tuple[Any, str]]:
    return [(Image.open(path).convert("RGB"), caption) for path, caption in pictures]
