"""The Demo tab: an analyst's queue. Alerts by suspicion with their reasons, and what a capacity saves and misses.

Building the tab needs no model: that loads when the page is opened. Scored transactions stay on the server, and a
visitor's session holds only their name.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from suite import Predictor, SuiteError
from suite_fraud.demo import cards
from suite_fraud.serving import queue as queues
from suite_fraud.serving.queue import Queue, Savings

if TYPE_CHECKING:
    from suite_fraud.domain import FraudDomain

INTRO = (
    "A week of card payments, **the most suspicious first**. Move the slider to see what one more alert a day brings, "
    "pick an alert to see why it is one, and say what it is. The example week is made up; a file of yours is scored "
    "here and forgotten, only what you decide is kept."
)
EXAMPLE = "example"
PAGE, LONGEST = 25, 200
"""Alerts shown at first and at most: nobody reads further, and each one's reasons take a pass per feature."""
WIDEST = 200
"""Where the slider ends, unless the config's capacity is beyond."""
HELD = 8
"""Uploads kept at once, the least used of which goes first: one of the longest is some 50 MB."""
ASKED = 10_000
"""Transactions that one call of the endpoint takes."""
_PICK = """element.addEventListener('click', (event) => {
  const card = event.target.closest('[data-row]');
  if (!card) return;
  element.querySelectorAll('.fraud-on').forEach((one) => one.classList.remove('fraud-on'));
  card.classList.add('fraud-on');
  trigger('select', {index: Number(card.dataset.row), value: card.dataset.row});
});"""
_SHOW = "watch('value', () => element.scrollIntoView({block: 'nearest', behavior: 'smooth'}));"


class Desk:
    """What the handlers share: who answers, and the queues that are open, by name."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self._queues: OrderedDict[str, Queue] = OrderedDict()
        self._example: Queue | None = None
        self._lock = threading.Lock()

    @property
    def config(self) -> Any:
        """The config of the model that answers."""
        return self.predictor.domain.config

    @property
    def widest(self) -> int:
        """Where the slider ends."""
        return max(WIDEST, int(self.config.capacity))

    def example(self) -> str:
        """The name of the example week, which is made and scored once."""
        with self._lock:
            if self._example is None:
                self._example = queues.example(self.predictor)
        return EXAMPLE

    def keep(self, queue: Queue) -> str:
        """A name to ask for this queue by, which nobody can guess."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            self._queues[name] = queue
            while len(self._queues) > HELD:
                self._queues.popitem(last=False)
        return name

    def queue(self, name: str) -> Queue:
        """The queue of that name. Raises `SuiteError` for an upload that is no longer kept."""
        if name == EXAMPLE and self._example is not None:
            return self._example
        with self._lock:
            if name in self._queues:
                self._queues.move_to_end(name)
                return self._queues[name]
        raise SuiteError("This file is no longer held here; upload it again. What you decided is stored.")

    def savings(self, queue: Queue) -> Savings | None:
        """What each place of the slider would have done."""
        return queue.savings(self.widest, review_cost=self.config.review_cost)

    def figures(self, name: str, capacity: int) -> str:
        """HTML of tiles and curves."""
        queue = self.queue(name)
        return cards.figures(queue, self.savings(queue), self._within(capacity), self.config.review_cost)

    def alerts(self, name: str, capacity: int, count: int, picked: int) -> tuple[str, bool]:
        """HTML of the first `count` alerts, and whether there are more to show."""
        queue = self.queue(name)
        every = queue.first(self._within(capacity))
        shown = every[: min(count, LONGEST)]
        told = queues.reasons(self.predictor, queue, shown)
        known = queues.decided(self.config.output)
        rows = [int(row) for row in shown]
        return cards.alerts(queue, rows, told, known, of=len(every), picked=picked), len(rows) < min(
            len(every), LONGEST
        )

    def detail(self, name: str, row: int) -> str:
        """HTML of one alert. Raises `SuiteError` where no alert was picked."""
        queue = self.queue(name)
        if not 0 <= row < len(queue.where):
            raise SuiteError("Pick an alert of the queue first.")
        (why,) = queues.reasons(self.predictor, queue, np.array([row]))
        return cards.detail(queue, row, why, queues.decided(self.config.output).get(queues.key(queue.record(row))))

    def decide(self, name: str, row: int, *, fraud: bool) -> None:
        """Stores what the analyst says."""
        queue = self.queue(name)
        if not 0 <= row < len(queue.where):
            raise SuiteError("Pick an alert of the queue first.")
        queues.decide(self.predictor, queue, row, fraud=fraud)

    def answer(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Probabilities, and reasons of alerts, of transactions given as records, in their order."""
        import pyarrow as pa

        from suite_fraud.data.stream import mapping
        from suite_fraud.data.tables import from_table

        if not isinstance(records, list) or not records or not all(isinstance(one, dict) for one in records):
            raise SuiteError("Give a list of transactions, each an object with time, entity, counterparty and amount.")
        if len(records) > ASKED:
            raise SuiteError(f"{len(records):,} transactions are too many for one call; give at most {ASKED:,}.")
        try:
            every = dict.fromkeys(key for one in records for key in one)
            table = pa.Table.from_pylist([every | one for one in records])
        except pa.ArrowException as error:
            raise SuiteError(f"The transactions are not alike: {str(error).splitlines()[0]}.") from None
        rows = from_table(table, mapping(table.column_names, {}, self.config.columns), time_unit=self.config.time_unit)
        queue = queues.of(self.predictor, rows, "The call")
        network: Any = self.predictor.model
        alert = queue.probability >= network.config.calibration["cost"]
        which = np.flatnonzero(alert)
        told = dict(zip(which.tolist(), queues.reasons(self.predictor, queue, which), strict=True))
        found = [
            {"probability": float(chance), "alert": bool(alert[row]), "reasons": told.get(row, [])}
            for row, chance in enumerate(queue.probability)
        ]
        order = np.argsort(rows.order[queue.where])
        return [found[row] for row in order]

    def _within(self, capacity: float) -> int:
        return min(max(int(capacity), 1), self.widest)


def build(domain: FraudDomain, predictor: Predictor) -> None:
    """Builds the tab inside an open `gr.Blocks`."""
    import gradio as gr

    desk = Desk(predictor)
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            gr.Markdown(INTRO)
        with gr.Column(scale=0, min_width=220):
            file = gr.UploadButton("Open a file of yours", file_types=[".csv", ".parquet"], size="sm")
            again = gr.Button("Example week", size="sm")
    capacity = gr.Slider(
        1, WIDEST, value=domain.config.capacity, step=1, label="Alerts an analyst can look at per day",
        elem_id="fraud-capacity",
    )  # fmt: skip
    figures = gr.HTML(cards.WAITING, elem_id="fraud-figures", elem_classes="suite-flush")
    with gr.Row():
        with gr.Column(scale=3, min_width=320):
            listed = gr.HTML(elem_id="fraud-queue", elem_classes="suite-flush", js_on_load=_PICK)
            more = gr.Button(f"Show {PAGE} more", size="sm", visible=False)
        with gr.Column(scale=2, min_width=320, elem_id="fraud-side"):
            detail = gr.HTML(elem_id="fraud-detail", elem_classes="suite-flush", js_on_load=_SHOW)
            with gr.Row(visible=False) as say:
                confirm = gr.Button("It is fraud", variant="stop", min_width=100)
                dismiss = gr.Button("It is fine", min_width=100)
            after = gr.Markdown(elem_id="fraud-after")
    held, count, picked = gr.State(""), gr.State(PAGE), gr.State(-1)

    def opened(name: str) -> tuple[Any, ...]:
        places = min(int(desk.config.capacity), desk.widest)
        slider = gr.Slider(value=places, maximum=desk.widest)
        shown, rest = desk.alerts(name, places, PAGE, -1)
        figure = cards.STYLE + desk.figures(name, places)
        return name, PAGE, -1, slider, figure, shown, gr.Button(visible=rest), cards.PICK, gr.Row(visible=False), ""

    def open_example() -> tuple[Any, ...]:
        return opened(desk.example())

    def open_file(path: str | None) -> tuple[Any, ...]:
        if not path:
            raise SuiteError("There is no file yet: give one that ends in .csv or .parquet.")
        return opened(desk.keep(queues.opened(predictor, Path(path))))

    def move(name: str, places: float, many: int, row: int) -> tuple[Any, ...]:
        if not name:
            return gr.skip(), gr.skip(), gr.skip()
        shown, rest = desk.alerts(name, int(places), many, row)
        return cards.STYLE + desk.figures(name, int(places)), shown, gr.Button(visible=rest)

    def show_more(name: str, places: float, many: int, row: int) -> tuple[Any, ...]:
        shown, rest = desk.alerts(name, int(places), many + PAGE, row)
        return many + PAGE, shown, gr.Button(visible=rest)

    def pick(name: str, event: gr.SelectData) -> tuple[Any, ...]:
        row = event.index
        if not isinstance(row, int):
            raise SuiteError("Pick an alert of the queue first.")
        return row, desk.detail(name, row), gr.Row(visible=True), ""

    def decided(name: str, places: float, many: int, row: int, *, fraud: bool) -> tuple[Any, ...]:
        desk.decide(name, row, fraud=fraud)
        shown, _ = desk.alerts(name, int(places), many, row)
        return shown, desk.detail(name, row), AFTER

    def say_fraud(name: str, places: float, many: int, row: int) -> tuple[Any, ...]:
        return decided(name, places, many, row, fraud=True)

    def say_fine(name: str, places: float, many: int, row: int) -> tuple[Any, ...]:
        return decided(name, places, many, row, fraud=False)

    def fraud_score(transactions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Scores transactions, each with time, entity, counterparty and amount; the earlier ones are habits."""
        return desk.answer(transactions)

    # Annotations are strings here, and gradio looks this one's name up where `gr` is not known.
    pick.__annotations__["event"] = gr.SelectData
    place = [held, capacity, count, picked]
    everything = [held, count, picked, capacity, figures, listed, more, detail, say, after]
    private: dict[str, Any] = {"api_visibility": "private"}
    quiet: dict[str, Any] = private | {"show_progress": "hidden"}
    gr.on(None, open_example, None, everything, **quiet)
    again.click(open_example, None, everything, show_progress_on=figures, **private)
    file.upload(open_file, file, everything, show_progress_on=figures, **private)
    capacity.input(move, place, [figures, listed, more], trigger_mode="always_last", **quiet)
    more.click(show_more, place, [count, listed, more], **quiet)
    listed.select(pick, held, [picked, detail, say, after], **quiet)
    confirm.click(say_fraud, place, [listed, detail, after], **quiet)
    dismiss.click(say_fine, place, [listed, detail, after], **quiet)
    gr.api(fraud_score, api_name="fraud_score")


AFTER = (
    "Stored. To learn from decisions they go back into their table, since a transaction without its past tells little: "
    "`suite fraud labels --data FILE --output FILE2`, then `suite fraud train --data FILE2`."
)
