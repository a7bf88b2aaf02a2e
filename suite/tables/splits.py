"""Parts rows into training, validation and test data, so that the test data says something about new data.

By the rows' own split column, else by group, else by time, else at random. The result depends on the rows and the
seed only; groups are placed by a hash of their name, whatever the order of the rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from suite import console
from suite.errors import SuiteError
from suite.tables.arrow import codes, is_missing, is_text
from suite.tables.columns import SPLIT, Columns
from suite.tables.content import content_codes
from suite.tables.store import column

if TYPE_CHECKING:
    from datasets import Dataset

    from suite.config import TrainConfig

NAMES = ("train", "validation", "test")
ALIASES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
}
"""What people call a split, to what we call it; compared in lower case."""


def split_rows(rows: Dataset, columns: Columns, config: TrainConfig) -> dict[str, Dataset]:
    """Splits under the keys "train", "validation" and "test", each with at least one row.

    The rows' own `split` column is honoured; a validation or test split it lacks is carved out of its training rows
    by the rule for the rest: whole groups, else the newest rows for testing, else at random with each label's share
    kept. With fewer groups than splits (one speaker), rows are split as if there were no groups, with a warning.
    Raises `SuiteError` if there are too few rows or times, a split of an unknown name, or a share given for one that
    the rows mark themselves.
    """
    marked = SPLIT in rows.column_names and not is_missing(column(rows, SPLIT)).all()
    parts = _own_splits(rows) if marked else {"train": np.arange(len(rows))}
    wanted = {"validation": config.validation_share, "test": config.test_share}
    for name, share in wanted.items():
        if name in parts and share != type(config).model_fields[f"{name}_share"].default:
            raise SuiteError(
                f"{name}_share={share} would not be read: the column {SPLIT!r} marks the {name} rows itself; leave it "
                "out, or drop the column."
            )
    shares = {name: share for name, share in wanted.items() if name not in parts}
    if shares:
        pool = parts["train"]
        _refuse_few(len(pool), len(shares) + 1, "rows")
        parts |= _carve(rows.select(pool), pool, columns, shares, config.seed)
    return {name: rows.select(parts[name]) for name in NAMES}


def _own_splits(rows: Dataset) -> dict[str, np.ndarray]:
    """Row numbers per split, as the rows' own column has it."""
    if empty := int(is_missing(column(rows, SPLIT)).sum()):
        raise SuiteError(f"The column 'split' is empty in {empty:,} of {len(rows):,} rows; fill it in, or in none.")
    numbers, values = codes(column(rows, SPLIT))
    names = [str(value).strip().lower() for value in values]
    strange = [name for name in names if name not in ALIASES]
    if strange:
        raise SuiteError(f"The column 'split' holds {strange[0]!r}; possible are {', '.join(ALIASES)}.")
    ours = np.array([ALIASES[name] for name in names])[numbers]
    parts = {name: np.flatnonzero(ours == name) for name in NAMES if (ours == name).any()}
    if "train" not in parts:
        raise SuiteError(f"The column 'split' marks no row as 'train', only as {' and '.join(parts)}; mark some.")
    return parts


def _carve(
    rows: Dataset, pool: np.ndarray, columns: Columns, shares: dict[str, float], seed: int
) -> dict[str, np.ndarray]:
    """Parts `rows`, which are the data's rows `pool`, into train and the splits named in `shares`.

    The rules give a byte per row: 0 for train, else the split's place in `shares`, from 1. Rows whose files have the
    same content go where the first of them goes.
    """
    first = _first_alike(rows, columns)
    own = np.unique(first)
    if (groups := _groups(rows, columns, len(shares) + 1, first)) is not None:
        places = _by_group(*groups, shares, seed)
    elif len(own) < len(rows) and _enough(len(own), len(shares) + 1):
        places = _by_row(rows.select(own), columns, shares, seed)[np.searchsorted(own, first)]
    else:
        places = _by_row(rows, columns, shares, seed)
    return {name: pool[places == place] for place, name in enumerate(("train", *shares))}


def _by_row(rows: Dataset, columns: Columns, shares: dict[str, float], seed: int) -> np.ndarray:
    if columns.time in rows.column_names:
        return _by_time(_times(rows, str(columns.time)), shares)
    return _at_random(_labels(rows, columns), shares, seed)


def _enough(contents: int, needed: int) -> bool:
    """Whether there are files enough for splits that share none; says so where there are not."""
    if contents < needed:
        console.warn(
            f"The rows share {contents} files, too few for {needed} splits without overlap, so they are split by row; "
            "the test score says nothing about a new file."
        )
    return contents >= needed


def _first_alike(rows: Dataset, columns: Columns) -> np.ndarray:
    """For each row the first that has the same content in a file column; itself if there is none before it."""
    first = np.arange(len(rows))
    for name in [name for name in columns.files if name in rows.column_names]:
        contents = content_codes(column(rows, name))
        leaders = np.unique(contents, return_index=True)[1][contents]
        later = np.flatnonzero(leaders != np.arange(len(rows)))
        first = _united(len(rows), zip(later, leaders[later], strict=True), first)
    return first


def _united(count: int, pairs: Iterable[tuple[int, int]], least: np.ndarray | None = None) -> np.ndarray:
    """For each of `count` numbers the least one that it is tied to by the pairs, over however many."""
    parent = list(range(count) if least is None else least.tolist())

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for first, second in pairs:
        low, high = sorted((root(int(first)), root(int(second))))
        parent[high] = low
    return np.array([root(number) for number in range(count)], dtype=np.int64)


def _groups(rows: Dataset, columns: Columns, needed: int, first: np.ndarray) -> tuple[np.ndarray, list[str]] | None:
    """Each row's group number and the groups' names; None if there are no groups that could be respected.

    Groups that share a file's content, by `first`, are one group, named after the least of its names.
    """
    if columns.group not in rows.column_names:
        return None
    numbers, names = codes(column(rows, str(columns.group)))
    later = np.flatnonzero(first != np.arange(len(first)))
    if len(later):
        least = _united(len(names), zip(numbers[later], numbers[first[later]], strict=True))
        named: dict[int, str] = {}
        for number, name in zip(least.tolist(), map(str, names), strict=True):
            named[number] = min(name, named.get(number, name))
        numbers, names = np.searchsorted(sorted(named), least)[numbers], [named[number] for number in sorted(named)]
    if len(names) >= needed:
        return numbers, [str(name) for name in names]
    console.warn(
        f"The data have {len(names)} different values of {columns.group!r}, too few for {needed} splits without "
        f"overlap, so they are split by row; the test score says nothing about a new {columns.group}."
    )
    return None


def _by_group(numbers: np.ndarray, names: list[str], shares: dict[str, float], seed: int) -> np.ndarray:
    """Takes whole groups, in the order of their hashes, as long as they fit into a split's share; the rest train.

    A split into which no group fits gets the smallest one, so that none is empty.
    """
    sizes = np.bincount(numbers, minlength=len(names))
    free = sorted(range(len(names)), key=lambda number: _hash(names[number], seed))
    place = np.zeros(len(names), dtype=np.int8)
    for later, (split, share) in zip(range(len(shares), 0, -1), enumerate(shares.values(), start=1), strict=True):
        room, taken = share * len(numbers) + 1e-9, list[int]()
        for number in free:
            # `later` groups are left for the splits that come after this one, train included.
            if sizes[number] <= room and len(free) - len(taken) > later:
                taken.append(number)
                room -= sizes[number]
        taken = taken or [min(free, key=lambda number: sizes[number])]
        place[taken] = split
        free = [number for number in free if place[number] == 0]
    return place[numbers]


def _by_time(times: np.ndarray, shares: dict[str, float]) -> np.ndarray:
    """The newest rows test, those before validate, the rest trains; equal times stay together."""
    values, counts = np.unique(times, return_counts=True)
    _refuse_few(len(values), len(shares) + 1, "different times")
    places = np.zeros(len(times), dtype=np.int8)
    end = len(values)
    newest_first = [name for name in ("test", "validation") if name in shares]
    for later, name in zip(range(len(shares), 0, -1), newest_first, strict=True):
        sums = np.cumsum(counts[:end][::-1])
        nearest = int(np.argmin(np.abs(sums - shares[name] * len(times)))) + 1
        start = max(end - nearest, later)  # a time each is left for the splits that come after, train included
        places[(times >= values[start]) & (times <= values[end - 1])] = 1 + list(shares).index(name)
        end = start
    return places


def _at_random(labels: np.ndarray, shares: dict[str, float], seed: int) -> np.ndarray:
    """A permutation from the seed, cut into pieces; each piece holds each label in proportion.

    Sorting by each row's rank within its label (as a share of the label's count) does that; a label of a few rows
    stays in training, whose piece is the last.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    shuffled = labels[order]
    by_label = np.argsort(shuffled, kind="stable")
    first = np.searchsorted(shuffled[by_label], np.arange(labels.max() + 1))
    rank = np.arange(len(labels)) - first[shuffled[by_label]]
    share = (rank + 0.5) / np.bincount(labels)[shuffled[by_label]]
    order = order[by_label][np.argsort(share, kind="stable")]
    places = np.zeros(len(labels), dtype=np.int8)
    start = 0
    for split, wanted in enumerate(shares.values(), start=1):
        # A row each is left for the splits that come after this one, train included.
        count = max(1, min(round(wanted * len(labels)), len(labels) - start - (len(shares) - split + 1)))
        places[order[start : start + count]] = split
        start += count
    return places


def _labels(rows: Dataset, columns: Columns) -> np.ndarray:
    """Label numbers if exactly one required column is a category, so that it can only be the label; else all 0."""
    names = [column.name for column in columns if column.kind == "category" and column.required]
    if len(names) != 1:
        return np.zeros(len(rows), dtype=np.int64)
    return codes(column(rows, names[0]))[0]


def _times(rows: Dataset, name: str) -> np.ndarray:
    """Rank of each row's time, from 1; text is read as numbers or as ISO 8601, rows without a time come first."""
    values = column(rows, name).to_pandas()
    if not is_text(column(rows, name)):
        return values.rank(method="dense", na_option="top").to_numpy(np.int64)
    try:
        read = pd.to_numeric(values)
    except ValueError:
        read = pd.to_datetime(values, format="ISO8601", utc=True, errors="coerce")
        if (bad := read.isna() & values.notna()).any():
            raise SuiteError(
                f"The column {name!r} holds {values[bad].iloc[0]!r}, which is no time; "
                "write numbers or dates such as 2024-05-31T14:00:00."
            ) from None
    return read.rank(method="dense", na_option="top").to_numpy(np.int64)


def _hash(value: str, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed}\0{value}".encode(), digest_size=16).digest()


def _refuse_few(count: int, needed: int, what: str) -> None:
    if count < needed:
        raise SuiteError(f"There are {count} {what}, too few to part into {needed} splits; give more data.")
