"""What `suite DOMAIN train` does."""

from __future__ import annotations

import os
import sys

import click

from suite.api import planned
from suite.cli.options import TrainingFlags
from suite.console import result, say
from suite.domain.description import Domain, Task
from suite.evaluation.report import render
from suite.plugins.loader import Offer
from suite.runs import Run
from suite.signals import Stopped
from suite.training.launch import Processes, launch
from suite.training.plan import plan
from suite.training.train import train as train_run


def train(
    offer: Offer,
    flags: TrainingFlags,
    *,
    resume: str | None = None,
    dry_run: bool = False,
    processes: int | None = None,
    nodes: int = 1,
    rendezvous: str = "",
) -> None:
    """Trains, or goes on with a run, in this process or in several.

    Raises `SuiteError` for what the user can mend, and click's `Exit` with the status of what was stopped.
    """
    domain: Domain = offer.load()
    task, run = planned(domain, flags.layers(domain.Config), resume or "")
    if dry_run:
        result(plan(task))
        return
    before = run.processes if run and nodes == 1 else 1
    _spread(processes or before, nodes, rendezvous)
    _train(task, run)


def _spread(processes: int, nodes: int, rendezvous: str) -> None:
    """Where several processes are wanted, starts them with this same command line and ends as they do."""
    if processes * nodes == 1 or "RANK" in os.environ:  # one of them already
        return
    raise click.exceptions.Exit(launch(Processes(processes, nodes, rendezvous), sys.argv[1:]))


def _train(task: Task, run: Run | None) -> None:
    try:
        run = train_run(task, run)
    except Stopped as stopped:
        name = task.domain.name
        say(f"Stopped{str(stopped).removeprefix('stopped')}. Go on with: suite {name} train --resume")
        raise click.exceptions.Exit(128 + stopped.signum) from None
    evaluation = run.evaluation()
    if evaluation and os.environ.get("RANK", "0") == "0":  # every rank may read it; only the main one prints
        result(render(task.domain, evaluation))
        say(f"Everything is in {run.path}. Next: suite {task.domain.name} predict … or suite launch")
