"""From what the user named to checked splits: the way every command takes its data in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from datasets import Dataset

from suite.console import say, warn
from suite.data.checks import Report, check_rows, enforce, leaks
from suite.data.sources import located_rows
from suite.domain.description import Task
from suite.domain.vocabulary import Splits
from suite.errors import SuiteError
from suite.tables.columns import map_columns
from suite.tables.fingerprint import fingerprint


@dataclass
class CheckedData:
    """A data set, read and checked: which column holds what, what is wrong, and the rows that are left."""

    reference: str
    mapping: dict[str, str]
    report: Report
    fingerprint: str

    @property
    def rows(self) -> Dataset:
        """The accepted rows."""
        return self.report.rows


def load(task: Task, reference: str) -> CheckedData:
    """Reads, maps and checks the rows of `reference` ("" is the starter). Raises `SuiteError` if they can't be read.

    The config's `columns` speak of the config's data; other data sets have theirs guessed.
    """
    given = task.config.columns if reference == task.config.data else {}
    rows, origin = located_rows(reference, task)
    rows, mapping = map_columns(rows, task.columns, given)
    guessed = {ours: theirs for ours, theirs in mapping.items() if ours != theirs and ours not in given}
    if guessed:
        say("Columns taken: " + ", ".join(f"{ours}={theirs}" for ours, theirs in guessed.items()) + ".")
    name = reference or task.domain.starter.data
    return CheckedData(name, mapping, check_rows(rows, task, origin), fingerprint(rows, task.columns))


def checked(task: Task) -> CheckedData:
    """The config's data, whether or not they will do."""
    return load(task, task.config.data)


def parted(task: Task, data: CheckedData) -> tuple[CheckedData, Splits]:
    """The data in splits that share no group, no row and no content; refused if too much is unusable.

    What parting them taught is among their findings afterwards.
    """
    enforce(data.report, task.config.max_rejected)
    if rejected := len(data.report.rejected):
        warn(f"{rejected} of {rejected + len(data.rows)} rows are left out; rejected.jsonl says which and why.")
    splits = task.data.split(data.rows)
    learnt = [*splits.findings, *(() if splits.overlapping else leaks(splits, task.columns, data.report.where))]
    for finding in learnt:
        if finding.severity == "error":
            raise SuiteError(finding.message)
        warn(finding.message)
    report = replace(data.report, findings=[*data.report.findings, *learnt])
    first = {name: _first(rows, task.config.limit) for name, rows in splits.items()}
    return replace(data, report=report), Splits(first, splits.context)


def sizes(splits: Splits) -> str:
    """How many rows each split has, in words: `train 128, validation 16, test 16`."""
    return ", ".join(f"{name} {len(rows)}" for name, rows in splits.items())


def load_splits(task: Task) -> tuple[CheckedData, Splits]:
    """The config's data, refused if too much is unusable, in splits that share no group, no row and no content."""
    return parted(task, checked(task))


def load_test_rows(task: Task, reference: str) -> Dataset:
    """The rows of another data set to score: those it marks as test where it marks any, else all of it."""
    data = load(task, reference)
    enforce(data.report, task.config.max_rejected)
    rows = data.rows
    marks = rows["split"] if "split" in rows.column_names else []
    tests = [index for index, mark in enumerate(marks) if mark == "test"]
    return _first(rows.select(tests) if tests else rows, task.config.limit)


def load_further(task: Task, references: Sequence[str]) -> dict[str, Dataset]:
    """The rows of other data sets to score, by their references. Raises `SuiteError` for one that cannot be."""
    further: dict[str, Dataset] = {}
    for reference in references:
        try:
            further[reference] = load_test_rows(task, reference)
        except SuiteError as error:
            raise without(reference, references, error) from None
    return further


def without(reference: str, references: Iterable[str], error: SuiteError) -> SuiteError:
    """The error, with the further data sets that are left where `reference` is given up."""
    left = [other for other in references if other != reference]
    return SuiteError(f"{reference} cannot be scored: {error}", changes={"also_evaluate": left})


def _first(rows: Dataset, limit: int | None) -> Dataset:
    return rows if limit is None else rows.select(range(min(limit, len(rows))))
