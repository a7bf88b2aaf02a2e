"""The Demo tab: a picture, and what is on it.

Built before anybody asks a model, so torch stays out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from suite import Predictor, SuiteError
from suite.demo import CorrectionForm, panel, store_correction, stored

from suite_detection.scores import SURE
from suite_detection.starter import drawn, sample_file


def build(predictor: Predictor) -> None:
    """Draws the tab inside an open `gr.Blocks`; a `SuiteError` becomes a message on the page."""
    picture = gr.Image(label="Picture", type="filepath")
    button = gr.Button("Look", variant="primary")
    shown = gr.AnnotatedImage(label="What is there")
    form, box = CorrectionForm(predictor.task.columns, ["objects"]), panel()
    asked, answer = gr.State(""), gr.State({})
    gr.Examples([[drawn(np.random.default_rng(seed), night=True)[0]] for seed in (1, 5, 8)], inputs=picture)

    def look(path: str | None) -> list[Any]:
        if not path:
            raise SuiteError("There is no picture yet; drop one into the box.")
        (prediction,) = predictor.answer(path)
        sure = [thing for thing in prediction["objects"] if thing["confidence"] >= SURE]
        boxes = [([round(value) for value in thing["box"]], thing["label"]) for thing in sure]
        things = [{"box": [round(value, 1) for value in t["box"]], "label": t["label"]} for t in sure]
        return [(path, boxes), prediction, path, gr.Group(visible=True), *form.ask(values={"objects": things})]

    def keep(path: str, prediction: dict[str, Any], said: dict[str, Any]) -> Any:
        if said["objects"] is None:
            raise SuiteError("Write what is on the picture first; [] for nothing.")
        before = {"objects": prediction["objects"]}
        files = {"image": Path(path)}
        count = store_correction(predictor, {}, source="demo", before=before, after=said, files=files)
        return stored(predictor, "Stored.", count)

    button.click(look, picture, [shown, answer, asked, form.box, *form.inputs], api_name="look")
    form.on_store(keep, [asked, answer], [box], api_visibility="private")


def demo_call(predictor: Predictor) -> tuple[str, list[Path]]:
    """A picture that any model of this domain answers; `suite space try` asks it."""
    return "look", [sample_file()]
