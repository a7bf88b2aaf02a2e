"""Rows of a transaction table with a value that cannot be read, where the others can: they are left out by name."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset

from suite import Finding, SuiteError, column
from suite_fraud.data import parsing

_MOST = 0.5
"""Where more than this share of the times is in no one format, the format is the trouble, and the table's error."""


def findings(rows: Dataset) -> Iterator[Finding]:
    """An error for each such row: an amount or time that is none, a label nobody knows, no entity where others have."""
    readers = {"time": _times, "amount": _amounts, "label": _labels, "entity": _names, "counterparty": _names}
    for name, bad in readers.items():
        if name in rows.column_names:
            for row, value, advice in bad(column(rows, name)):
                said = f"{name} is missing" if value is None else f"{name} {value!r} cannot be read"
                yield Finding("error", f"{said}; {advice}", row)


Bad = Iterator[tuple[int, object, str]]
"""Row, its value and what to do."""


def _names(array: pa.ChunkedArray) -> Bad:
    for row in np.flatnonzero(array.is_null().to_numpy()):
        yield int(row), None, "fill it in or leave the row out"


def _labels(array: pa.ChunkedArray) -> Bad:
    texts = array.cast(pa.string())
    strange = [value for value in texts.unique().to_pylist() if value is not None and not _is_label(value)]
    for row in np.flatnonzero(pc.is_in(texts, pa.array(strange, pa.string())).to_numpy()):
        yield int(row), texts[int(row)].as_py(), "write 1 for fraud, 0 for legitimate, nothing where nobody knows"


def _is_label(value: str) -> bool:
    try:
        parsing.labels(pa.chunked_array([[value]], pa.string()))
    except SuiteError:
        return False
    return True


def _amounts(array: pa.ChunkedArray) -> Bad:
    advice = "write it as 1234.56"
    if pa.types.is_floating(array.type):
        for place in np.flatnonzero(~np.isfinite(array.to_numpy())).tolist():
            yield place, array[place].as_py(), advice
    if not pa.types.is_string(array.type):
        return
    for row, value in enumerate(array.to_pylist()):
        if value is not None and not parsing.is_amount(value):
            yield row, value, advice


def _times(array: pa.ChunkedArray) -> Bad:
    if not pa.types.is_string(array.type) or parsing.time_numbers(array).size:
        return
    iso = pd.to_datetime(array.to_pandas(), errors="coerce", utc=True, format="ISO8601")
    readings = [iso.isna().to_numpy()]
    readings += [pc.strptime(array, form, "us", True).is_null().to_numpy() for form in parsing.time_formats()]
    unread = min(readings, key=lambda missing: int(missing.sum()))
    if unread.mean() <= _MOST:
        for row in np.flatnonzero(unread):
            yield int(row), array[int(row)].as_py(), "write it as 2018-04-30 12:00:00"
