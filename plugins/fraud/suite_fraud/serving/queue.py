"""What an analyst's queue holds, without a page around it: scored transactions, and what looking at some would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from datasets import Dataset

from suite import Corrections, Predictor, SuiteError, column
from suite_fraud.data import rows as parts
from suite_fraud.data import tables
from suite_fraud.data.tables import Transactions
from suite_fraud.model import decisions
from suite_fraud.starter.portfolios import SMALL
from suite_fraud.starter.simulate import simulate

if TYPE_CHECKING:
    from suite_fraud.serving.model import FraudModel  # torch: a page is built without it

MOST = 300_000
"""Transactions of an upload: scored in some 20 seconds on a core; the command takes files of any size."""
Key = tuple[str, str, float, str]
"""Time, entity, amount and counterparty ("" for none): what a decision is found again by."""


@dataclass(frozen=True)
class Savings:
    """What looking at the k most suspicious of each day would have done, for k = 1, 2, ...; (k,) each."""

    saved: np.ndarray
    """Amounts of the frauds found, less what looking at the alerts costs."""
    found: np.ndarray
    missed: np.ndarray
    money_missed: np.ndarray
    alerts: np.ndarray
    """How many, over all days."""

    @property
    def best(self) -> int:
        """The capacity that saves most; from there on one more alert costs more than it brings."""
        return int(np.argmax(self.saved)) + 1


@dataclass(frozen=True)
class Queue:
    """Scored transactions. `rows` have features; `table` holds them and what came before, `where` says at which row."""

    rows: Dataset
    table: Transactions
    where: np.ndarray
    source: str
    probability: np.ndarray

    @cached_property
    def day(self) -> np.ndarray:
        """Whole days, int64 (n,)."""
        return np.asarray(self.table.days[self.where])

    @cached_property
    def known(self) -> np.ndarray:
        """Which labels are known, bool (n,)."""
        return np.asarray(self.table.label[self.where] >= 0)

    def first(self, capacity: int) -> np.ndarray:
        """The most suspicious `capacity` rows of each day, the most suspicious of all first."""
        chosen = np.flatnonzero(decisions.ranks(self.probability, self.day) < capacity)
        return chosen[np.argsort(-self.probability[chosen], kind="stable")]

    def savings(self, most: int, *, review_cost: float) -> Savings | None:
        """What each capacity up to `most` would have done on the rows of known label; None where there are none."""
        if not self.known.any():
            return None
        label, amount = (values[self.where][self.known] for values in (self.table.label, self.table.amount))
        places = decisions.ranks(self.probability[self.known], self.day[self.known])
        within = places < most

        def sums(values: np.ndarray) -> np.ndarray:
            return np.cumsum(np.bincount(places[within], values[within], minlength=most))

        fraud = (label == 1).astype(np.float64)
        hits, money, alerts = sums(fraud), sums(fraud * amount), sums(np.ones(len(label)))
        return Savings(
            saved=money - review_cost * alerts,
            found=hits.astype(int),
            missed=(fraud.sum() - hits).astype(int),
            money_missed=(fraud * amount).sum() - money,
            alerts=alerts.astype(int),
        )

    def record(self, row: int) -> dict[str, Any]:
        """A transaction in the domain's columns, its label left out."""
        return described(self.table, int(self.where[row]))

    def label(self, row: int) -> int:
        """1 fraud, 0 legitimate, -1 unknown."""
        return int(self.table.label[self.where[row]])

    def history(self, row: int, count: int = 10) -> list[dict[str, Any]]:
        """The entity's last transactions, oldest first; the last one is the row itself."""
        own = int(self.where[row])
        places = np.flatnonzero(self.table.entity[: own + 1] == self.table.entity[own])
        return [described(self.table, int(place)) for place in places[-count:]]

    @cached_property
    def keys(self) -> frozenset[Key]:
        """The keys of all rows."""
        return frozenset(keys(self.table.take(self.where)))


def described(table: Transactions, place: int) -> dict[str, Any]:
    """Time (ISO), entity, amount and, where the table has it, counterparty of one transaction."""
    record = {
        "time": iso(table.time[place]),
        "entity": table.entity_names[table.entity[place]].as_py(),
        "amount": round(float(table.amount[place]), 2),
    }
    if table.counterparty is None or table.counterparty_names is None:
        return record
    return record | {"counterparty": table.counterparty_names[table.counterparty[place]].as_py()}


def iso(seconds: float) -> str:
    """A time as text, to the millisecond."""
    return datetime.fromtimestamp(round(float(seconds), 3), UTC).replace(tzinfo=None).isoformat()


def key(record: Mapping[str, Any]) -> Key:
    """The key of a record as `described` makes it."""
    return str(record["time"]), str(record["entity"]), float(record["amount"]), str(record.get("counterparty", ""))


def keys(table: Transactions) -> list[Key]:
    """The keys of all transactions, (n,)."""
    names = table.entity_names.to_pylist()
    whom = [""] * len(table)
    if table.counterparty is not None and table.counterparty_names is not None:
        others = table.counterparty_names.to_pylist()
        whom = [others[code] for code in table.counterparty]
    times, amounts = (iso(seconds) for seconds in table.time), np.round(table.amount, 2).tolist()
    return [
        (time, names[code], amount, other)
        for time, code, amount, other in zip(times, table.entity, amounts, whom, strict=True)
    ]


def example(predictor: Predictor) -> Queue:
    """The test days of the starter's portfolio, simulated anew: the newest week of a bank that does not exist."""
    table = simulate(SMALL).rename_columns(["transaction", "time", "entity", "counterparty", "amount", "label"])
    config = _model(predictor).features_config.model_copy(update={"test_end": None})
    rows = parts.split(Dataset(table), config).splits["test"]
    return scored(predictor, rows, tables.from_table(table), "simulated portfolio")


def opened(predictor: Predictor, path: Path) -> Queue:
    """All transactions of a file. Raises `SuiteError` if it can't be read, or is too long for a page."""
    return of(predictor, parts.read_file(path, _model(predictor).config), path.name)


def of(predictor: Predictor, table: Transactions, source: str) -> Queue:
    """All of these transactions. Raises `SuiteError` if they are too many for a page."""
    if len(table) > MOST:
        raise SuiteError(
            f"{source} has {len(table):,} transactions and this page takes {MOST:,}; for files of any size there is: "
            "suite fraud score FILE --output alerts.csv"
        )
    return scored(predictor, parts.featured(table, _model(predictor).features_config), table, source)


def scored(predictor: Predictor, rows: Dataset, table: Transactions, source: str) -> Queue:
    """The model's answers to rows with features, which are some of the table's."""
    examples = predictor.model.prepare(rows, "test")
    probability = np.array([answer["probability"] for answer in predictor(examples)])
    place = np.empty(len(table), np.int64)
    place[table.order] = np.arange(len(table))
    return Queue(rows, table, place[column(rows, "row").to_numpy()], source, probability)


def reasons(predictor: Predictor, queue: Queue, chosen: np.ndarray) -> list[list[str]]:
    """Up to three sentences for each of the chosen rows."""
    return _model(predictor).reasons(queue.rows.select(chosen)) if len(chosen) else []


def decide(predictor: Predictor, queue: Queue, row: int, *, fraud: bool) -> None:
    """Stores what an analyst says of a transaction, for the record and for `suite fraud labels`."""
    task, label = predictor.task, queue.label(row)
    Corrections(task.domain.name, task.config.output).add(
        queue.record(row),
        source=queue.source,
        model=predictor.run.path.name if predictor.run else task.domain.starter.model,
        before={"label": label if label >= 0 else None, "probability": float(queue.probability[row])},
        after={"label": int(fraud)},
    )


def decided(runs: Path) -> dict[Key, int]:
    """The last decision on each transaction, 1 fraud and 0 legitimate, from the store below `runs`."""
    return {key(kept.row): int(kept.after["label"]) for kept in Corrections("fraud", runs).read()}


def _model(predictor: Predictor) -> FraudModel:
    """The model that answers, loaded by now."""
    model: Any = predictor.model
    return model
