"""A scheduler or a container that starts the same command again: the run it began is gone on with, unasked.

Slurm starts a job that was preempted again, Docker a container whose machine came back, each with the command line it
had at first. What began a run is therefore written beside it, with the options as they were given, and a later start
of the same job that asks for the same goes on with it. A command that a person types again makes a run of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any, NamedTuple

from suite.console import say
from suite.domain.description import Task
from suite.files import write_json
from suite.runs import Run, list_runs
from suite.runs.ownership import boot, start

_FILE = "begun.json"


class Job(NamedTuple):
    """What starts commands again, and which of its starts this is."""

    name: str
    start: str


def this_job() -> Job | None:
    """The Slurm job this process belongs to, or the container whose command it is; None where a person started it."""
    if number := os.environ.get("SLURM_JOB_ID"):
        return Job(f"Slurm job {number}", os.environ.get("SLURM_RESTART_COUNT", "0"))
    if _is_first_command():
        return Job(f"container {socket.gethostname()}", f"{boot()} {start(1)}")
    return None


def begun_by(job: Job | None, task: Task, run: Run) -> None:
    """Writes into a new run what began it, and what it asked for."""
    if job:
        write_json(run.path / "owner" / _FILE, {**job._asdict(), "asked": _asked(task)})


def begun_before(task: Task) -> Run | None:
    """The newest unfinished run that an earlier start of this job began with the same options.

    The same in each of several processes, whichever of them is first to go on with it.
    """
    job = this_job()
    runs = list_runs(task.config.output) if job else []
    for run in reversed(runs):
        begun = _read(run)
        same = job and (begun.get("name"), begun.get("asked")) == (job.name, _asked(task))
        if job and same and begun.get("start") != job.start and run.state() != "finished":
            say(f"{job.name} was started again: going on with {run.path}, which it began.")
            return run
    return None


def _read(run: Run) -> dict[str, Any]:
    try:
        begun = json.loads((run.path / "owner" / _FILE).read_text())
    except (OSError, ValueError):
        return {}
    return begun if isinstance(begun, dict) else {}


def _asked(task: Task) -> str:
    """A hash of all options, before names were pinned to commits."""
    return hashlib.sha256(f"{task.domain.name} {task.config.to_yaml()}".encode()).hexdigest()


def _is_first_command() -> bool:
    """Whether the first process, which in a container is its command, is this one, or a shell or init that started it.

    Such a one has our arguments in its own command line.
    """
    if os.getpid() == 1:
        return True
    try:
        first = Path("/proc/1/cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return False
    return len(sys.argv) > 1 and " ".join(sys.argv[1:]) in " ".join(first)
