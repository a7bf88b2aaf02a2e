"""The Demo tab: pick what you liked, get ten with reasons; describe something new and see who would be shown it.

What is typed lives in the visitor's session: the stored model never changes. torch comes with the handlers' first
use of the model, not when the page is built.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from suite import Prediction, SuiteError
from suite.demo import Markup, panel
from suite_recommendations.demo.cards import WELCOME, cards, placement
from suite_recommendations.demo.session import (
    LONGEST,
    NOTHING,
    TASTES,
    Added,
    Session,
    choices,
    example_tastes,
    invented_item,
    places_of,
)

if TYPE_CHECKING:
    from suite import Predictor
    from suite_recommendations.model.model import RecommenderModel


PRIVATE: dict[str, Any] = {"api_visibility": "private"}


@dataclass(frozen=True)
class Parts:
    """The components that handlers read and write; `added` and `tastes` are the session's items and the examples."""

    liked: gr.Dropdown
    buttons: list[gr.Button]
    go: gr.Button
    title: gr.Textbox
    about: gr.Textbox
    add: gr.Button
    placed: gr.HTML
    shown: gr.HTML
    added: gr.State
    tastes: gr.State


def build(predictor: Predictor) -> None:
    """Draws the tab inside an open Blocks."""
    session, parts = Session(predictor), _drawn()
    _starts(session, parts)
    _recommends(session, parts)
    _invents(session, parts)

    def recommend_api(items: list[str], count: int = 10) -> dict[str, Any]:
        """Recommends for somebody who liked these items (ids or titles, oldest first); names those it does not know."""
        _, prediction = session.answer(items, [])
        ranked = len(prediction["items"])
        if not 1 <= count <= ranked:
            raise SuiteError(f"{count} items were asked for; 1 to {ranked} can be had.")
        columns = zip(prediction["items"], prediction["titles"], prediction["scores"], strict=True)
        reasons = prediction["reasons"] + [""] * len(prediction["items"])
        shown = [
            {"item": item, "title": name, "score": score, "reason": reason}
            for (item, name, score), reason in zip(columns, reasons, strict=False)
        ]
        return {"items": shown[:count], "unknown": prediction.get("unknown", [])}

    gr.api(recommend_api, api_name="recommendations_recommend")


def _drawn() -> Parts:
    states = {"added": gr.State([]), "tastes": gr.State([])}
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            liked = gr.Dropdown(
                label="What did you like? Type to search",
                info="In the order you met them, latest last.",
                choices=[],
                multiselect=True,
                filterable=True,
                elem_id="recommendations-liked",
            )
            buttons = [gr.Button("…", size="sm", visible=False) for _ in range(TASTES)]
            go = gr.Button("Recommend", variant="primary")
            with gr.Group():
                title = gr.Textbox(label="A title that does not exist", max_length=120)
                about = gr.Textbox(label="What is it like? Genres, plot, anything", lines=2, max_length=LONGEST)
            add = gr.Button("Add it to the catalogue and see")
        with gr.Column(scale=3, min_width=320):
            placed = panel(WELCOME, elem_id="recommendations-placed")
            shown = panel(elem_id="recommendations-list")
    return Parts(liked, buttons, go, title, about, add, placed, shown, **states)


def _starts(session: Session, parts: Parts) -> None:
    """The titles to choose from, examples and an invented item, once the page is open and the model is loaded."""

    def start() -> list[Any]:
        model = session.model
        chosen = example_tastes(model)
        names = [f"Try: {model.catalogue.titles[taste[0]]} and alike" for taste in chosen]
        labels = [gr.Button(name, visible=True) for name in names]
        labels += [gr.Button(visible=False)] * (TASTES - len(labels))
        invented = gr.Textbox(value="Steel Comet")
        story = gr.Textbox(value="Space adventure: a young pilot and a stubborn robot race to save a rebel planet")
        return [gr.Dropdown(choices=choices(model, [])), chosen, invented, story, *labels]

    filled = [parts.liked, parts.tastes, parts.title, parts.about, *parts.buttons]
    gr.on(None, start, None, filled, show_progress="minimal", **PRIVATE)


def _recommends(session: Session, parts: Parts) -> None:
    """A taste, picked or an example's, gives a list."""

    def recommend(picked: list[str], new: Added) -> Any:
        if not picked:
            gr.Info(NOTHING, title="")  # an error would be written over the list as well
            return gr.skip()
        return page(*session.answer(picked, new), picked, new)

    def pick(chosen: list[list[int]], new: Added, which: int) -> tuple[list[str], Markup, Markup]:
        ids = [session.model.catalogue.ids[number] for number in chosen[which]]
        return ids, *recommend(ids, new)

    parts.go.click(recommend, [parts.liked, parts.added], [parts.placed, parts.shown], **PRIVATE)
    for number, button in enumerate(parts.buttons):
        asked = [parts.tastes, parts.added, gr.State(number)]
        button.click(pick, asked, [parts.liked, parts.placed, parts.shown], **PRIVATE)


def _invents(session: Session, parts: Parts) -> None:
    """An item that does not exist joins the session's catalogue."""

    def invent(picked: list[str], new: Added, name: str, text: str) -> Any:
        if not picked:
            gr.Info(NOTHING, title="")
            return gr.skip()
        new = [*new, invented_item(name, text, new)]
        answering, prediction = session.answer(picked, new)
        options = gr.Dropdown(choices=choices(answering, new))
        return options, new, *page(answering, prediction, picked, new)

    asked = [parts.liked, parts.added, parts.title, parts.about]
    parts.add.click(invent, asked, [parts.liked, parts.added, parts.placed, parts.shown], **PRIVATE)


def page(model: RecommenderModel, prediction: Prediction, liked: Sequence[str], added: Added) -> tuple[Markup, Markup]:
    """HTML: what to say of the newest item, and the list with the session's items in their places."""
    waiting = [model.catalogue.numbers[entry["item"]] for entry in added if entry["item"] not in liked]
    places = places_of(model, liked, waiting)
    newest = max(places, default=None)
    verdict = Markup("") if newest is None else placement(model, newest, places[newest])
    return verdict, cards(model, prediction, places)


def demo_call(predictor: Predictor) -> tuple[str, Sequence[Any]]:
    """Three items for somebody who liked the most popular one of the model's own catalogue."""
    model = Session(predictor).model
    return "recommendations_recommend", [[model.catalogue.ids[int(model.network.popularity.argmax())]], 3]
