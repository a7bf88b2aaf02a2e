"""What people corrected in the demos: one append-only file per domain, so that no correction is ever lost.

A line holds the row as the model saw it, where the row came from, which model answered, its answer before and the
answer after, and the time. `--data corrections:` trains on the rows with their last answer.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.decoders import decoding
from suite.domain.description import Task
from suite.errors import SuiteError
from suite.plugins.loader import load_plugins
from suite.tables.gate import Gate

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class Correction:
    """One line. `row` has the domain's column names; `before` and `after` are those columns that the answer is."""

    row: dict[str, Any]
    source: str
    """Where the row came from: a file, a data set and its row number, "upload"."""
    model: str
    before: dict[str, Any]
    after: dict[str, Any]
    time: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


class Corrections:
    """The store of one domain, `runs/<domain>/corrections/`; several processes may append at once."""

    def __init__(self, domain: str, runs: Path) -> None:
        self.domain, self.path = domain, runs / domain / "corrections" / "corrections.jsonl"

    def add(
        self,
        row: Mapping[str, Any],
        *,
        source: str,
        model: str,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        files: Mapping[str, Path] | None = None,
    ) -> Correction:
        """Appends a correction and returns it once it is on the disk.

        `files` are copied in, each under the hash of its content; the row's column of that name then holds the copy's
        name. Raises `SuiteError` where nothing can be written: what was typed must not vanish in silence.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            copies = {name: self._copied(path) for name, path in (files or {}).items()}
            made = Correction({**row, **copies}, source, model, dict(before), dict(after))
            self._append(json.dumps(asdict(made), ensure_ascii=False, default=str))
        except OSError as error:
            raise SuiteError(f"The correction could not be stored in {self.path.parent}: {error.strerror}.") from None
        load_plugins().observers.tell("suite_answer_corrected", domain=self.domain, correction=made)
        return made

    def read(self) -> list[Correction]:
        """All corrections, oldest first; a last line torn by a power cut is left out."""
        if not self.path.is_file():
            return []
        with decoding(self.path, "mend or take out the line that is damaged."):
            lines = self.path.read_text(encoding="utf-8").splitlines()
            read = [Correction(**json.loads(line)) for line in lines if line.endswith("}")]
        for number, correction in enumerate(read, start=1):
            if not all(isinstance(part, dict) for part in (correction.row, correction.before, correction.after)):
                raise SuiteError(f"{self.path}: correction {number} holds no row with named values; take it out.")
        return read

    def _copied(self, path: Path) -> str:
        content = path.read_bytes()
        copy = self.path.parent / f"{hashlib.sha256(content).hexdigest()[:16]}{path.suffix.lower()}"
        if not copy.exists():
            aside = copy.with_name(f".{copy.name}.{os.getpid()}")
            shutil.copyfile(path, aside)
            aside.replace(copy)
        return copy.name

    def _append(self, line: str) -> None:
        """One write in append mode, on the disk before it returns; a torn last line is closed first."""
        with self.path.open("ab+") as file:
            torn = file.seek(0, os.SEEK_END) > 0 and _last_byte(file) != b"\n"
            file.write((b"\n" if torn else b"") + line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _last_byte(file: Any) -> bytes:
    file.seek(-1, os.SEEK_END)
    return bytes(file.read(1))


def source(reference: str, task: Task) -> Dataset:
    """The source `corrections:`: every corrected row once, with its last answer; `reference` may name the runs' folder.

    Raises `SuiteError` when nothing was corrected yet.
    """
    from datasets import Dataset  # a demo stores corrections, and its page is built without the data library

    store = Corrections(task.domain.name, Path(reference) if reference else task.config.output)
    last = {json.dumps(correction.row, sort_keys=True, default=str): correction for correction in store.read()}
    if not last:
        raise SuiteError(f"Nothing was corrected yet: {store.path} is not there; correct an answer in the demo first.")
    gate = Gate(store.path.parent.absolute())
    files, nested = task.columns.files, [column.name for column in task.columns.structures]
    rows = [{**correction.row, **correction.after} for correction in last.values()]
    for row in rows:
        row |= {name: gate.path(str(row[name]), f"{store.path.name}: ") for name in files if row.get(name)}
        row |= {name: json.dumps(row[name]) for name in nested if row.get(name) is not None}
    with decoding(store.path, "its lines hold values of several kinds; mend them."):
        return Dataset.from_list(rows)
