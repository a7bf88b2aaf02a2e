"""Times as numbers, whatever holds them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from suite.tables.arrow import is_text


def moments(array: pa.ChunkedArray) -> np.ndarray:
    """(rows,) float64: numbers as they are, dates as seconds since 1970 in UTC; NaN for what is missing or neither.

    Text is read as numbers where all of it is, else as ISO 8601.
    """
    kind = array.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        micros = array.cast(pa.timestamp("us", getattr(kind, "tz", None)), safe=False).cast(pa.int64())
        return np.asarray(pc.divide(micros.cast(pa.float64(), safe=False), 1e6).to_numpy(), np.float64)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return np.asarray(array.cast(pa.float64(), safe=False).to_numpy(), np.float64)
    if not is_text(array):
        return np.full(len(array), np.nan)
    return _of_text(array)


def _of_text(array: pa.ChunkedArray) -> np.ndarray:
    try:
        return np.asarray(array.cast(pa.float64()).to_numpy(), np.float64)
    except pa.ArrowInvalid:
        values = array.to_pandas()
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.notna().any():
        return numbers.to_numpy(np.float64)
    dates = pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601")
    return ((dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)).to_numpy(np.float64)
