"""The items a model knows, by number: ids, titles for people, texts for the encoder."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from suite import SuiteError

FILE = "catalogue.parquet"


@dataclass(frozen=True)
class Catalogue:
    """Three lists of equal length; an item's number is its place. A text is "" where nothing is known."""

    ids: list[str]
    titles: list[str]
    texts: list[str]

    @classmethod
    def of(cls, items: Sequence[Mapping[str, str]]) -> Catalogue:
        """From records with the keys item, title and text."""
        return cls([i["item"] for i in items], [i["title"] for i in items], [i["text"] for i in items])

    @classmethod
    def load(cls, folder: Path) -> Catalogue:
        """Reads what `save` wrote."""
        table = pq.read_table(folder / FILE)
        return cls(*(table.column(name).to_pylist() for name in ("item", "title", "text")))

    def save(self, folder: Path) -> None:
        """Writes `catalogue.parquet`: the columns item, title and text, in order of the numbers."""
        pq.write_table(pa.table({"item": self.ids, "title": self.titles, "text": self.texts}), folder / FILE)

    def __len__(self) -> int:
        return len(self.ids)

    def __add__(self, other: Catalogue) -> Catalogue:
        return Catalogue(self.ids + other.ids, self.titles + other.titles, self.texts + other.texts)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Number of each id."""
        return {item: number for number, item in enumerate(self.ids)}

    @cached_property
    def by_title(self) -> dict[str, int]:
        """Number of each title in lower case; of several alike the first."""
        numbers: dict[str, int] = {}
        for number, title in enumerate(self.titles):
            numbers.setdefault(title.casefold(), number)
        return numbers

    def number(self, name: str) -> int | None:
        """The item of this id, else of this title; None if there is none."""
        number = self.numbers.get(name)
        return self.by_title.get(name.casefold()) if number is None else number

    def find(self, name: str) -> int:
        """The item of this id or title, or the only title that contains it. Raises `SuiteError` naming near ones."""
        number = self.number(name)
        if number is not None:
            return number
        containing = [n for title, n in self.by_title.items() if name.casefold() in title]
        if len(containing) == 1:
            return containing[0]
        near = [self.titles[n] for n in containing[:5]] or [
            self.titles[self.by_title[t]] for t in difflib.get_close_matches(name.casefold(), self.by_title, 3, 0.5)
        ]
        hint = f" Did you mean {' or '.join(repr(title) for title in near)}?" if near else ""
        raise SuiteError(f"No item {name!r} among the {len(self):,} the model knows.{hint} Give an id or a title.")
