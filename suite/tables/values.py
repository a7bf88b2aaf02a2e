"""Values as their kind of column has them, whichever reader they came through: CSV, Parquet, JSON or a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from suite.tables.arrow import is_missing, is_text
from suite.tables.columns import Column, Columns, Finding
from suite.tables.store import column
from suite.tables.structures import structured

if TYPE_CHECKING:
    from datasets import Dataset

_MADE = "__made__"
"""A column's name meanwhile."""
_EXACT = 1 << 53
"""Whole numbers up to this are exact in 64-bit floating point; the next one is not."""


def settled(rows: Dataset, columns: Columns) -> tuple[Dataset, list[Finding]]:
    """Mapped rows with the values their columns' kinds have, and what is wrong with those that have none.

    Numbers in text and category columns are written out, whole ones without a decimal point, and text in number
    columns is read. Lists and structs are values of structure columns, in the shape these declare, and of files;
    nothing is made of them elsewhere.
    """
    findings: list[Finding] = []
    for ours in [c for c in columns if c.name in rows.column_names]:
        array, feature = column(rows, ours.name), rows.features[ours.name]
        if ours.kind == "structure":
            made, wrong = structured(ours, array, feature)
            findings += wrong
            rows = _with(rows, ours.name, made)
            continue
        if pa.types.is_nested(array.type) and ours.name not in columns.files:
            findings.append(_nested(ours, array))
            continue
        made, wrong = _of_kind(ours, array, getattr(feature, "names", None))
        findings += wrong
        if made is not array:
            rows = _with(rows, ours.name, made)
    return rows, findings


def _with(rows: Dataset, name: str, values: Any) -> Dataset:
    """The rows with other values in a column; in this order, for without its only column a table has no rows."""
    return rows.add_column(_MADE, values).remove_columns(name).rename_column(_MADE, name)


def _nested(ours: Column, array: pa.ChunkedArray) -> Finding:
    what = "lists" if pa.types.is_list(array.type) or pa.types.is_large_list(array.type) else "structs"
    text = f"The column {ours.name!r} ({ours.kind}) holds {what}; give one value in each row, or map another column."
    return Finding("error", text)


def _of_kind(ours: Column, array: pa.ChunkedArray, names: list[str] | None) -> tuple[Any, list[Finding]]:
    if pa.types.is_null(array.type):
        return array, []
    if ours.kind in ("text", "category") and not is_text(array):
        return _written(array, names), []
    if ours.kind == "id" and pa.types.is_floating(array.type):
        return _ids(ours, array)
    if ours.kind == "number":
        return _numbers(ours, array)
    return array, []


def _written(array: pa.ChunkedArray, names: list[str] | None) -> pa.Array:
    """Values as text: classes by their names, truth as true and false, numbers as short as they can be told."""
    if names is not None:
        return pa.array([None if v is None else names[v] for v in array.to_pylist()], pa.string())
    if pa.types.is_floating(array.type):
        return pa.array([_short(value) for value in array.to_pylist()], pa.string())
    return pc.cast(array, pa.string()).combine_chunks()


def _short(value: float | None) -> str | None:
    if value is None or value != value:
        return None
    return str(int(value)) if value.is_integer() and abs(value) <= _EXACT else repr(value)


def _ids(ours: Column, array: pa.ChunkedArray) -> tuple[Any, list[Finding]]:
    """Whole numbers that a missing value among them made floats: ids again, unless digits were lost by then."""
    known = pc.if_else(pc.is_nan(array), None, array)
    values = known.drop_null()
    if not pc.all(pc.equal(values, pc.floor(values))).as_py():
        return array, []
    if len(values) and float(pc.max(pc.abs(values)).as_py()) >= _EXACT:
        text = (
            f"The ids in {ours.name!r} are numbers above 2^53 in floating point, where neighbours are one and the "
            "same; give them as text or as whole numbers."
        )
        return array, [Finding("error", text)]
    return known.cast(pa.int64()).combine_chunks(), []


def _numbers(ours: Column, array: pa.ChunkedArray) -> tuple[Any, list[Finding]]:
    if is_text(array):
        return _read(ours, array)
    if pa.types.is_decimal(array.type):
        # By way of text, for Arrow's own conversion does not round to the nearest: -26.897 became -26.897000000000002.
        return array.cast(pa.string()).cast(pa.float64()).combine_chunks(), []
    return array, []


def _read(ours: Column, array: pa.ChunkedArray) -> tuple[Any, list[Finding]]:
    """Text as numbers; what is none becomes a finding and a missing value."""
    texts = array.to_pandas()
    numbers = pd.to_numeric(texts.str.strip(), errors="coerce")
    bad = np.flatnonzero(numbers.isna() & ~is_missing(array))
    findings = [Finding("error", f"{ours.name} is {texts[row]!r}, not a number", int(row)) for row in bad]
    return numbers.astype("float64").to_numpy(), findings
