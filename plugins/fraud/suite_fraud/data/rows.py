"""Rows with their features, and the splits of a portfolio."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset

from suite import Data, Finding, Splits, SuiteError, decoding
from suite_fraud.config import FraudConfig, Unit
from suite_fraud.data import checks, features, protocol, stream, tables, unreadable
from suite_fraud.data.tables import Transactions

NUMBER, TEXT = "number:", "text:"
"""What the names of a portfolio's own columns begin with among the features: they may be called like one."""
VALIDATION_SPANS = 4
"""Validation reaches back so many training spans before the training: its rows are of other entities, and cost none."""


MANIFOLD = 20_000
"""A text column of more distinct values is left out: the encoder reads some 200 of them a second."""


MOST_SPARE = 300_000
"""Rows a student is taught with at most: more bring a hundred trees no fidelity."""


class FraudData(Data):
    """Transactions: the starters' folders, what is wrong with a table, and splits by time."""

    def read(self, path: Path) -> Dataset | None:
        """A folder with `transactions.parquet`, as the starters are kept; the core reads everything else."""
        file = path / "transactions.parquet"
        if not path.is_dir() or not file.is_file():
            return None
        with decoding(file):
            return Dataset(pq.read_table(file))

    def check(self, rows: Dataset) -> Iterable[Finding]:
        """Values that cannot be read, by row; then `checks.findings` of the rest, or why nothing can be read of it."""
        bad = list(unreadable.findings(rows))
        gone = {finding.row for finding in bad}
        left = rows.select([row for row in range(len(rows)) if row not in gone]) if gone else rows
        if not len(left):
            return bad
        try:
            return [*bad, *checks.findings(tables.from_table(left, time_unit=self.config.time_unit))]
        except SuiteError as error:
            return [*bad, Finding("error", str(error))]

    def split(self, rows: Dataset) -> Splits:
        """By time, with the delay of labels and without known cards; the context is the `Portfolio`. See `split`."""
        portfolio = split(rows, self.config)
        return Splits(portfolio.splits, context=portfolio)


@dataclass(frozen=True)
class Parts:
    """Row numbers (in order of time) of each split, and how much happens."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    spare: np.ndarray
    per_day: float
    """Transactions a day of training and delay, whoever's they are and whether or not their labels are known."""


@dataclass(frozen=True)
class Portfolio:
    """A table's splits, and what is known of it besides."""

    splits: Mapping[str, Dataset]
    """Under "train", "validation" and "test", before a `limit` cut them."""
    spare: Dataset
    """Rows from before the test that nothing was trained on, labelled or not: what a student can be taught with."""
    per_day: float
    time_unit: Unit = "auto"
    """What the numbers of the time column count."""


def split(table: Dataset, config: FraudConfig) -> Portfolio:
    """Train, validation and test rows with features computed before they were parted.

    The last days test, without the entities known to be compromised by then; before them is the delay in which
    labels are not known yet; before that are the days to learn from. Validation is a share of the entities in those
    days and the weeks before; nothing of them is trained on. All its labels are known when the test begins.
    """
    rows = _telling(tables.from_table(table, time_unit=config.time_unit))
    parts = divide(rows, config)
    values = features.compute(rows, windows=config.windows, delay=config.delay_days)
    named = {"train": parts.train, "validation": parts.validation, "test": parts.test}
    splits = {name: dataset(rows, values, where, config) for name, where in named.items()}
    return Portfolio(splits, dataset(rows, values, parts.spare, config), parts.per_day, rows.time_unit)


def divide(rows: Transactions, config: FraudConfig) -> Parts:
    """Which rows go where. Raises `SuiteError` where a part would have no fraud, or nothing but frauds."""
    if not (rows.label >= 0).any():
        raise SuiteError(
            "No transaction has a label, so there is nothing to learn from: name the column with --columns "
            "label=THEIRS; or learn what is odd by: suite fraud unlabelled FILE --output odd; or have the starter rank "
            "them in the demo and write your decisions into the table by: suite fraud labels."
        )
    days = {"train_days": config.train_days, "delay_days": config.delay_days, "test_days": config.test_days}
    fold = protocol.folds(rows, **days, count=1, end=config.test_end)[0]
    held = held_out(rows, share=config.validation_share, seed=config.seed)
    since = max(0, fold.days[1] - (VALIDATION_SPANS + 1) * config.train_days)
    early = np.arange(*np.searchsorted(rows.days, [since, fold.days[1]]))
    validation = early[held[rows.entity[early]] & (rows.label[early] >= 0)]
    blocked = protocol.compromised(rows, validation, since=since, delay_days=config.delay_days)
    train = fold.train[~held[rows.entity[fold.train]]]
    before = np.arange(*np.searchsorted(rows.days, [since, fold.days[2]]))
    spare = np.setdiff1d(before, train, assume_unique=True)
    everything = np.diff(np.searchsorted(rows.days, [fold.days[0], fold.days[2]]))[0]
    parts = Parts(
        train,
        validation[~blocked],
        fold.test,
        spare[:: max(1, -(-len(spare) // MOST_SPARE))],
        per_day=float(everything / (fold.days[2] - fold.days[0])),
    )
    for name, where in (("train", parts.train), ("validation", parts.validation), ("test", parts.test)):
        both_classes(name, rows.label[where])
    return parts


def held_out(rows: Transactions, *, share: float, seed: int) -> np.ndarray:
    """Which entities validate, bool (entities,): by a hash of seed and name, so that more rows move nobody."""
    limit = int(share * 2**32)
    marks = (
        hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=4).digest() for name in rows.entity_names.to_pylist()
    )
    return np.array([int.from_bytes(mark, "big") < limit for mark in marks], bool)


def both_classes(name: str, label: np.ndarray) -> None:
    """Raises `SuiteError` for labels (n,) of which none is fraud, or all are."""
    frauds = int((label == 1).sum())
    if 0 < frauds < len(label):
        return
    raise SuiteError(
        f"The {name} part has {frauds} frauds among {len(label)} transactions; it needs both kinds. Give more days "
        "or more entities, no limit, or choose other periods: --set train_days=…, test_days=…, test_end=…."
    )


def dataset(rows: Transactions, values: np.ndarray, where: np.ndarray, config: FraudConfig) -> Dataset:
    """A data set of the rows `where`: features, the portfolio's own columns, and what metrics and demos need."""
    picked = pa.array(where)
    columns: dict[str, Any] = {name: values[where, place] for place, name in enumerate(features.names(config.windows))}
    columns |= {NUMBER + name: numbers[where].astype(np.float32) for name, numbers in rows.numbers.items()}
    columns |= {TEXT + name: strings.take(picked) for name, strings in rows.strings.items()}
    columns |= {
        "row": rows.order[where],
        "time": rows.time[where],
        "day": rows.days[where],
        "entity": rows.entity_names.take(pa.array(rows.entity[where])),
        "label": rows.label[where],
    }
    if rows.counterparty is not None and rows.counterparty_names is not None:
        columns["counterparty"] = rows.counterparty_names.take(pa.array(rows.counterparty[where]))
    return Dataset(pa.table(columns))


def read_file(path: Path, config: FraudConfig, given: Mapping[str, str] | None = None) -> Transactions:
    """The transactions of a CSV or Parquet file in order of time.

    Columns are those `given`, those of the run's config where they are there, or recognised by their names. Raises
    `SuiteError` for what can't be read.
    """
    names = stream.columns(path)
    mapping = stream.mapping(names, given or {}, config.columns)
    blocks = list(stream.blocks(path, names, texts=frozenset(mapping.values())))
    if not blocks:
        raise SuiteError(f"{path} holds no transaction.")
    return tables.from_table(pa.concat_tables(blocks), mapping, time_unit=config.time_unit)


def featured(table: Dataset | Transactions, config: FraudConfig) -> Dataset:
    """All rows of a table that was not split, in order of time; what they tell of their past is all that is known."""
    rows = table if isinstance(table, Transactions) else tables.from_table(table, time_unit=config.time_unit)
    values = features.compute(rows, windows=config.windows, delay=config.delay_days)
    return dataset(rows, values, np.arange(len(rows)), config)


def _telling(rows: Transactions) -> Transactions:
    """Without further columns of one value, counters, and texts so manifold that they are names of single rows."""
    gone = {
        *checks.constant(rows),
        *checks.clocks(rows),
        *(name for name, values in rows.strings.items() if len(values.unique()) > MANIFOLD),
    }
    return replace(
        rows,
        numbers={name: values for name, values in rows.numbers.items() if name not in gone},
        strings={name: values for name, values in rows.strings.items() if name not in gone},
    )
