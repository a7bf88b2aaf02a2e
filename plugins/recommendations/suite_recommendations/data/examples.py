"""Examples: windows of histories to learn from, whole histories to be answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset

from suite import Batch, Columns, SuiteError, column, moments
from suite_recommendations.data import tables
from suite_recommendations.data.catalogue import Catalogue
from suite_recommendations.data.history import History


class Numbered(Sequence[np.ndarray]):
    """Histories as item numbers of a catalogue, unknown items left out: 4 bytes an item, 8 a history."""

    def __init__(self, column: pa.ChunkedArray, catalogue: Catalogue) -> None:
        numbers, lengths = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
        for chunk in column.chunks:
            items = _looked_up(chunk.flatten(), catalogue)
            known, counts = items >= 0, np.diff(chunk.offsets.to_numpy())
            numbers.append(items[known])
            lengths.append(np.bincount(np.repeat(np.arange(len(counts)), counts)[known], minlength=len(counts)))
        self.numbers, self.lengths = np.concatenate(numbers), np.concatenate(lengths)
        self.ends = np.cumsum(self.lengths)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, number: Any) -> Any:
        """(items,) int64."""
        end = self.ends[number]
        return self.numbers[end - self.lengths[number] : end].astype(np.int64)


def _looked_up(items: pa.Array, catalogue: Catalogue) -> np.ndarray:
    """(items,) int32 numbers by id or else title, -1 for what the catalogue hasn't."""
    encoded = items.dictionary_encode()
    numbers = [catalogue.number(name) for name in encoded.dictionary.to_pylist()]
    known = np.array([-1 if number is None else number for number in numbers], dtype=np.int32)
    return known[encoded.indices.to_numpy()]


class Histories(Sequence[History]):
    """Examples made when they are asked for, from the columns user, history and, to be asked, target of a split."""

    def __init__(self, rows: Dataset | Sequence[Mapping[str, Any]], catalogue: Catalogue) -> None:
        if isinstance(rows, Sequence):
            kept = [{"target": "", **row} for row in rows]
            types = {"user": pa.string(), "history": pa.list_(pa.string()), "target": pa.string()}
            columns = {n: pa.chunked_array([[row[n] for row in kept]], kind) for n, kind in types.items()}
        else:
            columns = {name: column(rows, name) for name in ("user", "history", "target")}
        self.users, self.targets = columns["user"], columns["target"]
        self.numbers = Numbered(columns["history"], catalogue)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, number: Any) -> Any:
        """One example, or a list of those of a slice."""
        if isinstance(number, slice):
            return [self[i] for i in range(*number.indices(len(self)))]
        return self._made(range(len(self))[number])

    def _made(self, row: int) -> History:
        return History(self.users[row].as_py(), (), self.targets[row].as_py(), numbers=self.numbers[row])


class Windows(Histories):
    """As many training windows of `width` places as cover each history; those with one item teach nothing."""

    def __init__(self, rows: Dataset | Sequence[Mapping[str, Any]], catalogue: Catalogue, width: int) -> None:
        super().__init__(rows, catalogue)
        self.width = width
        self.last = np.cumsum(-(-np.maximum(self.numbers.lengths - 1, 0) // width))

    def __len__(self) -> int:
        return int(self.last[-1]) if len(self.last) else 0

    def _made(self, row: int) -> History:
        user = int(np.searchsorted(self.last, row, side="right"))
        chunk = row - (int(self.last[user - 1]) if user else 0)
        numbers = self.numbers[user]
        end = min((chunk + 1) * self.width, len(numbers) - 1)
        return History(self.users[user].as_py(), (), end=end, chunk=chunk, numbers=numbers)


def shifted(example: History, width: int, generator: np.random.Generator) -> History:
    """The window somewhere else by up to half its width, so that every epoch cuts histories in other places."""
    if example.end is None or example.numbers is None:
        return example
    places = len(example.numbers) - 1
    if places <= width:
        return example
    shift = int(generator.integers(-(width // 2), width // 2 + 1))
    return replace(example, end=min(max(example.end + shift, width), places))


def known_numbers(items: Sequence[str], catalogue: Catalogue) -> tuple[np.ndarray, list[str]]:
    """Numbers of the items the catalogue has, by id or else title, and the names of the others."""
    numbers = [catalogue.number(item) for item in items]
    unknown = [item for item, number in zip(items, numbers, strict=True) if number is None]
    return np.asarray([number for number in numbers if number is not None], dtype=np.int64), unknown


def collate(examples: Sequence[History], catalogue: Catalogue, width: int) -> Batch:
    """A batch: `history` (B, S) int64 with -1 behind, `end` (B,) int64, `own` (B,) bool, `labels` (B, W) int64
    right-aligned with -100 where there is none (W is `width` in training, else 1), and `requests`, a dict for each
    example that says what its answer holds.
    """
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
    requests = [
        {"user": example.user, "unknown": unknown, "reasons": example.reasons, "scored": bool(example.target)}
        for example, (_, unknown) in zip(examples, resolved, strict=True)
    ]
    batch: Batch = {
        "history": torch.from_numpy(history),
        "end": torch.tensor(ends),
        "own": torch.tensor(training),
        "requests": requests,
    }
    if any(training) or all(example.target for example in examples):
        batch["labels"] = torch.from_numpy(labels)
    return batch


def _labels(example: History, numbers: np.ndarray, catalogue: Catalogue, width: int) -> np.ndarray:
    """What comes after each of the last places before the end."""
    if example.end is not None:
        return numbers[max(0, example.end - width) + 1 : example.end + 1]
    target = catalogue.numbers.get(example.target, -100) if example.target else -100
    return np.asarray([target], dtype=np.int64)


def read_users(path: Path, columns: Columns) -> list[History]:
    """An example for each user of a table with user and item, in order of time where it has one, else of its rows.

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
        table = table.iloc[np.argsort(_times(table, time, path), kind="stable")]
    ids = table.assign(**{user: tables.as_ids(table[user]), item: tables.as_ids(table[item])})
    if ids.empty:
        raise SuiteError(f"{path.name} holds no interaction; give at least one row with a user and an item.")
    return [History(str(name), part[item].tolist(), reasons=True) for name, part in _in_order(ids, user)]


def _times(table: Any, name: str, path: Path) -> np.ndarray:
    """The times of all rows. Raises `SuiteError` for one that is missing or none: it has no place in a history."""
    times = moments(tables.arrow(table[name]))
    bad = np.flatnonzero(np.isnan(times))
    if len(bad):
        value, row = table[name].iloc[bad[0]], table.index[bad[0]]
        seen = "no time" if value != value or value is None else f"the time {str(value)!r}"
        raise SuiteError(
            f"{path.name}: row {row + 1} has {seen} in {name!r} ({len(bad)} such rows); write numbers or dates such as "
            "2024-05-31T14:00:00 in all rows, or leave the column out where the rows are in order."
        )
    return times


def _in_order(table: Any, user: str) -> Iterator[tuple[str, Any]]:
    yield from table.groupby(user, sort=False)
