"""Rows given from Python (a DataFrame, a data set, a list of dicts) become a file that a run can name.

A run has to find its rows again: to go on after a stop, and to be evaluated in another process. So they are written to
a Parquet file named after its content, beside the runs of the domain; pictures and sounds go into it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Audio, Dataset, DatasetDict, Features, Image

from suite.console import say, warn
from suite.data.sources import marked_splits
from suite.domain.description import Task
from suite.errors import SuiteError, afterwards
from suite.tables.columns import match_columns
from suite.tables.media import embedded
from suite.tables.store import column

Rows: TypeAlias = Dataset | DatasetDict | pd.DataFrame | Sequence[Mapping[str, Any]]
"""What stands for data beside a reference."""
_AT_ONCE = 10_000
_FILES_AT_ONCE = 64
"""Rows written at a time; of those that hold files fewer, so that they need not all be in memory."""
_FILE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def reference(data: Any, task: Task) -> str:
    """The reference of what a program gives as `data`: its own where it is one, else that of the file it is kept in."""
    if isinstance(data, str | Path):
        return str(data)
    return str(_kept(data, task))


def references(data: Any, task: Task) -> list[str]:
    """Those of one data set, or of several in a list; a list of dicts is one."""
    several = isinstance(data, list | tuple) and not any(isinstance(part, Mapping) for part in data)
    return [reference(part, task) for part in (data if several else [data])]


def _kept(data: Rows, task: Task) -> Path:
    """The file that holds the rows. Raises `SuiteError` for what is none of `Rows`, and where it cannot be written."""
    columns = _columns(data)
    folder = (Path(task.config.output) / task.domain.name / "data").absolute()
    aside = folder / f".{os.getpid()}.parquet"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with afterwards(lambda: aside.unlink(missing_ok=True), f"Removing {aside}"):
            _write(columns, _features(data), aside, task)
            with aside.open("rb") as file:
                name = hashlib.file_digest(file, "sha256").hexdigest()[:16]
            path = aside.replace(folder / f"{name}.parquet")
    except OSError as error:
        raise SuiteError(
            f"The rows given cannot be kept in {folder} ({error.strerror}), where the run would look for them when it "
            "is resumed or evaluated; give an output folder with room, or name a file or folder that holds them."
        ) from None
    say(f"The rows given are kept in {path} ({path.stat().st_size / 1e6:.1f} MB), for the run to find them again.")
    return path


def _columns(data: Rows) -> dict[str, Any]:
    """By name an Arrow array, or a list where values may be anything."""
    if isinstance(data, DatasetDict):
        data = marked_splits(data)
    if isinstance(data, Dataset):
        for name, feature in data.features.items():
            if isinstance(feature, Audio | Image):
                data = data.cast_column(name, type(feature)(decode=False))
        return {name: column(data, name) for name in data.column_names}
    if isinstance(data, pd.DataFrame):
        if len(set(map(str, data.columns))) < data.shape[1]:
            raise SuiteError("The DataFrame has several columns of one name; rename all but one.")
        return {str(name): _series(data[name]) for name in data.columns}
    if not isinstance(data, list | tuple):
        raise SuiteError(
            f"data is a {type(data).__name__}; give a reference (a file, a folder, a name), a DataFrame, a "
            "datasets.Dataset or DatasetDict, or a list of dicts."
        )
    for row, values in enumerate(data):
        if not isinstance(values, Mapping):
            raise SuiteError(f"Row {row} of data is a {type(values).__name__}, not a dict with named values.")
    names = dict.fromkeys(str(name) for values in data for name in values)
    return {name: [values.get(name) for values in data] for name in names}


def _series(values: pd.Series) -> Any:
    if values.dtype != object:
        made = pa.Array.from_pandas(values)
        return made.dictionary_decode() if pa.types.is_dictionary(made.type) else made
    return [None if isinstance(value, float) and value != value else value for value in values.tolist()]


def _features(data: Rows) -> Features:
    """What a data set says of its columns: the names of classes are there, and in no value."""
    if isinstance(data, DatasetDict):
        data = next(iter(data.values()))
    return data.features if isinstance(data, Dataset) else Features()


def _write(columns: Mapping[str, Any], features: Features, path: Path, task: Task) -> None:
    """Writes the columns; of those that the domain knows files as bytes, and structures given as objects as JSON."""
    if not columns or not len(next(iter(columns.values()))):
        raise SuiteError("The data have no row.")
    mapping = match_columns(columns, task.columns, task.config.columns)
    kinds = {mapping[known.name]: known.kind for known in task.columns if known.name in mapping}
    files = {name: kinds[name] for name in columns if kinds.get(name) in ("audio", "image")}
    made = {n: None if n in files else _array(n, values, kinds.get(n, "")) for n, values in columns.items()}
    schema = pa.schema([(name, _FILE if array is None else array.type) for name, array in made.items()])
    named = {name: features[name] for name in schema.names if name in features and name not in files}
    if named:
        others = Features.from_arrow_schema(pa.schema([field for field in schema if field.name not in named]))
        known = Features({name: named.get(name) or others[name] for name in schema.names})
        schema = schema.with_metadata(known.arrow_schema.metadata)
    with pq.ParquetWriter(path, schema) as writer:
        for start, stop in _parts(len(next(iter(columns.values()))), _FILES_AT_ONCE if files else _AT_ONCE):
            parts = [
                _embedded(name, columns[name][start:stop], files[name], start)
                if array is None
                else array.slice(start, stop - start)
                for name, array in made.items()
            ]
            writer.write_table(pa.table(parts, schema=schema))


def _parts(count: int, size: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + size, count)) for start in range(0, count, size))


def _array(name: str, values: Any, kind: str) -> Any:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    try:
        if kind == "structure":
            return pa.array([_json(value) for value in values], pa.string())
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise SuiteError(f"{name!r} mixes values of several types ({error}); use one.") from None


def _json(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    """Arrays and numbers of NumPy as lists and numbers."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"a {type(value).__name__} is neither list, dict, text nor number")


def _embedded(name: str, values: Any, kind: str, start: int) -> pa.Array:
    made = []
    for row, value in enumerate(values if isinstance(values, list) else values.to_pylist(), start=start):
        try:
            made.append(embedded(value, kind))
        except ValueError as error:
            raise SuiteError(f"{name} of row {row}: {error}.") from None
        except OSError as error:
            raise SuiteError(f"{name} of row {row}: {value} cannot be read ({error.strerror}).") from None
        if made[-1] is None and isinstance(value, str | Path) and str(value).strip():
            warn(f"{name} of row {row}: there is no file {str(value)!r}; the row is without.")
    return pa.array(made, _FILE)
