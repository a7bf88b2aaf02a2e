"""What the demo's handlers share: the queues that are open, their alerts, and what an analyst says of one."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from suite import Predictor, SuiteError
from suite.demo import Held, Markup
from suite_fraud.demo import cards
from suite_fraud.serving import queue as queues
from suite_fraud.serving.queue import Queue, Savings

EXAMPLE = "example"
PAGE, LONGEST = 25, 200
"""Alerts shown at first and at most: nobody reads further, and each one's reasons take a pass per feature."""
WIDEST = 200
"""Where the slider ends, unless the config's capacity is beyond."""
HELD = 8
"""Uploads kept at once: one of the longest is some 50 MB."""
ASKED = 10_000
"""Transactions that one call of the endpoint takes."""
GONE = "This file is no longer held here; upload it again. What you decided is stored."
PICK = "Pick an alert of the queue first."


class DemoSession:
    """What the handlers share: who answers, and the queues that are open, by name."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.uploads: Held[Queue] = Held(HELD, gone=GONE)
        self._example: Queue | None = None
        self._lock = threading.Lock()

    @property
    def config(self) -> Any:
        """The config of the model that answers."""
        return self.predictor.task.config

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

    def queue(self, name: str) -> Queue:
        """The queue of that name. Raises `SuiteError` for an upload that is no longer kept."""
        if name == EXAMPLE and self._example is not None:
            return self._example
        return self.uploads[name]

    def savings(self, queue: Queue) -> Savings | None:
        """What each place of the slider would have done."""
        return queue.savings(self.widest, review_cost=self.config.review_cost)

    def figures(self, name: str, capacity: int) -> Markup:
        """Tiles and curves."""
        queue = self.queue(name)
        return cards.figures(queue, self.savings(queue), self._within(capacity), self.config.review_cost)

    def alerts(self, name: str, capacity: int, count: int, picked: int) -> tuple[Markup, bool]:
        """The first `count` alerts, and whether there are more to show."""
        queue = self.queue(name)
        every = queue.first(self._within(capacity))
        shown = every[: min(count, LONGEST)]
        reasons = queues.reasons(self.predictor, queue, shown)
        known = queues.decided(self.config.output)
        rows = [int(row) for row in shown]
        return cards.alerts(queue, rows, reasons, known, of=len(every), picked=picked), len(rows) < min(
            len(every), LONGEST
        )

    def detail(self, name: str, row: int) -> Markup:
        """One alert. Raises `SuiteError` where no alert was picked."""
        queue = self.queue(name)
        if not 0 <= row < len(queue.where):
            raise SuiteError(PICK)
        (why,) = queues.reasons(self.predictor, queue, np.array([row]))
        return cards.detail(queue, row, why, queues.decided(self.config.output).get(queues.key(queue.record(row))))

    def decide(self, name: str, row: int, *, fraud: bool) -> None:
        """Stores what the analyst says."""
        queue = self.queue(name)
        if not 0 <= row < len(queue.where):
            raise SuiteError(PICK)
        queues.decide(self.predictor, queue, row, fraud=fraud)

    def answer(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Probabilities, and reasons of alerts, of transactions given as records, in their order."""
        import pyarrow as pa  # of a program's question alone: the page is drawn without

        from suite_fraud.data.stream import mapping
        from suite_fraud.data.tables import from_table

        if not isinstance(records, list) or not records or not all(isinstance(record, dict) for record in records):
            raise SuiteError("Give a list of transactions, each an object with time, entity, counterparty and amount.")
        if len(records) > ASKED:
            raise SuiteError(f"{len(records):,} transactions are too many for one call; give at most {ASKED:,}.")
        try:
            every = dict.fromkeys(key for record in records for key in record)
            table = pa.Table.from_pylist([every | record for record in records])
        except pa.ArrowException as error:
            raise SuiteError(f"The transactions are not alike: {str(error).splitlines()[0]}.") from None
        rows = from_table(table, mapping(table.column_names, {}, self.config.columns), time_unit=self.config.time_unit)
        queue = queues.of(self.predictor, rows, "The call")
        model: Any = self.predictor.model
        alert = queue.probability >= model.calibration["cost"]
        which = np.flatnonzero(alert)
        reasons = dict(zip(which.tolist(), queues.reasons(self.predictor, queue, which), strict=True))
        answers = [
            {"probability": float(chance), "alert": bool(alert[row]), "reasons": reasons.get(row, [])}
            for row, chance in enumerate(queue.probability)
        ]
        order = np.argsort(rows.order[queue.where])
        return [answers[row] for row in order]

    def _within(self, capacity: float) -> int:
        return min(max(int(capacity), 1), self.widest)
