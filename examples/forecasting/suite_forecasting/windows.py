"""Windows of series: what was seen, and what came next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Series = dict[str, list[tuple[Any, float]]]


def ordered(rows: Iterable[Mapping[str, Any]]) -> Series:
    """Each series' (time, value) in the order of time."""
    found: Series = {}
    for row in rows:
        found.setdefault(str(row["series"]), []).append((row["time"], float(row["value"])))
    return {name: sorted(points, key=lambda point: moment(point[0])) for name, points in found.items()}


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
