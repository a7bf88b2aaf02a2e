"""Predictions compared, and written to files."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.errors import SuiteError
from suite.files import write_text

if TYPE_CHECKING:
    from suite.domain.vocabulary import Prediction


_LIVE = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""What a cell begins with that a spreadsheet would run, also in the wide letters of East Asia. Apostrophes before it
are those of cells made inert, so that each can be taken back."""


def close(expected: Any, actual: Any, *, tolerance: float) -> bool:
    """Whether two JSON values are equal, numbers within `tolerance` relative to the larger or absolute below 1."""
    if isinstance(expected, bool) or isinstance(actual, bool) or expected is None:
        return expected is actual
    if isinstance(expected, int | float) and isinstance(actual, int | float):
        return math.isclose(expected, actual, rel_tol=tolerance, abs_tol=tolerance)
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(
            close(v, actual[k], tolerance=tolerance) for k, v in expected.items()
        )
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(
            close(a, b, tolerance=tolerance) for a, b in zip(expected, actual, strict=True)
        )
    return bool(expected == actual)


def write_predictions(predictions: Sequence[tuple[str, Prediction]], path: Path) -> None:
    """Writes (input, prediction) pairs as `.json`, `.jsonl` or `.csv`. Raises `SuiteError` for another ending."""
    records = [{"input": name, **prediction} for name, prediction in predictions]
    if path.suffix == ".json":
        write_text(path, json.dumps(records, indent=2, ensure_ascii=False) + "\n")
    elif path.suffix == ".jsonl":
        write_text(path, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
    elif path.suffix == ".csv":
        write_csv(records, path)
    else:
        raise SuiteError(f"Cannot write {path.name}: give --output an ending of .json, .jsonl or .csv.")


def write_csv(records: Sequence[dict[str, Any]], path: Path) -> None:
    """A CSV with a column per key; nested values as JSON, formulas made inert, numbers unchanged."""
    fields = list(dict.fromkeys(key for record in records for key in record))
    write_text(path, csv_text([fields, *([record.get(field, "") for field in fields] for record in records)]))


def csv_text(rows: Iterable[Sequence[Any]]) -> str:
    """Rows as CSV, every cell `inert`. A carriage return is quoted too: unquoted it would begin a row, of a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")  # Python quotes the signs that end its lines, and no others
    for row in rows:
        writer.writerow([inert(value) for value in row])
        text.seek(text.tell() - 2)
        text.write("\n")
        text.truncate()
    return text.getvalue()


def inert(value: Any) -> Any:
    """A cell no spreadsheet will run: text that begins like a formula gets a leading apostrophe."""
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    return f"'{value}" if isinstance(value, str) and _LIVE.match(value) else value


def as_written(cell: str) -> str:
    """The text that `inert` made this cell of.

    >>> as_written(inert("=1+1")), as_written(inert("'=1")), as_written(inert("it's"))
    ('=1+1', "'=1", "it's")
    """
    return cell[1:] if cell.startswith("'") and _LIVE.match(cell) else cell
