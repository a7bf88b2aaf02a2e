"""Trackers that come with the suite: each a callback that keeps a run's numbers for somebody else's dashboard.

Each is an extra, imported when a run is watched by it, and none of them opens a connection. What a resumed run logs
again, from its checkpoint to where it was stopped, TensorBoard drops; the two others hold it twice.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping
from contextlib import redirect_stdout
from importlib import import_module
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

from suite.config import TrainConfig
from suite.console import say
from suite.errors import SuiteError
from suite.plugins.hookspecs import hookimpl
from suite.runs import Run


class Tracker:
    """Hears of a run and hands its numbers on, each under its data's name: `train/loss`, `test/accuracy`."""

    extra: str
    """The package, and the extra of the suite that installs it."""

    def __init__(self) -> None:
        self.package = _package(self.extra)

    @hookimpl
    def suite_run_started(self, run: Run, domain: str, config: TrainConfig, step: int) -> None:
        """Opens it, and says where its numbers lie."""
        place = self.open(run, domain, config.model_dump(mode="json"), step)
        say(place)
        run.note(place)

    @hookimpl
    def suite_steps_logged(self, step: int, values: Mapping[str, float]) -> None:
        """Hands on loss, rate and speed."""
        self.write(step, {f"train/{name}": value for name, value in values.items()})

    @hookimpl
    def suite_evaluated(self, step: int, data: str, metrics: Mapping[str, float]) -> None:
        """Hands on the metrics."""
        self.write(step, {f"{data}/{name}": value for name, value in metrics.items() if math.isfinite(value)})

    @hookimpl
    def suite_run_finished(self, state: str) -> None:
        """Closes it."""
        self.close(state)

    def open(self, run: Run, domain: str, config: dict[str, Any], step: int) -> str:
        """Begins, or goes on with, what is kept of `run`; returns a sentence that says where."""
        raise NotImplementedError

    def write(self, step: int, values: dict[str, float]) -> None:
        """Keeps the numbers of a step."""
        raise NotImplementedError

    def close(self, state: str) -> None:
        """Writes what is still held."""
        raise NotImplementedError


class Trackio(Tracker):
    """Into trackio's own folder, a project for each domain."""

    extra = "trackio"

    def open(self, run: Run, domain: str, config: dict[str, Any], step: int) -> str:
        """Begins a run of that name, whatever `TRACKIO_SPACE_ID` says: `trackio sync` is what sends it."""
        # trackio.init prints on stdout, follows variables to a Space, and asks the hub who is logged in.
        kind = type("LocalRun", (self.package.Run,), {"_get_username": lambda run: None})
        self.run = kind(url=None, project=domain, client=None, name=run.path.name, run_id=_identity(run), config=config)
        folder = self.package.utils.TRACKIO_DIR
        return f"trackio keeps this run in {folder}; see it with: trackio show --project {domain}"

    def write(self, step: int, values: dict[str, float]) -> None:
        """Queues them for trackio's thread."""
        self.run.log(values, step=step)

    def close(self, state: str) -> None:
        """Waits for that thread."""
        with redirect_stdout(StringIO()):  # "uploading" is what it says of writing a file
            self.run.finish()


class TensorBoard(Tracker):
    """Into the run's folder `tensorboard`."""

    extra = "tensorboard"

    def open(self, run: Run, domain: str, config: dict[str, Any], step: int) -> str:
        """Opens a file of events; what was written of later steps counts no more."""
        folder = run.path / "tensorboard"
        module = import_module("torch.utils.tensorboard")
        self.writer = module.SummaryWriter(str(folder), purge_step=step + 1 if step else None)
        self.writer.add_text("config", "\n".join(f"    {name}: {value}" for name, value in config.items()), step)
        return f"TensorBoard's events are in {folder}; see them with: tensorboard --logdir {run.path.parent}"

    def write(self, step: int, values: dict[str, float]) -> None:
        """Adds a scalar each."""
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def close(self, state: str) -> None:
        """Closes the file."""
        self.writer.close()


class WandB(Tracker):
    """Weights & Biases into the run's folder `wandb`, whatever `WANDB_MODE` says: `wandb sync` is what sends it."""

    extra = "wandb"

    def __init__(self) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # else its own faults are reported to its makers
        super().__init__()

    def open(self, run: Run, domain: str, config: dict[str, Any], step: int) -> str:
        """Begins an offline run that holds the config and the numbers: no code, no package list, no machine."""
        settings = self.package.Settings(
            console="off", silent=True, disable_git=True, disable_code=True, save_code=False,
            x_disable_meta=True, x_disable_stats=True, x_disable_machine_info=True, x_save_requirements=False,
        )  # fmt: skip
        self.run = self.package.init(
            mode="offline", project=domain, name=run.path.name, id=_identity(run), dir=str(run.path), config=config,
            reinit="create_new", settings=settings,
        )  # fmt: skip
        folder = Path(self.run.dir).parent
        return f"Weights & Biases, offline, keeps this run in {folder}; to send it: wandb sync {folder}"

    def write(self, step: int, values: dict[str, float]) -> None:
        """Logs them as one record."""
        self.run.log(values, step=step)

    def close(self, state: str) -> None:
        """Ends the run, as failed where it did not finish."""
        self.run.finish(exit_code=0 if state == "finished" else 1)


def _package(name: str) -> ModuleType:
    """The tracker's package. Raises `SuiteError` where it is not installed."""
    if find_spec(name) is None:
        raise SuiteError(
            f"The callback {name} takes a package that is not installed: pip install 'suite-core[{name}]'."
        )
    return import_module(name)


def _identity(run: Run) -> str:
    """The same whenever the run goes on, and another for a run of that name elsewhere."""
    return f"{run.path.name}-{hashlib.sha256(str(run.path.absolute()).encode()).hexdigest()[:8]}"
