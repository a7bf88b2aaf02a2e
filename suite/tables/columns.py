"""What a row holds: the vocabulary in which domains describe their data."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from suite.errors import SuiteError, unknown

if TYPE_CHECKING:
    from datasets import Dataset

Kind = Literal["audio", "image", "text", "category", "number", "time", "id", "structure"]
Severity = Literal["error", "warning", "note"]
FILE_KINDS = ("audio", "image")
"""Kinds whose values are files: local paths, or structs of bytes and path."""
SPLIT = "split"
"""The column that says which split a row belongs to; every domain has it for free."""
_FILE_ALIASES = ("file_name", "filename", "file", "path", "file_path", "filepath")
"""Names under which the only file column of a domain is recognised; the first is the hub's convention."""


@dataclass(frozen=True)
class Column:
    """One column a domain reads. `aliases` are other names under which it is recognised.

    A column of lists or structures has the kind "structure", and its `shape` says what a value is: a type of lists,
    tuples, dataclasses and plain values, such as `list[Box]`; a field that may be missing has a default. Values are
    then lists and dicts of just that shape, whatever they were read from, and a row with any other is rejected.
    """

    name: str
    kind: Kind
    summary: str
    required: bool = True
    aliases: tuple[str, ...] = ()
    shape: Any = None

    def __post_init__(self) -> None:
        if (self.kind == "structure") != (self.shape is not None):
            raise ValueError(f"the column {self.name!r}: a structure has a shape, and no other kind has")


@dataclass(frozen=True)
class Columns:
    """The columns of a domain; `group` and `time` name those that splits must respect.

    `unique` names the columns that together identify a row; a second row with the same values is a duplicate.
    """

    columns: tuple[Column, ...]
    group: str | None = None
    time: str | None = None
    unique: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    @property
    def names(self) -> list[str]:
        """All column names, in order."""
        return [column.name for column in self.columns]

    @property
    def required(self) -> list[str]:
        """The names without which a row is unusable."""
        return [column.name for column in self.columns if column.required]

    @property
    def files(self) -> list[str]:
        """The names of the columns whose values are files."""
        return [column.name for column in self.columns if column.kind in FILE_KINDS]

    @property
    def structures(self) -> list[Column]:
        """The columns whose values are lists or structures."""
        return [column for column in self.columns if column.kind == "structure"]


@dataclass(frozen=True)
class Finding:
    """One thing a data check found.

    `severity` is "error", "warning" or "note". With a `row`, an "error" rejects that row; without one, it refuses the
    whole data set. `message` says what is wrong and what to do.
    """

    severity: Severity
    message: str
    row: int | None = None


def map_columns(table: Dataset, columns: Columns, given: Mapping[str, str]) -> tuple[Dataset, dict[str, str]]:
    """Renames the data's columns to ours: as `given` (ours to theirs), else by name, aliases and likeness.

    Returns the table and the whole mapping. Columns that map to nothing are kept, but for those whose name one of
    ours takes. Raises `SuiteError` for a required column that is missing or ambiguous, naming the option to give.
    """
    mapping = match_columns(table.column_names, columns, given)
    missing = [column for column in columns if column.required and column.name not in mapping]
    if missing:
        raise _missing(missing[0], table.column_names, mapping)
    renamed = {theirs: ours for ours, theirs in mapping.items() if ours != theirs}
    clashing = [name for name in renamed.values() if name in table.column_names and name not in renamed]
    return table.remove_columns(clashing).rename_columns(renamed), mapping


def match_columns(names: Iterable[str], columns: Columns, given: Mapping[str, str]) -> dict[str, str]:
    """Our column names to those of the data, for as many as can be told; a missing one is left out.

    Raises `SuiteError` if `given` names what isn't there, or a required column could be several.
    """
    names = list(names)
    mapping = _explicit(names, columns, given)
    # A sure match for one column must not be lost to a mere likeness with another: the sureness is the outer loop.
    for rule in _RULES:
        for column in columns:
            if column.name not in mapping and (theirs := rule(column, columns, _free(names, mapping))):
                mapping[column.name] = _only(column, theirs)
        mapping = {ours: theirs for ours, theirs in mapping.items() if theirs}
    return {column.name: mapping[column.name] for column in columns if column.name in mapping} | {
        name: theirs for name, theirs in mapping.items() if name == SPLIT
    }


def _explicit(names: list[str], columns: Columns, given: Mapping[str, str]) -> dict[str, str]:
    known = [*columns.names, SPLIT]
    for ours, theirs in given.items():
        if ours not in known:
            raise unknown("column", ours, known, hint="Write --columns OURS=THEIRS.")
        if theirs not in names:
            raise unknown("column of the data", theirs, names, hint=f"It was given as --columns {ours}={theirs}.")
        if list(given.values()).count(theirs) > 1:
            raise SuiteError(f"--columns gives {theirs!r} for several columns; each column of the data serves one.")
    return dict(given)


def _free(names: list[str], mapping: Mapping[str, str]) -> list[str]:
    return [name for name in names if name not in mapping.values()]


def _only(column: Column, theirs: list[str]) -> str:
    """The one match; "" for an optional column that could be several, which is then left alone."""
    if len(theirs) > 1 and column.required:
        raise SuiteError(
            f"The column {column.name!r} ({column.summary}) could be {_listed(theirs)}; "
            f"say which: --columns {column.name}={theirs[0]}"
        )
    return theirs[0] if len(theirs) == 1 else ""


def _missing(column: Column, names: list[str], mapping: Mapping[str, str]) -> SuiteError:
    free = _free(names, mapping)
    near = difflib.get_close_matches(column.name, free, n=1, cutoff=0.4)
    hint = f"The nearest is {near[0]!r}; say which" if near else "Say which holds it"
    return SuiteError(
        f"No column for {column.name!r} ({column.summary}). The data's columns: {', '.join(names) or 'none'}. "
        f"{hint}: --columns {column.name}={(near or free or ['THEIRS'])[0]}"
    )


def _listed(names: list[str]) -> str:
    quoted = [repr(name) for name in names]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _by_name(column: Column, columns: Columns, names: list[str]) -> list[str]:
    return [name for name in names if name == column.name]


def _by_alias(column: Column, columns: Columns, names: list[str]) -> list[str]:
    return [name for name in names if name in column.aliases]


def _by_likeness(column: Column, columns: Columns, names: list[str]) -> list[str]:
    wanted = {_plain(name) for name in (column.name, *column.aliases)}
    return [name for name in names if _plain(name) in wanted]


def _by_kind(column: Column, columns: Columns, names: list[str]) -> list[str]:
    """The only file column goes by the usual names of one; the first that is there."""
    if columns.files != [column.name]:
        return []
    return [name for name in _FILE_ALIASES if name in names][:1]


_RULES: tuple[Callable[[Column, Columns, list[str]], list[str]], ...] = (_by_name, _by_alias, _by_likeness, _by_kind)
"""From sure to likely; each gives the names that fit."""
