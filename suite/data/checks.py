"""Checks data before any model is loaded: what is missing, duplicated, leaking, and which rows to leave out."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pandas as pd
from datasets import Dataset, concatenate_datasets

from suite.domain.description import Task
from suite.errors import SuiteError
from suite.tables.arrow import codes, is_missing, is_text, repeats, row_keys
from suite.tables.columns import Columns, Finding, Severity
from suite.tables.store import column

_SHOWN = 3
"""Rows named for each reason: enough to look them up, few enough to read."""


class Rejected(TypedDict):
    """A row that is left out, counted from 0 in the data as given, and why."""

    row: int
    reason: str


@dataclass(frozen=True)
class Report:
    """What a check found: `rows` are the accepted ones, `checked` all of them."""

    findings: list[Finding]
    rejected: list[Rejected]
    rows: Dataset
    checked: Dataset

    def counts(self) -> dict[str, int]:
        """Rows checked, accepted and rejected; findings on the whole data by severity."""
        whole = Counter(finding.severity for finding in self.findings if finding.row is None)
        return {
            "rows": len(self.checked),
            "accepted": len(self.rows),
            "rejected": len(self.rejected),
            "errors": whole["error"],
            "warnings": sum(finding.severity == "warning" for finding in self.findings),
            "notes": sum(finding.severity == "note" for finding in self.findings),
        }

    def render(self) -> str:
        """For the terminal: a line of counts, then each kind of finding with how often and where."""
        counts = self.counts()
        share = counts["rejected"] / max(counts["rows"], 1)
        lines = [
            f"{counts['rows']:,} rows: {counts['accepted']:,} usable, {counts['rejected']:,} rejected ({share:.1%})."
        ]
        lines += [f"  {severity}: {text}" for severity, text in self._grouped()]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Counts, findings and rejected rows in values JSON can hold."""
        findings = [{"severity": f.severity, "message": f.message, "row": f.row} for f in self.findings]
        return {"counts": self.counts(), "findings": findings, "rejected": self.rejected}

    def _grouped(self) -> Iterator[tuple[str, str]]:
        for severity in ("error", "warning", "note"):
            for finding in self.findings:
                if finding.severity == severity and finding.row is None:
                    yield severity, finding.message
            alike = [finding for finding in self.findings if finding.severity == severity and finding.row is not None]
            for reason, rows in _reasons((f.row, f.message) for f in alike if f.row is not None):
                yield severity, f"{reason} {_places(rows)}"


def check_rows(rows: Dataset, task: Task) -> Report:
    """Checks mapped rows: missing values, numbers, files, one class only, `Data.check`, duplicates.

    An error with a row rejects that row, and later checks don't see it: `Data.check` meets no missing value, and a
    row is the duplicate of a good one only. Text in a number column is turned into numbers.
    """
    columns = task.columns
    rows, findings = _read_numbers(rows, columns)
    findings += [*_missing(rows, columns), *_absent_files(rows, columns), *_one_class(rows, columns)]
    findings += _by_domain(rows, task, findings)
    findings += _duplicates(rows, columns, findings)
    rejected = _rejected(findings)
    gone = np.array([entry["row"] for entry in rejected], dtype=np.int64)
    accepted = rows.select(np.delete(np.arange(len(rows)), gone)) if rejected else rows
    return Report(findings, rejected, accepted, rows)


def enforce(report: Report, max_rejected: float) -> None:
    """Raises `SuiteError` if the data as a whole won't do: an error on all of it, nothing left, too much rejected."""
    for finding in report.findings:
        if finding.severity == "error" and finding.row is None:
            raise SuiteError(finding.message)
    total, gone = len(report.checked), len(report.rejected)
    if total == 0:
        raise SuiteError("The data have no row.")
    if gone / total <= max_rejected and gone < total:
        return
    reasons = "; ".join(
        f"{reason} {_places(rows)}"
        for reason, rows in _reasons((r["row"], r["reason"]) for r in report.rejected)[:_SHOWN]
    )
    if gone == total:
        raise SuiteError(f"None of the {total:,} rows is usable: {reasons}.")
    raise SuiteError(
        f"{gone:,} of {total:,} rows are unusable ({gone / total:.1%}), over max_rejected={max_rejected:g}: "
        f"{reasons}. Mend the data, or give a larger max_rejected."
    )


def write_rejected(report: Report, path: Path) -> None:
    """Writes one JSON line per rejected row: its number from 0, the reason, and its values (bytes left out)."""
    numbers = [entry["row"] for entry in report.rejected]
    rows = report.checked.select(numbers).with_format("arrow")
    with path.open("w", encoding="utf-8") as opened:
        for start in range(0, len(numbers), 1000):
            values = rows[start : start + 1000].to_pylist()
            for entry, row in zip(report.rejected[start : start + 1000], values, strict=True):
                line = {**entry, "values": _without_bytes(row)}
                opened.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")


def leaks(splits: Mapping[str, Dataset], columns: Columns) -> list[Finding]:
    """Groups or unique keys that are in two splits: errors, since the test score would flatter.

    With fewer groups than splits an overlap of groups can't be helped: a warning.
    """
    findings: list[Finding] = []
    if columns.group and all(columns.group in rows.column_names for rows in splits.values()):
        findings += _shared(splits, (columns.group,), columns.group)
    if columns.unique and all(set(columns.unique) <= set(rows.column_names) for rows in splits.values()):
        findings += _shared(splits, columns.unique, " and ".join(columns.unique))
    return findings


def _shared(splits: Mapping[str, Dataset], names: tuple[str, ...], what: str) -> Iterator[Finding]:
    keys = row_keys(concatenate_datasets([rows.select_columns(list(names)) for rows in splits.values()]), names)
    ends = np.cumsum([len(rows) for rows in splits.values()])
    sets = {name: np.unique(part) for name, part in zip(splits, np.split(keys, ends[:-1]), strict=True)}
    severity: Severity = "warning" if len(np.unique(np.concatenate(list(sets.values())))) < len(splits) else "error"
    order = list(sets)
    for place, first in enumerate(order):
        for second in order[place + 1 :]:
            if both := len(np.intersect1d(sets[first], sets[second], assume_unique=True)):
                yield Finding(
                    severity, f"{both:,} values of {what} are in both {first} and {second}; keep each in one split."
                )


def _read_numbers(rows: Dataset, columns: Columns) -> tuple[Dataset, list[Finding]]:
    """Turns text in number columns into numbers; what is none becomes a finding and a missing value."""
    findings: list[Finding] = []
    for name in [c.name for c in columns if c.kind == "number" and c.name in rows.column_names]:
        array = column(rows, name)
        if not is_text(array):
            continue
        texts = array.to_pandas()
        numbers = pd.to_numeric(texts.str.strip(), errors="coerce")
        bad = np.flatnonzero(numbers.isna() & ~is_missing(array))
        findings += [Finding("error", f"{name} is {texts[row]!r}, not a number", int(row)) for row in bad]
        rows = rows.remove_columns(name).add_column(name, numbers.astype("float64").to_numpy())
    return rows, findings


def _missing(rows: Dataset, columns: Columns) -> Iterator[Finding]:
    for name in columns.required:
        if name not in rows.column_names:
            yield Finding("error", f"The data have no column {name!r}; name it with --columns {name}=THEIRS.")
            continue
        for row in np.flatnonzero(is_missing(column(rows, name))):
            yield Finding("error", f"{name} is missing", int(row))


def _absent_files(rows: Dataset, columns: Columns) -> Iterator[Finding]:
    for name in columns.files:
        array = column(rows, name) if name in rows.column_names else None
        if array is None or not is_text(array):
            continue
        for row, value in enumerate(array.to_pylist()):
            if value and (reason := _no_file(Path(value))):
                yield Finding("error", f"{name} {Path(value).name!r} {reason}", row)


def _no_file(path: Path) -> str:
    try:
        return "" if path.stat().st_size else "is an empty file"
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return "is not there"


def _whole(rows: Dataset, findings: Iterable[Finding]) -> np.ndarray | None:
    """Numbers of the rows that nothing speaks against so far; None if these are all."""
    spoilt = [finding.row for finding in findings if finding.severity == "error" and finding.row is not None]
    if not spoilt:
        return None
    return np.delete(np.arange(len(rows)), np.array(spoilt, dtype=np.int64))


def _by_domain(rows: Dataset, task: Task, findings: list[Finding]) -> Iterator[Finding]:
    if any(finding.severity == "error" and finding.row is None for finding in findings):
        return  # without a required column a domain has nothing to look at
    whole = _whole(rows, findings)
    for finding in task.data.check(rows if whole is None else rows.select(whole)):
        yield finding if finding.row is None or whole is None else replace(finding, row=int(whole[finding.row]))


def _duplicates(rows: Dataset, columns: Columns, findings: list[Finding]) -> Iterator[Finding]:
    if not columns.unique or not set(columns.unique) <= set(rows.column_names):
        return
    whole = _whole(rows, findings)
    keys, what = row_keys(rows, columns.unique), ", ".join(columns.unique)
    for place, first in repeats(keys if whole is None else keys[whole]):
        row, before = (place, first) if whole is None else (int(whole[place]), int(whole[first]))
        yield Finding("error", f"duplicate: same {what} as row {before}", row)


def _one_class(rows: Dataset, columns: Columns) -> Iterator[Finding]:
    for name in [c.name for c in columns if c.kind == "category" and c.required and c.name in rows.column_names]:
        values = [value for value in codes(column(rows, name))[1] if value not in (None, "")]
        if len(values) == 1:
            yield Finding("warning", f"{name} is {values[0]!r} in every row; a model has nothing to tell apart.")


def _rejected(findings: Iterable[Finding]) -> list[Rejected]:
    reasons: dict[int, list[str]] = {}
    for finding in findings:
        if finding.severity == "error" and finding.row is not None:
            reasons.setdefault(finding.row, []).append(finding.message)
    return [{"row": row, "reason": "; ".join(dict.fromkeys(reasons[row]))} for row in sorted(reasons)]


def _reasons(entries: Iterable[tuple[int, str]]) -> list[tuple[str, list[int]]]:
    """Reasons that differ only in numbers and quoted values count as one, shown by its first; most frequent first."""
    alike: dict[str, tuple[str, list[int]]] = {}
    for row, reason in entries:
        shape = re.sub(r"'[^']*'|\"[^\"]*\"|\d+", "…", reason)
        alike.setdefault(shape, (reason, []))[1].append(row)
    return sorted(alike.values(), key=lambda reason: -len(reason[1]))


def _places(rows: list[int]) -> str:
    """`(row 3)`, `(12 rows: 3, 5, 8, …)`."""
    if len(rows) == 1:
        return f"(row {rows[0]})"
    return f"({len(rows):,} rows: {', '.join(map(str, rows[:_SHOWN]))}{', …' if len(rows) > _SHOWN else ''})"


def _without_bytes(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_bytes(part) for key, part in value.items() if not isinstance(part, bytes)}
    return None if isinstance(value, bytes) else value
