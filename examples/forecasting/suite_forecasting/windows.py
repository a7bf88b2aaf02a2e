"""Series and windows of them: what was seen, and what came next."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from suite import SuiteError

from suite_forecasting.config import LEAST, Options

Series = dict[str, list[tuple[Any, float]]]


def ordered(rows: Iterable[Mapping[str, Any]]) -> Series:
    """Each series' (time, value) in the order of time."""
    series: Series = {}
    for row in rows:
        series.setdefault(str(row["series"]), []).append((row["time"], float(row["value"])))
    return {name: sorted(points, key=lambda point: moment(point[0])) for name, points in series.items()}


def moment(time: Any) -> tuple[float, str]:
    """What times are sorted by: numbers as such, in whatever type a reader gave them, all else as text (ISO 8601)."""
    try:
        return float(time), ""
    except (TypeError, ValueError):
        return 0.0, str(time)


def windows(series: Series, *, context: int, horizon: int, stride: int, least: int) -> Iterator[dict[str, Any]]:
    """Each `stride` steps what came before (up to `context` values, `least` or more) and the `horizon` after.

    `time` and `end` are those of the first and the last value to be forecast.
    """
    for name, points in series.items():
        times, values = [time for time, _ in points], [value for _, value in points]
        for start in range(least, len(points) - horizon + 1, stride):
            yield {
                "series": name,
                "time": times[start],
                "end": times[start + horizon - 1],
                "history": values[max(0, start - context) : start],
                "future": values[start : start + horizon],
            }


def windows_of(rows: Iterable[Mapping[str, Any]], options: Options) -> list[dict[str, Any]]:
    """All windows of rows that are single values."""
    size = {"context": options.context, "horizon": options.horizon, "stride": options.stride}
    return list(windows(ordered(rows), least=LEAST, **size))


def parted(text: str) -> list[str]:
    """The numbers of a text, whatever stands between them."""
    return [part for part in re.split(r"[,;\s]+", text) if part]


def example(series: str, values: Sequence[Any]) -> dict[str, Any]:
    """A history as `collate` takes it. Raises `SuiteError` for what is no number, or too few of them."""
    try:
        history = [float(value) for value in values]
    except ValueError as error:
        raise SuiteError(f"A value of the series is no number: {error}.") from None
    if len(history) < LEAST or not all(math.isfinite(value) for value in history):
        raise SuiteError(f"The series {series!r} has {len(history)} values; give {LEAST} finite numbers or more.")
    return {"series": series, "history": history}
