"""From what the user named to checked splits: the way every command takes its data in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from suite.console import say, warn
from suite.data.checks import Report, check_rows, enforce, leaks
from suite.data.sources import load_rows
from suite.domain.base import Domain
from suite.domain.vocabulary import Splits
from suite.errors import SuiteError
from suite.tables.columns import map_columns
from suite.tables.fingerprint import fingerprint

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass
class Loaded:
    """A data set, read and checked: which column holds what, what is wrong, and the rows that are left."""

    reference: str
    mapping: dict[str, str]
    report: Report
    fingerprint: str

    @property
    def rows(self) -> Dataset:
        """The accepted rows."""
        return self.report.rows


def load(domain: Domain, reference: str) -> Loaded:
    """Reads, maps and checks the rows of `reference` ("" is the starter). Raises `SuiteError` if they can't be read.

    The config's `columns` speak of the config's data; other data sets have theirs guessed.
    """
    given = domain.config.columns if reference == domain.config.data else {}
    rows, mapping = map_columns(load_rows(reference, domain), domain.columns, given)
    guessed = {ours: theirs for ours, theirs in mapping.items() if ours != theirs and ours not in given}
    if guessed:
        say("Columns taken: " + ", ".join(f"{ours}={theirs}" for ours, theirs in guessed.items()) + ".")
    return Loaded(
        reference or domain.starter.data, mapping, check_rows(rows, domain), fingerprint(rows, domain.columns)
    )


def load_splits(domain: Domain) -> tuple[Loaded, Splits]:
    """The config's data, refused if too much is unusable, in splits that share no group and no row."""
    loaded = load(domain, domain.config.data)
    enforce(loaded.report, domain.config.max_rejected)
    if rejected := len(loaded.report.rejected):
        warn(f"{rejected} of {rejected + len(loaded.rows)} rows are left out; rejected.jsonl says which and why.")
    splits = domain.split(loaded.rows)
    for finding in leaks(splits, domain.columns):
        if finding.severity == "error":
            raise SuiteError(finding.message)
        warn(finding.message)
    return loaded, {name: _first(rows, domain.config.limit) for name, rows in splits.items()}


def load_test_rows(domain: Domain, reference: str) -> Dataset:
    """The rows of another data set to score: those it marks as test where it marks any, else all of it."""
    loaded = load(domain, reference)
    enforce(loaded.report, domain.config.max_rejected)
    rows = loaded.rows
    marks = rows["split"] if "split" in rows.column_names else []
    tests = [index for index, mark in enumerate(marks) if mark == "test"]
    return _first(rows.select(tests) if tests else rows, domain.config.limit)


def _first(rows: Dataset, limit: int | None) -> Dataset:
    return rows if limit is None else rows.select(range(min(limit, len(rows))))
