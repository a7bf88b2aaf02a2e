"""The Demo tab: an analyst's queue. Alerts by suspicion with their reasons, and what a capacity saves and misses.

Building the tab needs no model: that loads when the page is opened. Scored transactions stay on the server, and a
visitor's session holds only their name.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from suite import Predictor, SuiteError
from suite.demo import CorrectionForm, PickList, panel, stylesheet
from suite_fraud.data.columns import COLUMNS
from suite_fraud.demo import cards
from suite_fraud.demo.session import PAGE, PICK, WIDEST, DemoSession
from suite_fraud.serving import queue as queues

INTRO = (
    "A week of card payments, **the most suspicious first**. Move the slider to see what one more alert a day brings, "
    "pick an alert to see why it is one, and say what it is. The example week is made up; a file of yours is scored "
    "here and forgotten, only what you decide is kept."
)
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
QUIET: dict[str, Any] = {**PRIVATE, "show_progress": "hidden"}


@dataclass(frozen=True)
class Parts:
    """The components that handlers read and write."""

    file: gr.UploadButton
    again: gr.Button
    capacity: gr.Slider
    figures: gr.HTML
    listed: PickList
    more: gr.Button
    detail: gr.HTML
    form: CorrectionForm
    after: gr.HTML
    held: gr.State
    count: gr.State
    picked: gr.State


def build(predictor: Predictor) -> None:
    """Builds the tab inside an open `gr.Blocks`."""
    session, parts = DemoSession(predictor), _drawn(int(predictor.task.config.capacity))
    _opens(session, parts)
    _moves(session, parts)
    _decides(session, parts)

    def fraud_score(transactions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Scores transactions, each with time, entity, counterparty and amount; the earlier ones are habits."""
        return session.answer(transactions)

    gr.api(fraud_score, api_name="fraud_score")


def _drawn(places: int) -> Parts:
    stylesheet(Path(__file__).with_name("page.css"))
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            gr.Markdown(INTRO)
        with gr.Column(scale=0, min_width=220):
            file = gr.UploadButton("Open a file of yours", file_types=[".csv", ".parquet"], size="sm")
            again = gr.Button("Example week", size="sm")
    capacity = gr.Slider(
        1, WIDEST, value=places, step=1, label="Alerts an analyst can look at per day", elem_id="fraud-capacity"
    )
    figures = panel(cards.WAITING, elem_id="fraud-figures")
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            listed = PickList(elem_id="fraud-queue")
            more = gr.Button(f"Show {PAGE} more", size="sm", visible=False)
        with gr.Column(scale=2, min_width=320, elem_id="fraud-side"):
            detail = panel(elem_id="fraud-detail", follow=True)
            form = CorrectionForm(COLUMNS, ["label"], verdicts={"It is fraud": 1, "It is fine": 0})
            after = panel(elem_id="fraud-after")
    states = gr.State(""), gr.State(PAGE), gr.State(-1)
    return Parts(file, again, capacity, figures, listed, more, detail, form, after, *states)


def _opens(session: DemoSession, parts: Parts) -> None:
    """The example week, or a file, fills the page."""

    def opened(name: str) -> tuple[Any, ...]:
        places = min(int(session.config.capacity), session.widest)
        slider = gr.Slider(value=places, maximum=session.widest)
        shown, rest = session.alerts(name, places, PAGE, -1)
        side = cards.PICK, gr.Row(visible=False), ""
        return name, PAGE, -1, slider, session.figures(name, places), shown, gr.Button(visible=rest), *side

    def open_example() -> tuple[Any, ...]:
        return opened(session.example())

    def open_file(path: str | None) -> tuple[Any, ...]:
        if not path:
            raise SuiteError("There is no file yet: give one that ends in .csv or .parquet.")
        return opened(session.uploads.keep(queues.opened(session.predictor, Path(path))))

    side = [parts.detail, parts.form.box, parts.after]
    page = [parts.held, parts.count, parts.picked, parts.capacity, parts.figures, parts.listed, parts.more, *side]
    gr.on(None, open_example, None, page, **QUIET)
    parts.again.click(open_example, None, page, show_progress_on=parts.figures, **PRIVATE)
    parts.file.upload(open_file, parts.file, page, show_progress_on=parts.figures, **PRIVATE)


def _moves(session: DemoSession, parts: Parts) -> None:
    """The slider changes figures and list; a button makes the list longer."""

    def move(name: str, places: float, many: int, row: int) -> tuple[Any, ...]:
        if not name:
            return gr.skip(), gr.skip(), gr.skip()
        shown, rest = session.alerts(name, int(places), many, row)
        return session.figures(name, int(places)), shown, gr.Button(visible=rest)

    def show_more(name: str, places: float, many: int, row: int) -> tuple[Any, ...]:
        shown, rest = session.alerts(name, int(places), many + PAGE, row)
        return many + PAGE, shown, gr.Button(visible=rest)

    place = [parts.held, parts.capacity, parts.count, parts.picked]
    parts.capacity.input(move, place, [parts.figures, parts.listed, parts.more], trigger_mode="always_last", **QUIET)
    parts.more.click(show_more, place, [parts.count, parts.listed, parts.more], **QUIET)


def _decides(session: DemoSession, parts: Parts) -> None:
    """An alert that is picked shows its detail, and a button says what it is."""

    def pick(name: str, event: gr.SelectData) -> tuple[Any, ...]:
        if not isinstance(event.index, int):
            raise SuiteError(PICK)
        return event.index, session.detail(name, event.index), gr.Row(visible=True), ""

    def decided(name: str, places: float, many: int, row: int, said: dict[str, int]) -> tuple[Any, ...]:
        session.decide(name, row, fraud=bool(said["label"]))
        shown, _ = session.alerts(name, int(places), many, row)
        return shown, session.detail(name, row), cards.AFTER

    place = [parts.held, parts.capacity, parts.count, parts.picked]
    shown = [parts.picked, parts.detail, parts.form.box, parts.after]
    parts.listed.select(pick, parts.held, shown, **QUIET)
    parts.form.on_store(decided, place, [parts.listed, parts.detail, parts.after], **QUIET)


def demo_call(predictor: Predictor) -> tuple[str, list[Any]]:
    """The endpoint with a customer's usual purchase, then one fifty times as large at night."""
    habit = {"entity": "customer-1", "counterparty": "shop-1", "amount": 20.0, "time": "2026-03-02T12:00:00"}
    return "fraud_score", [[habit, habit | {"amount": 1000.0, "time": "2026-03-03T03:00:00"}]]
