"""Transaction tables of any make as arrays in order of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from suite import SuiteError
from suite_fraud.data import parsing
from suite_fraud.data.columns import COLUMNS

if TYPE_CHECKING:
    from datasets import Dataset

_OTHER = frozenset({"split", "transaction", "transaction_id", "TRANSACTION_ID", "TransactionID", "trans_num", ""})
"""Columns that are not about the transaction: the core's own, row numbers and the like ("" is a CSV's index)."""


@dataclass(frozen=True)
class Transactions:
    """n transactions in order of time, ties in the order of the rows."""

    time: np.ndarray
    """float64 (n,), seconds since 1970 in UTC, or since the start where only steps are known."""
    entity: np.ndarray
    """int32 (n,), positions in `entity_names`."""
    entity_names: pa.Array
    """Strings; where the table names no entity each row is one of its own, named after its row number."""
    counterparty: np.ndarray | None
    """int32 (n,), positions in `counterparty_names`; None where the table names none."""
    counterparty_names: pa.Array | None
    amount: np.ndarray
    """float64 (n,)."""
    label: np.ndarray
    """int8 (n,): 1 fraud, 0 legitimate, -1 unknown."""
    order: np.ndarray
    """int64 (n,), which row of the table each was."""
    numbers: dict[str, np.ndarray] = field(default_factory=dict)
    """Further columns of numbers, float64 (n,), NaN where missing."""
    strings: dict[str, pa.Array] = field(default_factory=dict)
    """Further columns of text, (n,), null where missing."""
    time_unit: parsing.Unit = "auto"
    """What the numbers of the time column counted; "auto" where it held dates."""

    def __len__(self) -> int:
        return len(self.time)

    def take(self, rows: np.ndarray) -> Transactions:
        """The given rows (indices or a mask, in order of time); names stay as they are."""
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        return replace(
            self,
            time=self.time[rows],
            entity=self.entity[rows],
            counterparty=None if self.counterparty is None else self.counterparty[rows],
            amount=self.amount[rows],
            label=self.label[rows],
            order=self.order[rows],
            numbers={name: values[rows] for name, values in self.numbers.items()},
            strings={name: values.take(pa.array(rows)) for name, values in self.strings.items()},
        )

    def after(self, time: float) -> Transactions:
        """The rows later than `time`, and the names those rows use."""
        kept = self.take(np.arange(np.searchsorted(self.time, time, side="right"), len(self)))
        entity, entity_names = _used(kept.entity, kept.entity_names)
        if kept.counterparty is None or kept.counterparty_names is None:
            return replace(kept, entity=entity, entity_names=entity_names)
        counterparty, counterparty_names = _used(kept.counterparty, kept.counterparty_names)
        return replace(
            kept,
            entity=entity,
            entity_names=entity_names,
            counterparty=counterparty,
            counterparty_names=counterparty_names,
        )

    def bare(self) -> Transactions:
        """Without the further columns."""
        return replace(self, numbers={}, strings={})

    def followed_by(self, later: Transactions) -> Transactions:
        """These rows and then the later ones, codes made one; further columns are left out."""
        entity, entity_names = _joined(self.entity, self.entity_names, later.entity, later.entity_names)
        counterparty = counterparty_names = None
        if self.counterparty is not None and later.counterparty is not None:
            counterparty, counterparty_names = _joined(
                self.counterparty, self.counterparty_names, later.counterparty, later.counterparty_names
            )
        return Transactions(
            time=np.concatenate([self.time, later.time]),
            entity=entity,
            entity_names=entity_names,
            counterparty=counterparty,
            counterparty_names=counterparty_names,
            amount=np.concatenate([self.amount, later.amount]),
            label=np.concatenate([self.label, later.label]),
            order=np.concatenate([self.order, later.order]),
        )

    @property
    def days(self) -> np.ndarray:
        """Whole days since the first row's midnight (UTC), int64 (n,)."""
        day = np.floor_divide(self.time, 86_400).astype(np.int64)
        return day - day[:1]


def from_table(
    table: pa.Table | Dataset, mapping: Mapping[str, str] | None = None, *, time_unit: parsing.Unit = "auto"
) -> Transactions:
    """Reads a table whose columns are ours, or become ours by `mapping` (ours to theirs).

    Raises `SuiteError` for a missing column, and for times, amounts or labels that cannot be read, naming the first.
    """
    table = _arrow(table)
    given = {ours: (mapping or {}).get(ours, ours) for ours in COLUMNS.names}
    for ours, theirs in given.items():
        if theirs not in table.column_names and (ours in COLUMNS.required or ours in (mapping or {})):
            listed = ", ".join(table.column_names) or "none"
            raise SuiteError(f"There is no column {theirs!r} for {ours!r}; the table's columns: {listed}.")
    columns = {ours: table[theirs] for ours, theirs in given.items() if theirs in table.column_names}
    rest = [name for name in table.column_names if name not in given.values() and name not in _OTHER]
    time = parsing.times(columns["time"], unit=time_unit)
    order = np.argsort(time, kind="stable")
    entity, entity_names = _codes(columns.get("entity"), table.num_rows)
    counterparty, counterparty_names = _codes(columns["counterparty"]) if "counterparty" in columns else (None, None)
    unknown = np.full(table.num_rows, -1, np.int8)
    label = parsing.labels(columns["label"]) if "label" in columns else unknown
    sorted_already = bool((np.diff(order) == 1).all())
    rows = Transactions(
        time=time,
        entity=entity,
        entity_names=entity_names,
        counterparty=counterparty,
        counterparty_names=counterparty_names,
        amount=parsing.amounts(columns["amount"]),
        label=label,
        order=np.arange(table.num_rows),
        numbers={name: _numbers(table[name]) for name in rest if _is_number(table[name].type)},
        strings={name: _strings(table[name]) for name in rest if _is_text(table[name].type)},
        time_unit=parsing.resolved(columns["time"], time_unit),
    )
    return rows if sorted_already else rows.take(order)


def _arrow(table: Any) -> pa.Table:
    if isinstance(table, pa.Table):
        return table
    arrow: pa.Table = table.with_format("arrow")[:]
    return arrow


def _codes(column: pa.ChunkedArray | None, count: int = 0) -> tuple[np.ndarray, pa.Array]:
    """int32 codes and their names; rows without a column are each one of their own."""
    if column is None:
        return np.arange(count, dtype=np.int32), pc.cast(pa.array(np.arange(count)), pa.string())
    missing = column.is_null()
    if pc.any(missing).as_py():
        row = pc.index(missing, True).as_py()
        raise SuiteError(f"Row {row + 1} names no entity or counterparty; fill it in or leave the row out.")
    plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    encoded = plain.cast(pa.string()).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32), encoded.dictionary


def _joined(codes: np.ndarray, names: Any, more: np.ndarray, more_names: Any) -> tuple[np.ndarray, pa.Array]:
    """Two lots of codes as codes of one lot of names."""
    every = pa.concat_arrays([names, more_names]).dictionary_encode()
    new = every.indices.to_numpy(zero_copy_only=False).astype(np.int32)
    return np.concatenate([new[: len(names)][codes], new[len(names) :][more]]), every.dictionary


def _used(codes: np.ndarray, names: pa.Array) -> tuple[np.ndarray, pa.Array]:
    seen = np.zeros(len(names), bool)
    seen[codes] = True
    return (np.cumsum(seen, dtype=np.int32) - 1)[codes].astype(np.int32), names.take(pa.array(np.flatnonzero(seen)))


def _is_number(kind: pa.DataType) -> bool:
    plain = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return plain or pa.types.is_decimal(kind) or _is_time(kind)


def _is_time(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) or pa.types.is_date(kind)


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    if _is_time(column.type):
        known = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).cast(pa.float64())
        return np.asarray(known.to_numpy()) / 1e6
    # Not exactly where whole numbers are above 2^53; `checks` says so.
    return np.asarray(column.cast(pa.float64(), safe=pa.types.is_boolean(column.type)).to_numpy(), np.float64)


def _strings(column: pa.ChunkedArray) -> pa.Array:
    plain = column.cast(pa.string()).combine_chunks()
    return plain.combine_chunks() if isinstance(plain, pa.ChunkedArray) else plain
