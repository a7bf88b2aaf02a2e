"""A short stretch of a run, in a process of its own: `python -m suite.training.stretch JSON`, started by `verify.py`.

It trains as the run would and ends in order at a step, with a checkpoint and without an evaluation; or is killed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from suite.domain.description import Domain, Task
from suite.errors import SuiteError
from suite.plugins.hookspecs import hookimpl
from suite.plugins.loader import load_plugins
from suite.runs import Run
from suite.signals import Stopped
from suite.training.train import train


class Until:
    """Asks for the end at step `stop`, or kills this process at step `kill`, without a chance to do anything."""

    def __init__(self, stop: int, kill: int | None) -> None:
        self.stop, self.kill = stop, kill

    @hookimpl
    def suite_step_taken(self, step: int) -> None:
        """Sends this process the signal."""
        if step == self.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        if step == self.stop:
            os.kill(os.getpid(), signal.SIGTERM)


def main(arguments: list[str]) -> int:
    """Trains what the first argument says; returns 0 where it came to its end, 2 for a mistake of the user."""
    order = json.loads(arguments[0])
    try:
        domain: Domain = load_plugins().domain(order["domain"])
        task = Task(domain, domain.Config.build(order["config"]))
        resume = Run(Path(order["resume"])) if order["resume"] else None
        train(task, resume, watching=[Until(order["stop"], order["kill"])])
    except Stopped:
        return 0
    except SuiteError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 2
    return 0  # early stopping came first


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # gloo's threads abort an ordinary exit now and then
