"""Stops that spoil nothing: signals, killed processes, workers left alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from suite_toy.fitting import Fitting, largest, suite
from suite_toy.model import ToyModel

from suite.plugins.hookspecs import hookimpl
from suite.signals import Stopped
from suite.testing import newest
from suite.training import checkpoint


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("where", ["step", "evaluation", "saving"])
def test_a_signal_anywhere_writes_a_checkpoint_and_the_rest_is_exact(toy_rows, tmp_path, number, where, monkeypatch):
    at = []

    class Send:
        @hookimpl
        def suite_step_taken(self, step):
            at.append(step)
            if where == "step" and step == 5:
                os.kill(os.getpid(), number)

    class Interrupted(ToyModel):
        def infer(self, batch):
            if where == "evaluation" and at and at[-1] == 7:
                os.kill(os.getpid(), number)
            return super().infer(batch)

    class Slow(checkpoint.Writer):
        def add(self, name, tensors, *rest):
            if where == "saving" and self.step == 7 and name == "optimizer.safetensors":
                os.kill(os.getpid(), number)
            super().add(name, tensors, *rest)

    settings = {"noise": 0.2, "dropout": 0.2, "workers": 1}
    whole = Fitting(toy_rows, tmp_path / "whole", **settings)
    with monkeypatch.context() as patch, pytest.raises(Stopped) as stopped:
        patch.setattr(checkpoint, "Writer", Slow)
        Fitting(toy_rows, tmp_path / "parts", callbacks=[Send()], model=Interrupted, **settings)
    # Seen while saving step 7, which no boundary follows, it is heeded after the next step.
    step = {"step": 5, "evaluation": 7, "saving": 8}[where]
    assert (stopped.value.signum, stopped.value.step) == (number, step)
    assert checkpoint.steps(tmp_path / "parts" / "checkpoints")[-1] == step
    resumed = Fitting(toy_rows, tmp_path / "parts", resume=True, **settings)
    assert largest(whole.last(), resumed.last()) == 0
    steps = [[line["step"] for line in f.run.history() if "validation/loss" in line] for f in (whole, resumed)]
    assert steps[0] == steps[1], "no evaluation is lost or done twice"


def test_sigterm_to_the_process_group_with_workers_checkpoints_and_leaves_no_orphan(tmp_path):
    process = suite(tmp_path, "train", "--epochs", "500", "--set", "workers=2", "--set", "evaluate_every=5")
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("runs/toy/*/checkpoints/step-*5")) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGTERM)
    started = time.monotonic()
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM, errors[-2000:]
    assert time.monotonic() - started < 10
    assert "train --resume" in errors
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    status = json.loads((newest(tmp_path / "runs") / "status.json").read_text())
    assert status["state"] == "interrupted" and "--resume" in status["next"]


BULKY = """
import os, signal, sys, tempfile
from pathlib import Path
import numpy as np
from suite import hookimpl
from suite.data.load import load_splits
from suite_toy.domain import TOY
from suite_toy.fitting import Fitting
from suite_toy.model import ToyModel

class Bulky(ToyModel):
    def collate(self, examples):  # arrays, unlike tensors, go through the pipe, which holds 64 KiB
        return {**super().collate(examples), "bulk": np.zeros(1 << 20)}

    def loss(self, network, batch):
        return super().loss(network, {name: value for name, value in batch.items() if name != "bulk"})

class Kill:
    @hookimpl
    def suite_step_taken(self, step):
        if step == 3:
            os.kill(os.getpid(), signal.SIGKILL)

rows = list(load_splits(TOY.task())[1]["train"])
Fitting(rows, Path(tempfile.mkdtemp()), model=Bulky, callbacks=[Kill()], workers=2)
"""


def test_workers_of_a_killed_process_do_not_outlive_it(tmp_path):
    """They hold the pipe to whoever started the run: were they left waiting, so would be its reader."""
    line = [sys.executable, "-c", BULKY]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
