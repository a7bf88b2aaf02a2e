"""Interaction tables: reading them with their items, filtering, and the splits of recommender evaluation.

A split holds one row per user:

    user      the user's id
    history   item ids, oldest first: everything known about the user at that moment
    target    the item that came next and is to be found; "" in training rows
    history_size  "under 20", "20 to 99" or "100 and more", to slice an evaluation by
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import pyarrow as pa
from datasets import Dataset

from suite import Columns, SuiteError, column, moments, on_disk
from suite import read_table as as_written
from suite_recommendations.config import RecommendationsConfig
from suite_recommendations.data.catalogue import Catalogue

SUFFIXES = (".parquet", ".csv", ".tsv", ".jsonl", ".json", ".inter", ".item")
NAMES = ("train", "validation", "test")
SIZES = ("under 20", "20 to 99", "100 and more")
_NAMED = ("user", "item", "title", "text")
_LARGE = 1 << 18
"""Interactions above which splits are written to a file: below they take a few megabytes."""
_AT_ONCE = 10_000
"""Users made into one batch of a split."""
_INTERACTIONS = ("interactions", "ratings", "events", "logs")
_ITEMS = ("items", "products", "movies", "catalogue", "catalog")


def read_table(path: Path) -> pd.DataFrame:
    """A table by its ending; of text files everything stays as written. Raises `SuiteError` if it can't be read."""
    kind = path.suffix.lower()
    recbole = kind in (".inter", ".item")
    table = as_written(path, like=".tsv" if recbole else "").to_pandas(integer_object_nulls=True)
    return table.rename(columns=lambda name: name.split(":")[0]) if recbole else table


def read_folder(path: Path, columns: Columns) -> pd.DataFrame | None:
    """Interactions of a folder joined with its items; None if it has no such pair of files (the core may read it)."""
    interactions, items = log_of(path), items_of(path)
    if interactions is None:
        return None
    rows = read_table(interactions)
    if items is None:
        return rows
    about, item = describe_items(read_table(items), columns, items), find(rows, columns, "item", interactions)
    rows = rows.drop(columns=[name for name in ("title", "text") if name in rows.columns])
    rows = rows.assign(**{item: as_ids(rows[item])})
    joined = rows.merge(about, how="left", left_on=item, right_on="__item").drop(columns="__item")
    return joined


def log_of(folder: Path) -> Path | None:
    """The file of a folder that holds its interactions."""
    return _named(folder, _INTERACTIONS, ".inter")


def items_of(folder: Path) -> Path | None:
    """The file of a folder that holds its items."""
    return _named(folder, _ITEMS, ".item")


def _named(folder: Path, names: tuple[str, ...], suffix: str) -> Path | None:
    for path in sorted(folder.iterdir()):
        if path.suffix == suffix or (path.stem.lower() in names and path.suffix.lower() in SUFFIXES):
            return path
    return None


def describe_items(table: pd.DataFrame, columns: Columns, path: Path) -> pd.DataFrame:
    """__item, title and text of an item table: the title column, and every other column's value joined by spaces."""
    item = find(table, columns, "item", path)
    title = find(table, columns, "title", path, required=False)
    rest = [name for name in table.columns if name not in (item, title)]
    joined = pd.Series([" ".join(map(_words, row)) for row in table[rest].itertuples(index=False)], index=table.index)
    titles = table[title].map(_words) if title else as_ids(table[item])
    about = pd.DataFrame({"__item": as_ids(table[item]), "title": titles, "text": joined.str.split().str.join(" ")})
    return about[about["__item"].notna()].drop_duplicates("__item")


def _words(value: Any) -> str:
    """A value in words: of a list its members, of a missing one nothing."""
    if isinstance(value, list | tuple | np.ndarray):
        return " ".join(map(_words, value))
    return "" if value is None or value is pd.NaT or value is pd.NA or value != value else str(value)


def find(table: pd.DataFrame, columns: Columns, name: str, path: Path, *, required: bool = True) -> str:
    """The table's own name of one of our columns, by name or alias. Raises `SuiteError` for an absent required one."""
    wanted = next(column for column in columns if column.name == name)
    known = {plain(alias) for alias in (wanted.name, *wanted.aliases)}
    for theirs in table.columns:
        if plain(str(theirs)) in known:
            return str(theirs)
    if required:
        raise SuiteError(
            f"{path.name} has no column for {name!r} ({wanted.summary}). "
            f"Its columns: {', '.join(map(str, table.columns))}. Rename one to {name!r}."
        )
    return ""


def plain(name: str) -> str:
    """A column name without case and punctuation."""
    return "".join(c for c in name.casefold() if c.isalnum())


def as_ids(values: pd.Series) -> pd.Series:
    """Ids as text; a whole number read as a float loses its ".0", and what is missing stays missing."""
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    return values.astype(str).str.strip().where(values.notna(), None)


def interactions(rows: Dataset | pd.DataFrame, config: RecommendationsConfig) -> pd.DataFrame:
    """user, item, time (and title, text where known), filtered and in order of time; names as categories.

    Equal times stay in the order of the rows: a stable sort. Without a time column the order of the rows is the time.
    """
    names = list(rows.column_names if hasattr(rows, "column_names") else rows.columns)
    table = {name: _category(rows, name, ids=name in ("user", "item")) for name in _NAMED if name in names}
    table["time"] = times(rows) if "time" in names else np.arange(len(rows), dtype=float)
    frame = pd.DataFrame(table, copy=False)
    if config.min_rating is not None:
        if "rating" not in names:
            raise SuiteError(
                "min_rating is set, but the data have no rating column; name it with --columns rating=THEIRS."
            )
        frame = frame[_series(rows, "rating").to_numpy(dtype=float) >= config.min_rating]
    frame = core(frame, config.k_core)
    if frame.empty:
        raise SuiteError(
            f"Nothing is left after k_core={config.k_core}: no set of users and items has that many interactions each. "
            "Give more data, or --set k_core=1."
        )
    if frame["time"].is_monotonic_increasing:
        return frame.reset_index(drop=True)
    return frame.sort_values("time", kind="stable", ignore_index=True)


def times(rows: Dataset | pd.DataFrame) -> np.ndarray:
    """(rows,) times as numbers, see `suite.moments`; text that holds numbers alone never becomes Python strings."""
    return moments(column(rows, "time") if hasattr(rows, "column_names") else arrow(rows["time"]))


def arrow(values: pd.Series) -> pa.ChunkedArray:
    """A column of a data frame as an Arrow one."""
    array = pa.Array.from_pandas(values)
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def _series(rows: Dataset | pd.DataFrame, name: str) -> pd.Series:
    return column(rows, name).to_pandas() if hasattr(rows, "column_names") else rows[name]


def _category(rows: Dataset | pd.DataFrame, name: str, *, ids: bool) -> pd.Categorical:
    """A column as numbers of its different values, in order of these: 4 bytes a row, however long the values are."""
    if hasattr(rows, "column_names"):
        encoded = column(rows, name).dictionary_encode()
        parts = [chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) for chunk in encoded.chunks]
        codes = np.concatenate([np.zeros(0, np.int32), *parts])
        different = pd.Series(encoded.chunk(0).dictionary.to_pandas() if parts else [])
    else:
        codes, values = pd.factorize(rows[name])
        different = pd.Series(values)
    values = (as_ids(different) if ids else different.astype(str)).to_numpy(dtype=object)
    values, merged = np.unique(values, return_inverse=True)
    codes = np.append(merged, -1).astype(np.int32)[codes]
    return pd.Categorical.from_codes(codes, values)


def core(frame: pd.DataFrame, least: int) -> pd.DataFrame:
    """The k-core: users and items with at least `least` interactions each, among those that are left."""
    while least > 1 and len(frame):
        before = len(frame)
        for name in ("item", "user"):
            numbers = _numbers(frame[name])
            enough = (np.bincount(numbers) >= least)[numbers]
            frame = frame if enough.all() else frame[enough]
            if not len(frame):
                break
        if len(frame) == before:
            break
    return frame


def _numbers(values: pd.Series) -> np.ndarray:
    """A number per row, equal for equal values."""
    return values.cat.codes.to_numpy() if values.dtype == "category" else pd.factorize(values, sort=True)[0]


def catalogue(frame: pd.DataFrame) -> Catalogue:
    """Every item once, in order of id; the text is what an encoder reads, title included."""
    first = frame.drop_duplicates("item").sort_values("item").astype({"item": str})
    blank = [""] * len(first)
    titles = first["title"].astype(object).fillna("").astype(str) if "title" in first else blank
    texts = first["text"].astype(object).fillna("").astype(str) if "text" in first else blank
    pairs = list(zip(titles, texts, strict=True))
    ids = first["item"].tolist()
    return Catalogue(
        ids,
        [title or text or item for item, (title, text) in zip(ids, pairs, strict=True)],
        [". ".join(part for part in pair if part) for pair in pairs],
    )


def split(frame: pd.DataFrame, config: RecommendationsConfig) -> dict[str, Rows]:
    """Rows of the three splits by the config's protocol. Raises `SuiteError` if one would be empty."""
    parts = leave_one_out(frame) if config.protocol == "leave-one-out" else temporal(frame, config)
    for name in NAMES:
        if not len(parts[name]):
            around = " around the two moments that part the data" if config.protocol == "temporal" else ""
            raise SuiteError(
                f"The {name} split has no user: {config.protocol} needs users with at least 3 interactions{around}. "
                "Give more data."
            )
    return parts


def leave_one_out(frame: pd.DataFrame) -> dict[str, Rows]:
    """Each user's last item tests, the one before validates, the rest trains; two interactions or fewer only train."""
    log = Log.of(frame)
    asked = np.flatnonzero(log.counts >= 3)
    ends = log.starts + log.counts
    return {
        "train": Rows(log, np.flatnonzero(log.counts), np.where(log.counts < 3, ends, ends - 2)),
        "validation": Rows(log, asked, ends - 2, asks=True),
        "test": Rows(log, asked, ends - 1, asks=True),
    }


def temporal(frame: pd.DataFrame, config: RecommendationsConfig) -> dict[str, Rows]:
    """Two moments part all interactions: training sees those before the first; a user's first interaction at or after
    a moment is to be found from all before that moment. Users without a past at that moment cannot be asked.
    """
    late = config.validation_share + config.test_share
    when = frame["time"].to_numpy()
    first, second = np.quantile(when, [1 - late, 1 - config.test_share])
    log, numbers = Log.of(frame), _numbers(frame["user"])
    before = [np.bincount(numbers[when < moment], minlength=len(log.counts)) for moment in (first, second)]
    parts = {"train": Rows(log, np.flatnonzero(before[0]), log.starts + before[0])}
    for name, past, until in (("validation", before[0], before[1]), ("test", before[1], log.counts)):
        parts[name] = Rows(log, np.flatnonzero((past > 0) & (until > past)), log.starts + past, asks=True)
    return parts


@dataclass(frozen=True)
class Log:
    """All interactions by user, each user's oldest first: `items` (n,) numbers of `names`, one user behind another.

    `users` are the users' names; `starts` and `counts` say where a user's items are.
    """

    items: np.ndarray
    names: np.ndarray
    users: np.ndarray
    starts: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Log:
        """From a frame in order of time."""
        users = frame["user"].astype("category")
        items = frame["item"].astype("category")
        numbers = users.cat.codes.to_numpy()
        counts = np.bincount(numbers, minlength=len(users.cat.categories))
        order = np.argsort(numbers, kind="stable")
        names, people = (values.cat.categories.to_numpy(dtype=object) for values in (items, users))
        return cls(items.cat.codes.to_numpy()[order], names, people, np.cumsum(counts) - counts, counts)


class Rows(Sequence[dict[str, Any]]):
    """Rows of a split, made when they are asked for: the users `users`, each with its items up to `ends` of all users.

    With `asks` the next item is the target.
    """

    def __init__(self, log: Log, users: np.ndarray, ends: np.ndarray, *, asks: bool = False) -> None:
        self.log, self.users, self.asks = log, users, asks
        self.starts, self.ends = log.starts[users], ends[users]

    def __len__(self) -> int:
        return len(self.users)

    def __getitem__(self, number: Any) -> Any:
        """One row; see `row`."""
        names, items, end = self.log.names, self.log.items, self.ends[number]
        history = names[items[self.starts[number] : end]].tolist()
        return row(self.log.users[self.users[number]], history, names[items[end]] if self.asks else "")

    def batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows, `_AT_ONCE` in a batch."""
        people, names = pa.array(self.log.users, pa.string()), pa.array(self.log.names, pa.string())
        for at in range(0, len(self), _AT_ONCE):
            users, starts, ends = (part[at : at + _AT_ONCE] for part in (self.users, self.starts, self.ends))
            lengths = ends - starts
            sums = np.cumsum(lengths)
            places = np.arange(sums[-1]) + np.repeat(starts - (sums - lengths), lengths)
            targets = names.take(pa.array(self.log.items[ends])) if self.asks else pa.array([""] * len(users))
            sizes = pa.array(SIZES).take(pa.array(np.searchsorted([20, 100], lengths, side="right")))
            offsets = pa.array(np.append(0, sums).astype(np.int32))
            histories = pa.ListArray.from_arrays(offsets, names.take(pa.array(self.log.items[places])))
            yield pa.RecordBatch.from_arrays([people.take(pa.array(users)), targets, sizes, histories], schema=schema)


def row(user: str, history: list[str], target: str = "") -> dict[str, Any]:
    """One row of a split."""
    size = SIZES[int(np.searchsorted([20, 100], len(history), side="right"))]
    return {"user": user, "history": history, "target": target, "history_size": size}


def dataset(rows: Rows) -> Dataset:
    """A split as a Dataset; a large one in a file."""
    texts = [(name, pa.string()) for name in ("user", "target", "history_size")]
    schema = pa.schema([*texts, ("history", pa.list_(pa.string()))])
    batches = rows.batches(schema)
    table = on_disk(schema, batches) if len(rows.log.items) > _LARGE else pa.Table.from_batches(batches, schema)
    return Dataset(table, fingerprint=uuid4().hex[:16])  # the default one would pickle the whole table


def summary(frame: pd.DataFrame) -> dict[str, int]:
    """Counts of a log in order of time: users, items, interactions, ties of the last two, short histories."""
    numbers = _numbers(frame["user"])
    when = frame["time"].to_numpy()[np.argsort(numbers, kind="stable")]
    counts = np.bincount(numbers)
    last = (np.cumsum(counts) - 1)[counts > 1]
    return {
        "users": int((counts > 0).sum()),
        "items": int(frame["item"].nunique()),
        "interactions": len(frame),
        "ties": int((when[last] == when[last - 1]).sum()),
        "short": int(((counts > 0) & (counts < 3)).sum()),
    }
