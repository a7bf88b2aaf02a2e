"""`suite runs verify`: what it says where bits are equal, where the machine drifts, and where resuming is broken."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner
from suite_toy.domain import TOY
from suite_toy.fitting import suite
from suite_toy.model import ToyModel

from suite.cli.main import run as run_command
from suite.cli.main import suite as suite_command
from suite.errors import SuiteError
from suite.runs import Run
from suite.training import checkpoint, loop, stretch
from suite.training import verify as module
from suite.training.train import train
from suite.training.verify import Difference, Verdict, verify


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run."""
    folder = tmp_path_factory.mktemp("verified")
    return train(TOY.task({"epochs": 1, "log_every": 2, "output": folder / "runs", "ema": 0.9}))


@pytest.fixture
def forked(monkeypatch):
    """Stretches are trained in forked children, which have the test's patches; they die by real signals."""
    statuses = []

    def start(line, *, capture_output, text, env, check):
        child = os.fork()
        if child == 0:
            try:
                os._exit(stretch.main(line[-1:]))
            finally:
                os._exit(1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        statuses.append(status)
        return SimpleNamespace(returncode=status, stderr="Error: of the child\n" if status == 2 else "")

    monkeypatch.setattr(module, "subprocess", SimpleNamespace(run=start))
    return statuses


def content(run):
    """Name and hash of every file of the run."""
    return {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(run.path.rglob("*")) if p.is_file()}


def verdict(run, **how):
    return verify(run, TOY, TOY.Config.build(TOY.Config.from_file(run.path / "config.yaml")), **how)


def test_equal_bits_are_said_and_the_run_is_only_read(run, forked):
    before = content(run)
    seen = verdict(run, steps=6, kills=3)
    assert forked == [0, 0, *[-signal.SIGKILL] * 3, 0]
    assert seen.equal and seen.repeats and seen.resumes and seen.as_logged and not seen.differences
    assert len(set(seen.kills)) == 3 and all(1 <= step <= 6 for step in seen.kills) and seen.kills == sorted(seen.kills)
    assert seen.tensors > 20
    assert re.search(r"Equal to the bit .*killed at steps \d, \d and \d and resumed", seen.render())
    assert content(run) == before


def test_a_machine_that_does_not_repeat_itself_is_blamed_and_not_the_resume(run, forked, monkeypatch):
    loss = ToyModel.loss

    def drifting(self, network, batch):
        return loss(self, network, batch) * (1 + int.from_bytes(os.urandom(1)) * 1e-6)

    monkeypatch.setattr(ToyModel, "loss", drifting)
    seen = verdict(run, steps=4, kills=1)
    assert forked == [0, 0]
    assert (seen.equal, seen.repeats, seen.resumes, seen.kills) == (False, False, None, [])
    assert "does not repeat itself" in seen.render() and "nothing can be said of resuming" in seen.render()
    assert any(each.name.startswith("model: ") and each.largest > 0 for each in seen.differences)


@pytest.mark.parametrize("broken", ["random state", "log"])
def test_a_resume_that_is_not_exact_is_named(run, forked, broken, monkeypatch):
    kill = {"random state": 11, "log": 5}[broken]  # the checkpoints are of steps 9 and 3, a line is of step 4
    monkeypatch.setattr(module.random, "sample", lambda steps, count: [kill])
    if broken == "random state":
        monkeypatch.setattr(loop, "set_random_state", lambda states: None)
    else:
        monkeypatch.setattr(Run, "truncate_history", lambda self, step: None)
    seen = verdict(run, steps=12, kills=1)
    assert (seen.equal, seen.repeats, seen.resumes) == (False, True, False)
    assert re.search(r"Not equal .*killed at step \d+ and resumed differ from those without a stop", seen.render())
    assert any(("metrics.jsonl" if broken == "log" else "rank-0") in each.name for each in seen.differences)


@pytest.mark.parametrize(("equal", "status"), [(True, 0), (False, 1)])
def test_the_exit_status_is_the_verdict(run, equal, status, monkeypatch, capsys):
    made = Verdict(
        str(run.path), "toy", 4, 1, 1, "CPU", 20, [2], True, equal, None,
        [] if equal else [Difference(f"model: layer {i}", 1e-9) for i in range(7)], 3.0,
    )  # fmt: skip
    monkeypatch.setattr("suite.cli.actions.verify.verify_run", lambda *_, **__: made)
    assert run_command(suite_command, ["runs", "verify", str(run.path)]) == status
    said = capsys.readouterr().out
    assert equal or ("model: layer 4 by up to 1e-09" in said and "and 2 more of 20 tensors" in said)
    assert run_command(suite_command, ["runs", "verify", str(run.path), "--format", "json"]) == status
    assert json.loads(capsys.readouterr().out)["equal"] is equal


def test_the_command_trains_in_processes_of_its_own(run, tmp_path):
    done = suite(tmp_path, "verify", str(run.path), "--steps", "3", "--kills", "1", "--format", "json", domain="runs")
    out, errors = done.communicate(timeout=300)
    assert done.returncode == 0, errors
    seen = json.loads(out)
    assert seen["equal"] and seen["as_logged"] and seen["steps"] == 3 and len(seen["kills"]) == 1
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_verified_is_refused_in_a_sentence(run, forked, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(SuiteError, match="have changed since it began; put them back"):
        patch.setattr(module.json, "loads", lambda text: {"data": "other"})
        verdict(run, steps=2, kills=1)
    with monkeypatch.context() as patch, pytest.raises(SuiteError, match="sharded parameters"):
        patch.setattr(checkpoint, "read_state", lambda path: {"sharded": True})
        verdict(run, steps=2, kills=1)
    with monkeypatch.context() as patch, pytest.raises(SuiteError, match="of the child"):
        patch.setattr(stretch, "train", refuse)
        verdict(run, steps=2, kills=1)
    refused = CliRunner().invoke(suite_command, ["runs", "verify", str(run.path), "--steps", "0"])
    assert refused.exit_code == 2


def refuse(*arguments, **named):
    raise SuiteError("not enough memory")


def test_bits_are_compared_and_not_numbers():
    nan, zero = torch.tensor([float("nan")]), torch.tensor([0.0])
    compared = module._compared("model", {"a": nan, "b": zero}, {"a": nan.clone(), "b": -zero})
    assert [each.name for each in compared] == ["model: b"]
    assert [each.name for each in module._compared("model", {"a": zero}, {"a": zero.double(), "c": zero})] == [
        "model: c",
        "model: a",
    ]


@pytest.mark.slow
def test_a_run_of_two_processes_is_verified_with_two(tmp_path):
    flags = ["--epochs", "1", "--processes", "2"]
    trained = suite(tmp_path, "train", *flags)
    assert trained.wait(timeout=300) == 0
    done = suite(tmp_path, "verify", "--steps", "4", "--kills", "2", "--format", "json", domain="runs")
    out, errors = done.communicate(timeout=600)
    assert done.returncode == 0, errors
    assert json.loads(out)["processes"] == 2 and json.loads(out)["equal"]
