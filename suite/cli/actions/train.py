"""What `suite DOMAIN train` does."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from suite.api import planned
from suite.console import result, say
from suite.domain.description import Domain, Task
from suite.errors import SuiteError
from suite.evaluation.report import render
from suite.inference.predictor import read_config
from suite.plugins.offers import Offer
from suite.runs import Run
from suite.signals import Stopped
from suite.training.again import begun_before
from suite.training.launch import Processes, launch
from suite.training.plan import plan
from suite.training.train import train as train_run


def train(
    offer: Offer,
    layers: Sequence[Mapping[str, Any]],
    *,
    resume: str | None = None,
    force: bool = False,
    dry_run: bool = False,
    processes: int | None = None,
    nodes: int = 1,
    rendezvous: str = "",
) -> None:
    """Trains, or goes on with a run, in this process or in several. `layers` are options, later ones above earlier.

    Raises `SuiteError` for what the user can mend, and click's `Exit` with the status of what was stopped.
    """
    domain: Domain = offer.load()
    if force and not resume:
        raise SuiteError("--force takes a run from the process that owns it; say which with --resume RUN.")
    task, run = planned(domain, layers, resume or "")
    if dry_run:
        result(plan(task))
        return
    arguments = sys.argv[1:]
    if run is None and (run := begun_before(task)):
        task, arguments = Task(domain, read_config(run, domain)), [domain.name, "train", "--resume", str(run.path)]
    before = run.processes if run and nodes == 1 else 1
    _spread(processes or before, nodes, rendezvous, arguments)
    _train(task, run, force)


def _spread(processes: int, nodes: int, rendezvous: str, arguments: list[str]) -> None:
    """Where several processes are wanted, starts them with these arguments and ends as they do."""
    if processes * nodes == 1 or "RANK" in os.environ:  # one of them already
        return
    raise click.exceptions.Exit(launch(Processes(processes, nodes, rendezvous), arguments))


def _train(task: Task, run: Run | None, force: bool) -> None:
    try:
        run = train_run(task, run, force=force)
    except Stopped as stopped:
        name = task.domain.name
        say(f"Stopped{str(stopped).removeprefix('stopped')}. Go on with: suite {name} train --resume")
        raise click.exceptions.Exit(128 + stopped.signum) from None
    evaluation = run.evaluation()
    if evaluation and os.environ.get("RANK", "0") == "0":  # every rank may read it; only the main one prints
        result(render(task.domain, evaluation))
        say(f"Everything is in {run.path}. Next: suite {task.domain.name} predict … or suite launch")
