"""Runs of the toy: one call of `fit`, or the command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from suite.accelerator import make_accelerator
from suite.plugins.observers import Observers
from suite.runs import Run
from suite.training import checkpoint
from suite.training.loop import fit
from suite_toy.domain import TOY
from suite_toy.model import ToyModel
from suite_toy.parts import ToyScores

MODEL = Path(__file__).parent / "starter" / "model"
LAUNCHER = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]


class Fitting:
    """One call of `fit` on toy rows, with what it left behind."""

    def __init__(
        self, rows, folder, *, dropout=0.0, model=ToyModel, scores=ToyScores, callbacks=(), resume=False, prepare=None,
        **settings,
    ):  # fmt: skip
        domain = replace(TOY, model=model.load, scores=scores)
        self.task = domain.task({"noise": 0.0, "epochs": 2, "log_every": 5}, settings)
        self.run = Run(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.run.set_status("running", "toy")
        self.model = self.task.load(MODEL, None)
        self.network.dropout.p = dropout
        self.start = {name: value.clone() for name, value in self.network.state_dict().items()}
        if prepare:
            prepare(self)
        self.model = fit(
            self.task,
            self.model,
            rows[:50],
            rows[50:80],
            run=self.run,
            accelerator=make_accelerator(self.task.config),
            observers=Observers({f"callback {number}": each for number, each in enumerate(callbacks)}),
            resume=resume,
        )

    @property
    def network(self):
        """The network that is trained."""
        return self.model.network

    def last(self):
        """Tensors of the newest checkpoint."""
        path = checkpoint.latest(self.run.checkpoints)
        return checkpoint.read_tensors(path, "model.safetensors")


@contextmanager
def fault_after(step, fault):
    """`fault()` between two steps, as a crash of the loop's own: what a callback raises would end nothing."""
    real = Observers.tell

    def tell(self, event, **values):
        if event == "suite_step_taken" and values["step"] == step:
            fault()
        real(self, event, **values)

    Observers.tell = tell
    try:
        yield
    finally:
        Observers.tell = real


def largest(a, b):
    """Largest absolute difference over all tensors."""
    assert a.keys() == b.keys()
    return max(float((a[name] - b[name]).abs().max()) for name in a)


def suite(folder, *arguments, launcher=(), environment=None, domain="toy"):
    """`python -m suite toy …` in the folder, started and not waited for."""
    line = [sys.executable, *launcher, "-m", "suite", domain, *arguments]
    return subprocess.Popen(
        line, cwd=folder, env=os.environ | (environment or {}), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip


def without_dropout(folder):
    """The toy's model folder with its dropout off."""
    network = TOY.task().load(MODEL, None).network
    network.config.dropout = 0.0
    network.save_pretrained(folder)
    return folder
