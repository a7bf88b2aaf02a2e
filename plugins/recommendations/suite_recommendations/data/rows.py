"""The rows of a log: how they are read, what is wrong with them, and how they become the three splits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from datasets import Dataset

from suite import Data, Finding, Splits, SuiteError, column, located
from suite_recommendations.config import RecommendationsConfig
from suite_recommendations.data import tables


class RecommendationsData(Data):
    """Interactions of users and items."""

    config: RecommendationsConfig

    def read(self, path: Path) -> Dataset | None:
        """A folder with interactions.* and items.* (or RecBole's .inter and .item), joined by item."""
        table = tables.read_folder(path, self.columns) if path.is_dir() else None
        if path.suffix == ".inter":
            table = tables.read_table(path)
        if table is None:
            return None
        file = (tables.log_of(path) if path.is_dir() else None) or path
        rows = Dataset.from_pandas(table, preserve_index=False)
        if file.suffix == ".inter":  # its header is line 1
            return located(rows, [file] * len(rows), range(1, len(rows) + 1), "line")
        return located(rows, [file] * len(rows), range(len(rows)))

    def reads(self, file: Path) -> bool:
        """The table of the items."""
        return file == tables.items_of(file.parent)

    def check(self, rows: Dataset) -> Iterable[Finding]:
        """One user only, times that are none, ties, short histories, items without words, an empty core."""
        if not {"user", "item"} <= set(rows.column_names) or not len(rows):
            return
        timeless = list(self._check_times(rows))
        yield from timeless
        rows = without(rows, timeless)
        if not len(rows):
            return
        users = column(rows, "user").unique()
        if len(users) == 1:
            yield Finding("error", f"All rows are of one user ({users[0]}); recommending needs what others did.")
            return
        try:
            counts = tables.summary(tables.interactions(rows, self.config))
        except SuiteError as error:
            yield Finding("error", str(error))
            return
        kept = f"k_core={self.config.k_core} and min_rating={self.config.min_rating}"
        sizes = f"{counts['users']:,} users, {counts['items']:,} items, {counts['interactions']:,} interactions"
        yield Finding("note", f"After {kept}: {sizes}.")
        if ties := counts["ties"]:
            share = f"{ties / counts['users']:.0%}"
            yield Finding(
                "note", f"{ties:,} users ({share}) have equal times on their last two items: row order decides."
            )
        if short := counts["short"]:
            yield Finding("warning", f"{short:,} users have fewer than 3 interactions; they only train.")
        if not {"title", "text"} & set(rows.column_names):
            yield Finding(
                "warning", "The items have neither title nor text; add items.csv, or new ones can't be taken in."
            )

    def _check_times(self, rows: Dataset) -> Iterator[Finding]:
        if "time" not in rows.column_names:
            yield Finding("warning", "There is no time column; the order of the rows is taken for the order of time.")
            return
        times = tables.times(rows)
        for row in np.flatnonzero(np.isnan(times)):
            yield Finding("error", "time is missing or is neither a number nor an ISO 8601 date", int(row))
        known = times[~np.isnan(times)]
        if len(known) > 1 and known.min() == known.max():
            message = "All rows have the same time; the order of the rows is taken for the order of time."
            yield Finding("error" if self.config.protocol == "temporal" else "warning", message)

    def split(self, rows: Dataset) -> Splits:
        """By the config's `protocol`; each split has one row per user, see `tables.py`. The context is the `Catalogue`
        of all items, whichever split they are in: every split is ranked over the same ones.
        """
        frame = tables.interactions(rows, self.config)
        parts = {name: tables.dataset(part) for name, part in tables.split(frame, self.config).items()}
        return Splits(parts, context=tables.catalogue(frame))


def without(rows: Dataset, findings: Iterable[Finding]) -> Dataset:
    """The rows that no finding rejects: what is counted must be what a training gets."""
    gone = [finding.row for finding in findings if finding.severity == "error" and finding.row is not None]
    return rows.select(np.delete(np.arange(len(rows)), gone)) if gone else rows
