"""The run folder: everything one training leaves behind, readable without Suite."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from suite.console import warn
from suite.decoders import Kind, decoding, read_json
from suite.errors import SuiteError
from suite.files import write_json, write_text
from suite.runs.ownership import Owner, alive, last_sign, take

_GONE = "put back a copy of it, or take the run's folder away."
_STATUS: dict[str, Kind] = {"domain": str, "state": str, "pid": int, "host": str, "heartbeat": (int, float)}
_ENVIRONMENT: dict[str, Kind] = {"data": str, "packages": dict, "processes": int}
"""What every such file says, and of which kind."""


@dataclass(frozen=True)
class Run:
    """One run's folder. Methods read and write its files; nothing is kept in memory but who owns it."""

    path: Path
    owner: Owner | None = field(default=None, compare=False, repr=False)
    """This process as the run's owner, while it trains; its absence is no hindrance to writing."""

    @classmethod
    def create(cls, root: Path, domain: str, name: str) -> Run:
        """A new folder `root/domain/<UTC time>-<name>`. Raises `SuiteError` where it cannot be made."""
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        slug = re.sub(r"[^\w.-]+", "-", name).strip("-") or "run"
        for suffix in ("", *(f"-{i}" for i in range(2, 100))):
            path = root / domain / f"{stamp}-{slug}{suffix}"
            try:
                path.mkdir(parents=True)
            except FileExistsError:
                if not path.is_dir():
                    raise SuiteError(f"Cannot make {path}: {root} is a file; give another --output.") from None
                continue
            except OSError as error:
                raise SuiteError(
                    f"Cannot make the run folder {path}: {error.strerror}; give another --output."
                ) from None
            return cls(path)
        raise SuiteError(f"A hundred runs called {slug} started in one second in {root}.")

    @classmethod
    def open(cls, reference: str | Path, root: Path = Path("runs"), domain: str | None = None) -> Run:
        """A run by its folder, its name, or "latest": the newest that was trained, or of copies alone the newest.

        Raises `SuiteError` listing what there is.
        """
        if (Path(reference) / "status.json").is_file():
            return cls(Path(reference))
        runs = [run for run in list_runs(root) if domain in (None, run.domain)]
        if str(reference) == "latest" and runs:
            return newest(runs)
        for run in runs:
            if run.path.name == str(reference):
                return run
        what = f"of {domain} " if domain else ""
        if not runs:
            make = f"suite {domain or 'DOMAIN'} train"
            raise SuiteError(f"No run {str(reference)!r}: there is none {what}in {root} yet; '{make}' makes one.")
        names = ", ".join(run.path.name for run in runs[-5:])
        raise SuiteError(f"No run {str(reference)!r}. Runs {what}in {root}: {names}.")

    @property
    def domain(self) -> str:
        """The domain's name."""
        return str(self.status()["domain"])

    @property
    def name(self) -> str:
        """The run's name: that of its folder, which a copy that travelled elsewhere remembers."""
        return str(self.status().get("name", self.path.name))

    @property
    def copy_of(self) -> str:
        """The name of the run that this one was made from without training, such as with more items; else ""."""
        return str(self.status().get("copy_of", ""))

    @property
    def processes(self) -> int:
        """How many processes trained it."""
        return int(self.environment()["processes"])

    @property
    def model(self) -> Path:
        """The folder with the finished model."""
        return self.path / "model"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def previews(self) -> Path:
        """The folder of what `Model.preview` wrote during training."""
        return self.path / "previews"

    def status(self) -> dict[str, Any]:
        """State, process, heartbeat, and after a failure its cause and the next step."""
        return read_json(self.path / "status.json", _GONE, fields=_STATUS)

    def environment(self) -> dict[str, Any]:
        """What the run was made with: versions, hardware, processes, and the fingerprint of the data."""
        return read_json(self.path / "environment.json", _GONE, fields=_ENVIRONMENT)

    def state(self) -> str:
        """`running`, `finished`, `interrupted`, `failed`; a run whose process has vanished is `interrupted`."""
        status = self.status()
        if status["state"] == "running" and not alive(self.path / "owner"):
            return "interrupted"
        return str(status["state"])

    def heartbeat(self) -> float:
        """When the run, or the process that owns it, last gave a sign of life."""
        return max(self.status()["heartbeat"], last_sign(self.path / "owner"))

    def owned(self, *, force: bool = False) -> Run:
        """The same run, owned by this process until `release`: nobody else writes into it.

        Raises `SuiteError` when another process has it; with `force` it is taken from that one.
        """
        return replace(self, owner=take(self.path / "owner", force=force))

    def release(self) -> Run:
        """The same run, which others may take up now."""
        if self.owner:
            self.owner.release()
        return replace(self, owner=None)

    def check_owned(self) -> None:
        """Raises `SuiteError` where another process has taken the run from this one, which owned it."""
        if self.owner:
            self.owner.check()

    def set_status(self, state: str, domain: str | None = None, **details: Any) -> None:
        """Replaces the status, with this process and the present time. Raises as `check_owned` does."""
        self.check_owned()
        where = {"pid": os.getpid(), "host": socket.gethostname(), "heartbeat": time.time()}
        write_json(self.path / "status.json", {"domain": domain or self.domain, "state": state, **where, **details})

    def log(self, values: dict[str, Any]) -> None:
        """Appends a line to `metrics.jsonl`. Raises as `check_owned` does."""
        self.check_owned()
        with (self.path / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": time.time(), **values}) + "\n")

    def note(self, text: str) -> None:
        """Appends a dated line to `log.txt`."""
        with (self.path / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {text}\n")

    def history(self) -> list[dict[str, Any]]:
        """The lines of `metrics.jsonl`; a last line torn by a crash is left out."""
        path = self.path / "metrics.jsonl"
        with decoding(path, _GONE):
            lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
            history = [json.loads(line) for line in lines if line.endswith("}")]
        if not all(isinstance(line, dict) and isinstance(line.get("step", 0), int) for line in history):
            raise SuiteError(f"{path} holds lines that are no records of a step; {_GONE}")
        return history

    def truncate_history(self, step: int) -> None:
        """Drops lines after `step`, or all where it is -1: a resumed run writes them again."""
        kept = [json.dumps(line) for line in self.history() if line.get("step", 0) <= step]
        write_text(self.path / "metrics.jsonl", "".join(line + "\n" for line in kept))

    def observers(self) -> dict[str, Any]:
        """How often each observer was called since the run last started, its seconds and failures, by event."""
        path = self.path / "observers.json"
        return read_json(path, _GONE) if path.is_file() else {}

    def evaluation(self) -> dict[str, Any] | None:
        """The content of `evaluation.json`, if the run was evaluated."""
        path = self.path / "evaluation.json"
        return read_json(path, _GONE) if path.is_file() else None


def newest(runs: Sequence[Run]) -> Run:
    """The last trained of `runs`, which are in order; where there are copies alone, the last of these."""
    return ([run for run in runs if not run.copy_of] or list(runs))[-1]


def newest_unfinished(root: Path, domain: str | None = None) -> Run | None:
    """The run to go on with; one that is running too, for the processes of a resumed run look it up in turn."""
    unfinished = [run for run in list_runs(root) if domain in (None, run.domain) and run.state() != "finished"]
    return unfinished[-1] if unfinished else None


def list_runs(root: Path = Path("runs")) -> list[Run]:
    """Every run below `root`, oldest first. One whose status cannot be read is left out, and said aloud."""
    return sorted(_runs(root), key=lambda run: run.path.name)


def _runs(root: Path) -> Iterator[Run]:
    for status in root.glob("*/*/status.json"):
        run = Run(status.parent)
        try:
            run.status()
        except SuiteError as error:
            warn(f"{error} The run is left out.")
        else:
            yield run
