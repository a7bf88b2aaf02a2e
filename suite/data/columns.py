"""What a row holds: the vocabulary in which domains describe their data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["audio", "image", "text", "category", "number", "time", "id"]


@dataclass(frozen=True)
class Column:
    """One column a domain reads. `aliases` are other names under which it is recognised."""

    name: str
    kind: Kind
    summary: str
    required: bool = True
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Columns:
    """The columns of a domain; `group` and `time` name those that splits must respect.

    `unique` names the columns that together identify a row; a second row with the same values is a duplicate.
    """

    columns: tuple[Column, ...]
    group: str | None = None
    time: str | None = None
    unique: tuple[str, ...] = ()

    def __iter__(self):
        return iter(self.columns)

    @property
    def names(self) -> list[str]:
        """All column names, in order."""
        return [column.name for column in self.columns]

    @property
    def required(self) -> list[str]:
        """The names without which a row is unusable."""
        return [column.name for column in self.columns if column.required]


@dataclass(frozen=True)
class Finding:
    """One thing a data check found.

    With a `row`, an "error" rejects that row; without one, it refuses the whole data set. `message` says what is
    wrong and what to do.
    """

    severity: Literal["error", "warning", "note"]
    message: str
    row: int | None = None
