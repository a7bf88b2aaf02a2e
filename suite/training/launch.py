"""Several processes for one training: starts them through torchrun's own agent and ends as they end.

One process trains in the command itself. More are started here, each running the same command line; torch's agent lets
them find each other, on one machine or on several, passes signals on, and ends all when one dies.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from suite.console import say
from suite.errors import SuiteError

JOIN = 900  # seconds a machine waits for the others: time to log in to each and start it
CHECK = 0.1  # seconds between looks at the processes


@dataclass(frozen=True)
class Processes:
    """How many processes train together, and where they meet."""

    each: int = 1
    """Processes on each machine."""
    nodes: int = 1
    """Machines."""
    rendezvous: str = ""
    """`host:port` of one of the machines."""

    def __post_init__(self) -> None:
        """Raises `SuiteError` for machines that could not find each other, or processes without a GPU."""
        if self.nodes > 1 and not self.rendezvous.rpartition(":")[2].isdigit():
            given = f" {self.rendezvous!r} has no port:" if self.rendezvous else ""
            raise SuiteError(
                f"{self.nodes} machines need a place to meet:{given} give all of them the same --rendezvous HOST:PORT, "
                "where HOST is one of them."
            )
        if torch.cuda.is_available() and self.each > torch.cuda.device_count():
            raise SuiteError(f"{self.each} processes need as many GPUs; this machine has {torch.cuda.device_count()}.")

    @property
    def world(self) -> int:
        """Processes in all."""
        return self.each * self.nodes


def launch(processes: Processes, arguments: Sequence[str]) -> int:
    """Runs `suite ARGUMENTS` in every process and returns the exit status of the first that failed, else 0.

    A signal that ends this process goes to all of them; the status is then 128 plus its number.
    """
    if "OMP_NUM_THREADS" not in os.environ:  # else each takes every core, and they wait for one another
        os.environ["OMP_NUM_THREADS"] = str(max(1, len(os.sched_getaffinity(0)) // processes.each))
    os.environ["SUITE_PROCESSES"] = str(processes.world)
    where = f" on each of {processes.nodes} machines, meeting at {processes.rendezvous}" if processes.nodes > 1 else ""
    say(f"Starting {processes.each} process{'es' if processes.each > 1 else ''}{where}.")
    config = LaunchConfig(
        min_nodes=processes.nodes,
        max_nodes=processes.nodes,
        nproc_per_node=processes.each,
        run_id="suite",
        rdzv_backend="c10d",
        rdzv_endpoint=processes.rendezvous or "localhost:0",
        rdzv_configs={"join_timeout": JOIN},
        max_restarts=0,  # a run goes on by --resume, which checks that it is the same run
        monitor_interval=CHECK,
        logs_specs=DefaultLogsSpecs(),
    )
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)  # the processes say it themselves
    try:
        elastic_launch(config, sys.executable)("-m", "suite", *arguments)
    except SignalException as stopped:
        return 128 + int(stopped.sigval)
    except ChildFailedError as error:
        status = error.get_first_failure()[1].exitcode
        return status if status > 0 else 128 - status
    return 0
