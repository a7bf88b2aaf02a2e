"""Scores a file of any size in constant memory: features by `Stream`, probabilities and reasons by the student."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from suite import SuiteError, bar
from suite_fraud.data import parsing, stream
from suite_fraud.data.features import Stream
from suite_fraud.data.tables import Transactions, from_table
from suite_fraud.serving.student import Student

SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("time", pa.timestamp("ms")),
        ("entity", pa.string()),
        ("counterparty", pa.string()),
        ("amount", pa.float64()),
        ("probability", pa.float64()),
        ("alert", pa.int8()),
        ("reasons", pa.string()),
    ]
)
"""What is written: `row` counts the file's rows from 1; `reasons` are those of alerts, strongest first."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which rows become alerts, and what is written."""

    threshold: float | None = None
    """Probability from which on; None takes the student's."""
    capacity: int | None = None
    """Instead: so many of each day's most suspicious transactions, however suspicious."""
    everything: bool = False
    """Write all rows, not only the alerts."""

    def __post_init__(self) -> None:
        if self.capacity is not None and (self.everything or self.threshold is not None):
            raise SuiteError("--capacity picks each day's alerts by itself; leave --threshold and --all out.")


@dataclass
class Outcome:
    """What a scoring did."""

    rows: int = 0
    alerts: int = 0
    seconds: float = 0.0

    @property
    def speed(self) -> float:
        """Rows per second, reading and writing included."""
        return self.rows / max(self.seconds, 1e-9)


def score(
    path: Path,
    output: Path,
    student: Student,
    *,
    choice: Choice | None = None,
    history: Path | None = None,
    columns: Mapping[str, str] | None = None,
    rows: int = stream.ROWS,
) -> Outcome:
    """Writes the alerts of the file `path`, oldest first, to `output`, which appears when all is done.

    `history` is an earlier part of the same portfolio: without it the first weeks' windows are emptier than they
    were in training. `columns` maps ours to the file's. Raises `SuiteError` for rows that cannot be read, and for
    rows earlier than those of the block before: within a block of `rows` rows any order will do.
    """
    stream.check_output(output, path, *([history] if history else []))
    begun = time.perf_counter()
    reader = Reader(student, dict(columns or {}), rows)
    queue = _Queue(student, choice or Choice())
    outcome = Outcome()
    if history is not None:
        for block in reader.read(history):
            reader.features(block)
    with stream.writing(output, SCHEMA) as writer:
        for block in bar(reader.read(path), description=path.name, unit=" blocks"):
            for table in queue.push(block, reader.features(block)):
                writer.write(table)
            outcome.rows += len(block)
        for table in queue.close():
            writer.write(table)
    outcome.alerts, outcome.seconds = queue.alerts, time.perf_counter() - begun
    return outcome


@dataclass
class Reader:
    """Blocks of files as transactions, and their features."""

    student: Student
    columns: dict[str, str]
    rows: int
    stream: Stream = field(init=False)
    unit: str = ""

    def __post_init__(self) -> None:
        self.stream = Stream(self.student.about.windows, self.student.about.delay)

    def read(self, path: Path) -> Iterator[Transactions]:
        """The file's transactions, sorted within each block; `order` counts from the file's first row."""
        names = stream.columns(path)
        mapping = stream.mapping(names, self.columns, self.student.about.columns)
        further = [name for name in self.student.about.numbers if name in names]
        texts = frozenset(mapping.values())  # what a CSV's first block looks like must not decide how ids are read
        start = 0
        for table in stream.blocks(path, [*mapping.values(), *further], rows=self.rows, texts=texts):
            yield self._transactions(table, mapping, start, path)
            start += len(table)

    def _transactions(self, table: pa.Table, mapping: dict[str, str], start: int, path: Path) -> Transactions:
        try:
            block = from_table(table, mapping, time_unit=self._unit(table[mapping["time"]]))
        except SuiteError as error:
            where = f"{path.name}, in the {len(table):,} rows from row {start + 1:,} on" if start else path.name
            raise SuiteError(f"{where}: {error}") from None
        latest = self.stream.latest
        if latest is not None and len(block) and block.time[0] < latest:
            raise SuiteError(
                f"Row {start + int(block.order[0]) + 1:,} of {path.name} is earlier than rows already scored; "
                "sort the file by time."
            )
        return Transactions(**{**vars(block), "order": block.order + start})

    def _unit(self, column: pa.ChunkedArray) -> parsing.Unit:
        """What numbers of the time column count: as the student was taught, else as the first block suggests."""
        about = self.student.about
        if about.time_unit != "auto" or not (numbers := parsing.time_numbers(column)).size:
            return about.time_unit  # type: ignore[return-value]  # checked when the student was taught
        unit = parsing.time_unit(numbers)
        if self.unit == "hours" and unit == "seconds":
            raise SuiteError("The first times look like hours and these like seconds; say which: --time-unit seconds.")
        self.unit = self.unit or unit
        return self.unit  # type: ignore[return-value]  # one of the units

    def features(self, block: Transactions) -> np.ndarray:
        """The student's inputs, float32 (n, names); must be called block after block."""
        about = self.student.about
        further = [block.numbers.get(name, np.full(len(block), np.nan)) for name in about.numbers]
        return np.column_stack([self.stream.push(block), *further]).astype(np.float32)


@dataclass
class _Queue:
    """Turns scored blocks into tables to write; with a capacity it holds back the best of the last day."""

    student: Student
    choice: Choice
    alerts: int = 0
    _held: list[tuple[pa.Table, np.ndarray, np.ndarray]] = field(default_factory=list)

    def push(self, block: Transactions, x: np.ndarray) -> Iterator[pa.Table]:
        """What can be written after this block."""
        probability = self.student.predict(x)
        if self.choice.capacity is None:
            threshold = self.student.about.threshold if self.choice.threshold is None else self.choice.threshold
            alert = probability >= threshold
            kept = np.arange(len(block)) if self.choice.everything else np.flatnonzero(alert)
            yield self._table(block, x, probability, kept, alert)
            return
        day = np.floor_divide(block.time, 86_400).astype(np.int64)
        for today in np.unique(day):
            rows = np.flatnonzero(day == today)
            best = rows[np.argsort(-probability[rows], kind="stable")[: self.choice.capacity]]
            if self._held and self._held[0][1][0] != today:
                yield from self.close()
            table = _described(block, probability, np.sort(best))
            self._held.append((table, day[np.sort(best)], x[np.sort(best)]))
            self._trim()

    def close(self) -> Iterator[pa.Table]:
        """What was held back."""
        if not self._held:
            return
        self._trim()
        table, _, x = self._held[0]
        self._held = []
        self.alerts += len(table)
        yield _finished(table, np.ones(len(table), bool), self.student.reasons(x))

    def _trim(self) -> None:
        """Keeps the day's best, in order of time, as one table."""
        table = pa.concat_tables([part[0] for part in self._held])
        day, x = (np.concatenate([part[place] for part in self._held]) for place in (1, 2))
        probability = table["probability"].to_numpy()
        best = np.sort(np.argsort(-probability, kind="stable")[: self.choice.capacity])
        self._held = [(table.take(best), day[best], x[best])]

    def _table(
        self, block: Transactions, x: np.ndarray, probability: np.ndarray, kept: np.ndarray, alert: np.ndarray
    ) -> pa.Table:
        self.alerts += int(alert.sum())
        return _finished(_described(block, probability, kept), alert[kept], self.student.reasons(x[alert]))


def _described(block: Transactions, probability: np.ndarray, rows: np.ndarray) -> pa.Table:
    """The written columns but for alert and reasons."""
    milliseconds = np.round(block.time[rows] * 1e3).astype(np.int64)
    counterparty = pa.nulls(len(rows), pa.string())
    if block.counterparty is not None and block.counterparty_names is not None:
        counterparty = block.counterparty_names.take(pa.array(block.counterparty[rows]))
    return pa.table(
        {
            "row": block.order[rows] + 1,
            "time": pa.array(milliseconds).cast(pa.timestamp("ms")),
            "entity": block.entity_names.take(pa.array(block.entity[rows])),
            "counterparty": counterparty,
            "amount": block.amount[rows],
            "probability": probability[rows],
        }
    )


def _finished(table: pa.Table, alert: np.ndarray, reasons: list[list[str]]) -> pa.Table:
    texts = np.full(len(table), "", object)
    texts[alert] = ["; ".join(parts) for parts in reasons]
    table = table.append_column("alert", pa.array(alert.astype(np.int8)))
    return table.append_column("reasons", pa.array(texts, pa.string())).cast(SCHEMA)
