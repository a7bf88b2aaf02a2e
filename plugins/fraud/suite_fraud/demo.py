"""The Demo tab: an analyst's queue. Alerts by suspicion with their reasons, and what a capacity saves and misses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite import Predictor, SuiteError
from suite_fraud import queue as queues
from suite_fraud.queue import Queue

if TYPE_CHECKING:
    from suite_fraud.domain import FraudDomain

HEADERS = ["suspicion", "amount", "customer", "counterparty", "time", "why"]
INTRO = (
    "A queue of the transactions to look at first. **Open the example week** of a portfolio that is made up, or a "
    "CSV or Parquet file of yours; it is scored here and not kept."
)


def build(domain: FraudDomain, predictor: Predictor) -> None:
    """Builds the tab inside an open `gr.Blocks`."""
    import gradio as gr

    gr.Markdown(INTRO)
    with gr.Row():
        example = gr.Button("Open the example week", variant="primary")
        file = gr.File(label="Transactions (.csv, .parquet)", file_types=[".csv", ".parquet"], type="filepath")
    capacity = gr.Slider(1, 500, value=domain.config.capacity, step=1, label="Alerts an analyst can look at per day")
    money = gr.Markdown()
    table = gr.Dataframe(headers=HEADERS, interactive=False, wrap=True, label="Queue, most suspicious first")
    chosen_text = gr.Markdown("Pick a line of the queue, then say what it is.")
    with gr.Row():
        confirm = gr.Button("It is fraud")
        dismiss = gr.Button("It is fine")
    held, lines, picked = gr.State(None), gr.State([]), gr.State(-1)

    def shown(queue: Queue | None, count: float) -> tuple[str, list[list[Any]], list[int]]:
        if queue is None:
            return "", [], []
        chosen = queue.first(int(count))[: queues.LONGEST]
        told = queues.reasons(predictor, queue, chosen)
        cells = [_cells(queue, int(row), why) for row, why in zip(chosen, told, strict=True)]
        return _money(queue, int(count), domain.config.review_cost), cells, [int(row) for row in chosen]

    def open_example(count: float) -> tuple[Any, ...]:
        queue = queues.example(predictor)
        return queue, *shown(queue, count)

    def open_file(path: str | None, count: float) -> tuple[Any, ...]:
        if not path:
            return None, "", [], []
        try:
            queue = queues.opened(predictor, Path(path))
        except SuiteError as error:
            raise gr.Error(str(error)) from None
        return queue, *shown(queue, count)

    def pick(rows: list[int], queue: Queue | None, event: gr.SelectData) -> tuple[int, str]:
        place = int(event.index[0])
        if queue is None or place >= len(rows):
            return -1, ""
        record = queue.record(rows[place])
        return rows[place], f"**{record['entity']}**, {record['amount']:,.2f} at {record['time'].replace('T', ' ')}"

    def say(queue: Queue | None, row: int, *, fraud: bool) -> str:
        if queue is None or row < 0:
            return "Pick a line of the queue first."
        try:
            queues.decide(predictor, queue, row, fraud=fraud)
        except SuiteError as error:
            raise gr.Error(str(error)) from None
        return f"Stored: {'fraud' if fraud else 'fine'}. Train on it with: suite fraud train --data corrections:"

    def say_fraud(queue: Queue | None, row: int) -> str:
        return say(queue, row, fraud=True)

    def say_fine(queue: Queue | None, row: int) -> str:
        return say(queue, row, fraud=False)

    # Annotations are strings here, and gradio looks this one's name up where `gr` is not known.
    pick.__annotations__["event"] = gr.SelectData
    outputs = [held, money, table, lines]
    example.click(open_example, capacity, outputs)
    file.change(open_file, [file, capacity], outputs)
    capacity.release(shown, [held, capacity], [money, table, lines])
    table.select(pick, [lines, held], [picked, chosen_text])
    confirm.click(say_fraud, [held, picked], chosen_text)
    dismiss.click(say_fine, [held, picked], chosen_text)


def _cells(queue: Queue, row: int, why: list[str]) -> list[Any]:
    record = queue.record(row)
    return [
        f"{queue.probability[row]:.1%}",
        f"{record['amount']:,.2f}",
        record["entity"],
        record.get("counterparty", ""),
        record["time"].replace("T", " "),
        "; ".join(why),
    ]


def _money(queue: Queue, capacity: int, review_cost: float) -> str:
    """What the slider's place means, in a sentence; without labels nobody knows."""
    found = queue.outcome(capacity, review_cost=review_cost)
    if found is None:
        return f"{len(queue.first(capacity)):,} alerts. Without labels nobody can say what they save."
    return (
        f"**{found.money_saved:,.0f} saved** by {found.alerts_per_day:,.0f} looks a day at {review_cost:g} each; "
        f"{found.frauds_found:,} frauds found, **{found.frauds_missed:,} missed** worth {found.money_missed:,.0f}; "
        f"{found.precision:.0%} of the alerts are fraud."
    )
