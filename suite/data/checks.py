"""Checks data before any model is loaded: what is missing, duplicated, leaking, and which rows to leave out."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pyarrow as pa
from datasets import Dataset, concatenate_datasets

from suite.domain.description import Task
from suite.errors import SuiteError
from suite.tables.arrow import codes, is_missing, is_text, repeats, row_keys
from suite.tables.columns import SPLIT, Columns, Finding, Severity
from suite.tables.content import content_codes
from suite.tables.origin import Origin, Place, in_words
from suite.tables.store import column
from suite.tables.structures import shortened
from suite.tables.values import settled

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
    where: Where
    copies: frozenset[int] = frozenset()
    """Of the rejected rows those that another says too: nothing is lost with them."""

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
        """Counts, findings and rejected rows in values JSON can hold; each row with its file and its place there."""
        rows = [f.row for f in self.findings if f.row is not None] + [entry["row"] for entry in self.rejected]
        places = dict(zip(rows, self.where.places(rows), strict=True))

        def placed(row: int | None) -> dict[str, Any]:
            place = None if row is None else places[row]
            return {"row": row, "file": place and place.file, "line": place and place.number}

        findings = [{"severity": f.severity, "message": f.message, **placed(f.row)} for f in self.findings]
        rejected = [{**placed(entry["row"]), "reason": entry["reason"]} for entry in self.rejected]
        return {
            "counts": self.counts(),
            "findings": findings,
            "rejected": rejected,
            "unread": self.where.origin.unread,
        }

    def _grouped(self) -> Iterator[tuple[str, str]]:
        for severity in ("error", "warning", "note"):
            for finding in self.findings:
                if finding.severity == severity and finding.row is None:
                    yield severity, finding.message
            alike = [finding for finding in self.findings if finding.severity == severity and finding.row is not None]
            for reason, rows in _reasons((f.row, f.message) for f in alike if f.row is not None):
                yield severity, f"{reason} {self.where.in_words(rows)}"


@dataclass(frozen=True)
class Where:
    """Where the rows of data are from, for messages: by the files they were read from, else by the files they name."""

    origin: Origin
    rows: Dataset
    files: tuple[str, ...]
    """The names of the columns that hold files."""

    def places(self, rows: Sequence[int]) -> list[Place | None]:
        """Where these rows are from; None for those of which nothing is known but their number."""
        known = self.origin.places(rows)
        unknown = [row for row, place in zip(rows, known, strict=True) if place is None]
        named = dict(zip(unknown, self._named(unknown), strict=True))
        return [place or named[row] for row, place in zip(rows, known, strict=True)]

    def in_words(self, rows: list[int]) -> str:
        """`(words.csv, line 3)`, `(12 rows: words.csv, lines 3, 5, 8, …)`."""
        return in_words(self.places(rows[:_SHOWN]), rows)

    def _named(self, rows: list[int]) -> list[Place | None]:
        name = next((name for name in self.files if name in self.rows.column_names), None)
        if name is None or not rows:
            return [None] * len(rows)
        values = column(self.rows.select(rows), name).to_pylist()
        paths = [value.get("path") if isinstance(value, dict) else value for value in values]
        return [Place(self._below(path), None, "") if path else None for path in paths]

    def _below(self, path: str) -> str:
        root = os.path.realpath(self.origin.root)
        below = os.path.relpath(path, root) if Path(path).is_absolute() else path
        return Path(path).name if below.startswith("..") else below


def check_rows(rows: Dataset, task: Task, origin: Origin | None = None) -> Report:
    """Checks mapped rows: missing values, numbers, files, one class only, `Data.check`, duplicates.

    An error with a row rejects that row, and later checks don't see it: `Data.check` meets no missing value, and a
    row is the duplicate of a good one only. Text in a number column is turned into numbers.
    """
    columns = task.columns
    absent = [*_missing(rows, columns), *_untimed(rows, columns)]  # before what is no value of its kind is missing too
    rows, findings = settled(rows, columns)
    where = Where(origin or Origin(), rows, tuple(columns.files))
    findings += [*_left_unread(where.origin), *absent]
    findings += _absent_files(rows, columns)
    findings += _by_domain(rows, task, findings)
    copies = [*_copies(rows, columns, findings, where)]
    findings += copies
    findings += _duplicates(rows, columns, findings, where)
    left = rows if (whole := _whole(rows, findings)) is None else rows.select(whole)
    findings += [*_alike(left, columns), *_one_class(left, columns)]  # of what is left, as a training will see it
    rejected = _rejected(findings)
    gone = np.array([entry["row"] for entry in rejected], dtype=np.int64)
    accepted = rows.select(np.delete(np.arange(len(rows)), gone)) if rejected else rows
    repeated = frozenset(finding.row for finding in copies if finding.row is not None)
    return Report(findings, rejected, accepted, rows, where, repeated)


def enforce(report: Report, max_rejected: float) -> None:
    """Raises `SuiteError` if the data as a whole won't do: an error on all of it, nothing left, too much rejected."""
    for finding in report.findings:
        if finding.severity == "error" and finding.row is None:
            raise SuiteError(finding.message)
    unusable = [entry for entry in report.rejected if entry["row"] not in report.copies]
    total, gone = len(report.checked) - len(report.copies), len(unusable)
    if total == 0:
        raise SuiteError("The data have no row.")
    if gone / total <= max_rejected and gone < total:
        return
    reasons = "; ".join(
        f"{reason} {report.where.in_words(rows)}"
        for reason, rows in _reasons((r["row"], r["reason"]) for r in unusable)[:_SHOWN]
    )
    if gone == total:
        raise SuiteError(f"None of the {total:,} rows is usable: {reasons}.")
    raise SuiteError(
        f"{gone:,} of {total:,} rows are unusable ({gone / total:.1%}), over max_rejected={max_rejected:g}: "
        f"{reasons}. Mend the data, or give a larger max_rejected."
    )


def write_rejected(report: Report, path: Path) -> None:
    """Writes one JSON line per rejected row: its number from 0, the reason, its place and values (bytes left out)."""
    numbers = [entry["row"] for entry in report.rejected]
    places = report.where.places(numbers)
    rows = report.checked.select(numbers).with_format("arrow")
    with path.open("w", encoding="utf-8") as opened:
        for start in range(0, len(numbers), 1000):
            values = rows[start : start + 1000].to_pylist()
            part = slice(start, start + 1000)
            for entry, place, row in zip(report.rejected[part], places[part], values, strict=True):
                file = {"file": place.file, "line": place.number} if place else {}
                line = {**entry, **file, "values": _without_bytes(row)}
                opened.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")


def leaks(splits: Mapping[str, Dataset], columns: Columns, where: Where) -> list[Finding]:
    """Groups or unique keys that are in two splits: errors, since the test score would flatter.

    With fewer groups than splits an overlap of groups can't be helped: a warning. Files count by their content.
    `where` says where an example's rows are from.
    """
    findings: list[Finding] = []
    if columns.group and all(columns.group in rows.column_names for rows in splits.values()):
        findings += _shared(splits, (columns.group,), columns, where)
    for name in columns.files:
        if all(name in rows.column_names for rows in splits.values()):
            findings += _shared(splits, (name,), columns, where)
    alone = len(columns.unique) == 1 and columns.unique[0] in columns.files  # told already
    if columns.unique and not alone and all(set(columns.unique) <= set(rows.column_names) for rows in splits.values()):
        findings += _shared(splits, columns.unique, columns, where)
    return findings


def _shared(splits: Mapping[str, Dataset], names: tuple[str, ...], columns: Columns, where: Where) -> Iterator[Finding]:
    rows = concatenate_datasets([rows.select_columns(list(names)) for rows in splits.values()])
    keys = row_keys(rows, names, columns.files)
    ends = np.cumsum([len(rows) for rows in splits.values()])
    sets = {name: np.unique(part) for name, part in zip(splits, np.split(keys, ends[:-1]), strict=True)}
    severity: Severity = "warning" if len(np.unique(keys)) < len(splits) else "error"
    starts, what = dict(zip(splits, [0, *ends[:-1]], strict=True)), " and ".join(names)
    for first, second in combinations(sets, 2):
        both = np.intersect1d(sets[first], sets[second], assume_unique=True)
        if not len(both):
            continue
        places = [starts[name] + int(np.flatnonzero(keys[starts[name] :] == both[0])[0]) for name in (first, second)]
        examples = " and ".join(dict.fromkeys(_shown(rows[place], columns) for place in places))
        read = _rows_like(rows.select(places[:1]), where.rows, names, columns)
        examples += f" {where.in_words(read)}" if read else ""
        kind = "contents" if set(names) <= set(columns.files) else "values"
        shared = f"are in both {first} and {second}, such as {examples}; keep each in one split."
        yield Finding(severity, f"{len(both):,} {kind} of {what} {shared}")


def _rows_like(example: Dataset, rows: Dataset, names: tuple[str, ...], columns: Columns) -> list[int]:
    """The rows as they were read that have the key of `example`, a row of a split; none where a domain changed it."""
    if not set(names) <= set(rows.column_names):
        return []
    asked = rows.select_columns(list(names))
    every = concatenate_datasets([asked, example.cast(asked.features)])
    keys = row_keys(every, names, columns.files)
    return np.flatnonzero(keys[:-1] == keys[-1]).tolist()


def _shown(row: Mapping[str, Any], columns: Columns) -> str:
    """Values of a row for a message: of a file its name, of a long one its beginning."""
    return ", ".join(_named(value) if name in columns.files else shortened(value) for name, value in row.items())


def _named(file: Any) -> str:
    path = file.get("path") if isinstance(file, dict) else file
    return repr(Path(path).name if path else "a file")


def _missing(rows: Dataset, columns: Columns) -> Iterator[Finding]:
    for name in columns.required:
        if name not in rows.column_names:
            yield Finding("error", f"The data have no column {name!r}; name it with --columns {name}=THEIRS.")
            continue
        for row in np.flatnonzero(is_missing(column(rows, name))):
            yield Finding("error", f"{name} is missing", int(row))


def _left_unread(origin: Origin) -> Iterator[Finding]:
    if origin.unread:
        counted = ", ".join(f"{count:,} {ending}" for ending, count in origin.unread.items())
        yield Finding("warning", f"Files left unread: {counted}. No row names them, and they are of no kind read here.")


def _untimed(rows: Dataset, columns: Columns) -> Iterator[Finding]:
    """Rows without a time, where others have one: no order of time has a place for them."""
    name = columns.time
    if name is None or name in columns.required or name not in rows.column_names:
        return
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


def _duplicates(rows: Dataset, columns: Columns, findings: list[Finding], where: Where) -> Iterator[Finding]:
    if columns.unique and set(columns.unique) <= set(rows.column_names):
        yield from _repeated(
            rows, columns.unique, columns, findings, where, "duplicate: same " + ", ".join(columns.unique)
        )


def _copies(rows: Dataset, columns: Columns, findings: list[Finding], where: Where) -> Iterator[Finding]:
    """Rows whose files hold what another row's hold, and of which nothing else differs but who they are said to be of.

    They are left out: each would count twice in training and, what is worse, in the score.
    """
    names = tuple(c.name for c in columns if c.name in rows.column_names and c.name != columns.group)
    if files := [name for name in columns.files if name in names]:
        others = tuple(name for name in rows.column_names if name not in (*columns.names, SPLIT))
        text = f"copy: same content of {', '.join(files)}"
        yield from _repeated(rows, names + others, columns, findings, where, text)


def _repeated(
    rows: Dataset, names: tuple[str, ...], columns: Columns, findings: list[Finding], where: Where, text: str
) -> Iterator[Finding]:
    whole = _whole(rows, findings)
    keys = row_keys(rows if whole is None else rows.select(whole), names, columns.files)
    pairs = list(repeats(keys))
    if whole is not None:
        pairs = [(int(whole[place]), int(whole[first])) for place, first in pairs]
    firsts = sorted({first for _, first in pairs})
    named = {row: in_words([place], [row])[1:-1] for row, place in zip(firsts, where.places(firsts), strict=True)}
    for row, first in pairs:
        yield Finding("error", f"{text} as {named[first]}", row)


def _alike(kept: Dataset, columns: Columns) -> Iterator[Finding]:
    """Files of one content under several names, in rows that differ otherwise: the splits keep them together."""
    for name in [name for name in columns.files if name in kept.column_names]:
        array = column(kept, name)
        contents, files = content_codes(array), codes(array)[0]
        several = np.bincount(contents[np.unique(files, return_index=True)[1]], minlength=1) > 1
        if count := int(several[contents].sum()):
            labels = [c.name for c in columns if c.kind == "category" and c.required and c.name in kept.column_names]
            differing = ", ".join(label for label in labels if _differ(column(kept, label), contents, several))
            say = f"; they differ in {differing}, and one of the two is wrong" if differing else ""
            text = f"{count:,} rows have files of the same content under other names in {name}{say}"
            yield Finding("warning", f"{text}. No two splits share them.")


def _differ(array: pa.ChunkedArray, contents: np.ndarray, several: np.ndarray) -> bool:
    """Whether rows of one content have different values."""
    values = codes(array)[0]
    pairs = np.unique(np.stack([contents, values]), axis=1)[0]
    return bool((np.bincount(pairs, minlength=len(several)) > 1)[several].any())


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


def _without_bytes(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_bytes(part) for key, part in value.items() if not isinstance(part, bytes)}
    return None if isinstance(value, bytes) else value
