"""Examples: windows of histories to learn from, whole histories to be answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from suite import Batch, Columns, SuiteError
from suite_recommendations import tables

if TYPE_CHECKING:
    from suite_recommendations.catalogue import Catalogue


@dataclass(frozen=True)
class History:
    """One user. `items` are ids or titles, oldest first; `target` the id that came next, "" where nobody knows.

    A training window is `items` with an `end`: places before it are learned from. `reasons` asks for them.
    """

    user: str
    items: Sequence[str]
    target: str = ""
    end: int | None = None
    chunk: int = 0
    reasons: bool = False
    numbers: np.ndarray | None = field(default=None, compare=False)
    """Item numbers in the catalogue of the model the example was prepared for; unknown items are left out."""


def windows(rows: Sequence[Mapping[str, Any]], catalogue: Catalogue, width: int) -> list[History]:
    """As many training windows of `width` places as cover each history; those with one item teach nothing."""
    found = []
    for row in rows:
        numbers = known_numbers(row["history"], catalogue)[0]
        places = len(numbers) - 1
        for chunk in range(-(-places // width) if places > 0 else 0):
            end = min((chunk + 1) * width, places)
            found.append(History(row["user"], (), end=end, chunk=chunk, numbers=numbers))
    return found


def shifted(example: History, width: int, generator: np.random.Generator) -> History:
    """The window somewhere else by up to half its width, so that every epoch cuts histories in other places."""
    if example.end is None or example.numbers is None:
        return example
    places = len(example.numbers) - 1
    if places <= width:
        return example
    shift = int(generator.integers(-(width // 2), width // 2 + 1))
    return replace(example, end=min(max(example.end + shift, width), places))


def questions(rows: Sequence[Mapping[str, Any]], catalogue: Catalogue) -> list[History]:
    """One example per row of a split: the whole history, and the target."""
    return [
        History(row["user"], (), row["target"], numbers=known_numbers(row["history"], catalogue)[0]) for row in rows
    ]


def known_numbers(items: Sequence[str], catalogue: Catalogue) -> tuple[np.ndarray, list[str]]:
    """Numbers of the items the catalogue has, by id or else title, and the names of the others."""
    numbers = [catalogue.number(item) for item in items]
    unknown = [item for item, number in zip(items, numbers, strict=True) if number is None]
    return np.asarray([number for number in numbers if number is not None], dtype=np.int64), unknown


def collate(examples: Sequence[History], catalogue: Catalogue, width: int) -> Batch:
    """`history` (B, S) with -1 behind, `end` (B,), `own` (B,), `labels` (B, W) right-aligned, and what was asked."""
    import torch

    resolved = [(e.numbers, []) if e.numbers is not None else known_numbers(e.items, catalogue) for e in examples]
    longest = max(1, *(len(numbers) for numbers, _ in resolved))
    history = np.full((len(examples), longest), -1, dtype=np.int64)
    training = [e.end is not None for e in examples]
    labels = np.full((len(examples), width if any(training) else 1), -100, dtype=np.int64)
    ends = []
    for row, (example, (numbers, _)) in enumerate(zip(examples, resolved, strict=True)):
        history[row, : len(numbers)] = numbers
        ends.append(len(numbers) if example.end is None else example.end)
        wanted = _labels(example, numbers, catalogue, width)
        labels[row, labels.shape[1] - len(wanted) :] = wanted
    asked = [
        {"user": example.user, "unknown": unknown, "reasons": example.reasons, "scored": bool(example.target)}
        for example, (_, unknown) in zip(examples, resolved, strict=True)
    ]
    found: Batch = {
        "history": torch.from_numpy(history),
        "end": torch.tensor(ends),
        "own": torch.tensor(training),
        "asked": asked,
    }
    if any(training) or all(example.target for example in examples):
        found["labels"] = torch.from_numpy(labels)
    return found


def _labels(example: History, numbers: np.ndarray, catalogue: Catalogue, width: int) -> np.ndarray:
    """What comes after each of the last places before the end."""
    if example.end is not None:
        return numbers[max(0, example.end - width) + 1 : example.end + 1]
    target = catalogue.numbers.get(example.target, -100) if example.target else -100
    return np.asarray([target], dtype=np.int64)


def read_users(path: Path, columns: Columns) -> list[History]:
    """One example per user of a table with user and item, in order of time where it has one, else of its rows.

    Raises `SuiteError` for what is no such table.
    """
    if not path.is_file() or path.suffix.lower() not in tables.SUFFIXES:
        raise SuiteError(
            f"Cannot read histories from {str(path)!r}: give a file ({', '.join(tables.SUFFIXES[:5])}) with a row per "
            "interaction and the columns user and item."
        )
    table = tables.read_table(path)
    user, item = (tables.find(table, columns, name, path) for name in ("user", "item"))
    time = tables.find(table, columns, "time", path, required=False)
    table = table.dropna(subset=[user, item])
    if time:
        table = table.iloc[np.argsort(tables.as_times(table[time]).to_numpy(), kind="stable")]
    ids = table.assign(**{user: tables.as_ids(table[user]), item: tables.as_ids(table[item])})
    if ids.empty:
        raise SuiteError(f"{path.name} holds no interaction; give at least one row with a user and an item.")
    return [History(str(name), part[item].tolist(), reasons=True) for name, part in _in_order(ids, user)]


def _in_order(table: Any, user: str) -> Iterator[tuple[str, Any]]:
    yield from table.groupby(user, sort=False)
