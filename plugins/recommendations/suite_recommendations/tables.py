"""Interaction tables: reading them with their items, filtering, and the splits of recommender evaluation.

A split holds one row per user:

    user      the user's id
    history   item ids, oldest first: everything known about the user at that moment
    target    the item that came next and is to be found; "" in training rows
    history_size  "under 20", "20 to 99" or "100 and more", to slice an evaluation by
    catalogue in the first row all items as {item, title, text}; empty in the others
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from suite import Columns, SuiteError
from suite_recommendations.config import RecommendationsConfig

if TYPE_CHECKING:
    import pandas as pd
    from datasets import Dataset

SUFFIXES = (".parquet", ".csv", ".tsv", ".jsonl", ".json", ".inter", ".item")
NAMES = ("train", "validation", "test")
_INTERACTIONS = ("interactions", "ratings", "events", "logs")
_ITEMS = ("items", "products", "movies", "catalogue", "catalog")


def read_table(path: Path) -> pd.DataFrame:
    """A table by its ending; ids stay text. Raises `SuiteError` if it can't be read."""
    import pandas as pd

    kind = path.suffix.lower()
    try:
        if kind == ".parquet":
            return pd.read_parquet(path)
        if kind in (".jsonl", ".json"):
            return pd.read_json(path, lines=kind == ".jsonl", dtype=False, convert_dates=False)
        table = pd.read_csv(path, sep="," if kind == ".csv" else "\t", dtype=str, keep_default_na=False, na_values=[""])
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise SuiteError(f"Cannot read {path} as a table: {str(error).splitlines()[0]}") from None
    return table.rename(columns=lambda name: name.split(":")[0]) if kind in (".inter", ".item") else table


def read_folder(path: Path, columns: Columns) -> pd.DataFrame | None:
    """Interactions of a folder joined with its items; None if it has no such pair of files (the core may read it)."""
    interactions = _named(path, _INTERACTIONS, ".inter")
    items = _named(path, _ITEMS, ".item")
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


def _named(folder: Path, names: tuple[str, ...], suffix: str) -> Path | None:
    for path in sorted(folder.iterdir()):
        if path.suffix == suffix or (path.stem.lower() in names and path.suffix.lower() in SUFFIXES):
            return path
    return None


def describe_items(table: pd.DataFrame, columns: Columns, path: Path) -> pd.DataFrame:
    """__item, title and text of an item table: the title column, and every other column's value joined by spaces."""
    import pandas as pd

    item = find(table, columns, "item", path)
    title = find(table, columns, "title", path, required=False)
    rest = [name for name in table.columns if name not in (item, title)]
    joined = table[rest].fillna("").astype(str).agg(" ".join, axis=1) if rest else pd.Series("", index=table.index)
    titles = table[title].fillna("").astype(str) if title else as_ids(table[item])
    about = pd.DataFrame({"__item": as_ids(table[item]), "title": titles, "text": joined.str.split().str.join(" ")})
    return about.drop_duplicates("__item")


def find(table: pd.DataFrame, columns: Columns, name: str, path: Path, *, required: bool = True) -> str:
    """The table's own name of one of our columns, by name or alias. Raises `SuiteError` for an absent required one."""
    column = next(column for column in columns if column.name == name)
    known = {plain(alias) for alias in (column.name, *column.aliases)}
    for theirs in table.columns:
        if plain(str(theirs)) in known:
            return str(theirs)
    if required:
        raise SuiteError(
            f"{path.name} has no column for {name!r} ({column.summary}). "
            f"Its columns: {', '.join(map(str, table.columns))}. Rename one to {name!r}."
        )
    return ""


def plain(name: str) -> str:
    """A column name without case and punctuation."""
    return "".join(c for c in name.casefold() if c.isalnum())


def as_ids(values: pd.Series) -> pd.Series:
    """Ids as text; a whole number read as a float loses its ".0"."""
    import pandas as pd

    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    return values.astype(str).str.strip()


def as_times(values: pd.Series) -> pd.Series:
    """Times as numbers: numbers as they are, dates as seconds; NaN for what is neither."""
    import pandas as pd

    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.notna().any() or values.isna().all():
        return numbers
    dates = pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601")
    return (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)


def interactions(rows: Dataset | pd.DataFrame, config: RecommendationsConfig) -> pd.DataFrame:
    """user, item, time (and title, text where known), filtered and in order of time.

    Equal times stay in the order of the rows: a stable sort. Without a time column the order of the rows is the time.
    """
    table = rows if not hasattr(rows, "to_pandas") else rows.to_pandas()
    kept = {name: table[name] for name in ("title", "text") if name in table.columns}
    frame = table[[]].assign(user=as_ids(table["user"]), item=as_ids(table["item"]), **kept)
    frame["time"] = as_times(table["time"]) if "time" in table.columns else np.arange(len(table), dtype=float)
    if config.min_rating is not None:
        if "rating" not in table.columns:
            raise SuiteError(
                "min_rating is set, but the data have no rating column; name it with --columns rating=THEIRS."
            )
        frame = frame[table["rating"].astype(float) >= config.min_rating]
    frame = core(frame, config.k_core)
    if frame.empty:
        raise SuiteError(
            f"Nothing is left after k_core={config.k_core}: no set of users and items has that many interactions each. "
            "Give more data, or --set k_core=1."
        )
    return frame.sort_values("time", kind="stable", ignore_index=True)


def core(frame: pd.DataFrame, least: int) -> pd.DataFrame:
    """The k-core: users and items with at least `least` interactions each, among those that are left."""
    while least > 1 and len(frame):
        before = len(frame)
        frame = frame[frame.groupby("item")["user"].transform("size") >= least]
        frame = frame[frame.groupby("user")["item"].transform("size") >= least]
        if len(frame) == before:
            break
    return frame


def catalogue(frame: pd.DataFrame) -> list[dict[str, str]]:
    """Every item once, in order of id, as {item, title, text}; the text is what an encoder reads, title included."""
    first = frame.drop_duplicates("item").sort_values("item")
    blank = [""] * len(first)
    titles = first["title"].fillna("").astype(str) if "title" in first else blank
    texts = first["text"].fillna("").astype(str) if "text" in first else blank
    return [
        {"item": item, "title": title or text or item, "text": ". ".join(part for part in (title, text) if part)}
        for item, title, text in zip(first["item"], titles, texts, strict=True)
    ]


def split(frame: pd.DataFrame, config: RecommendationsConfig) -> dict[str, list[dict[str, Any]]]:
    """Rows of the three splits by the config's protocol. Raises `SuiteError` if one would be empty."""
    parts = leave_one_out(frame) if config.protocol == "leave-one-out" else temporal(frame, config)
    for name in NAMES:
        if not parts[name]:
            around = " around the two moments that part the data" if config.protocol == "temporal" else ""
            raise SuiteError(
                f"The {name} split has no user: {config.protocol} needs users with at least 3 interactions{around}. "
                "Give more data."
            )
    return parts


def leave_one_out(frame: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Each user's last item tests, the one before validates, the rest trains; two interactions or fewer only train."""
    parts: dict[str, list[dict[str, Any]]] = {name: [] for name in NAMES}
    for user, items in _by_user(frame):
        if len(items) < 3:
            parts["train"].append(row(user, items))
            continue
        parts["train"].append(row(user, items[:-2]))
        parts["validation"].append(row(user, items[:-2], items[-2]))
        parts["test"].append(row(user, items[:-1], items[-1]))
    return parts


def temporal(frame: pd.DataFrame, config: RecommendationsConfig) -> dict[str, list[dict[str, Any]]]:
    """Two moments part all interactions: training sees those before the first; a user's first interaction at or after
    a moment is to be found from all before that moment. Users without a past at that moment cannot be asked.
    """
    late = config.validation_share + config.test_share
    first, second = np.quantile(frame["time"], [1 - late, 1 - config.test_share])
    known = frame[frame["time"] < first]
    parts = {"train": [row(user, items) for user, items in _by_user(known)]}
    for name, start, stop in (("validation", first, second), ("test", second, np.inf)):
        past = dict(_by_user(frame[frame["time"] < start]))
        period = frame[(frame["time"] >= start) & (frame["time"] < stop)]
        parts[name] = [row(user, past[user], items[0]) for user, items in _by_user(period) if user in past]
    return parts


def row(user: str, history: list[str], target: str = "") -> dict[str, Any]:
    """One row of a split."""
    size = "under 20" if len(history) < 20 else "20 to 99" if len(history) < 100 else "100 and more"
    return {"user": user, "history": history, "target": target, "history_size": size}


def _by_user(frame: pd.DataFrame) -> Iterator[tuple[str, list[str]]]:
    for user, part in frame.groupby("user", sort=True):
        yield str(user), part["item"].tolist()


def dataset(rows: list[dict[str, Any]], items: list[dict[str, str]]) -> Dataset:
    """A split as a Dataset, the catalogue in its first row."""
    import pyarrow as pa
    from datasets import Dataset

    struct = pa.struct([("item", pa.string()), ("title", pa.string()), ("text", pa.string())])
    schema = pa.schema(
        [(name, pa.string()) for name in ("user", "target", "history_size")]
        + [("history", pa.list_(pa.string())), ("catalogue", pa.list_(struct))]
    )
    filled = [entry | {"catalogue": [] if number else items} for number, entry in enumerate(rows)]
    return Dataset(pa.Table.from_pylist(filled, schema=schema))


def findings(frame: Mapping[str, Any] | pd.DataFrame) -> dict[str, int]:
    """What is worth telling about a log in order: users, items, interactions, ties of the last two, short histories."""
    table: Any = frame
    times = table.groupby("user", sort=True)["time"].apply(list)
    return {
        "users": len(times),
        "items": int(table["item"].nunique()),
        "interactions": len(table),
        "ties": sum(len(t) > 1 and t[-1] == t[-2] for t in times),
        "short": sum(len(t) < 3 for t in times),
    }
