"""Out of memory: smaller micro-batches, the same batch, the same weights."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from functools import partial
from typing import ClassVar

import pytest
import torch
from suite_toy.domain import TOY, ToyConfig
from suite_toy.fitting import LAUNCHER, MODEL, Fitting, largest, suite, without_dropout
from suite_toy.model import ToyModel

from suite.errors import SuiteError
from suite.runs import Run
from suite.testing import distribution, newest
from suite.training import checkpoint
from suite.training.memory import MicroBatches
from suite.training.order import StepSampler, step_loader


@dataclass
class Small(ToyModel):
    """The toy on a device that holds no more than `room` rows, from the call `since` on."""

    asked: list[int] = field(default_factory=list)
    """Rows of every training batch."""
    sizes: list[int] = field(default_factory=list)
    """Rows of those that fitted."""
    room: ClassVar[int] = 3
    since: ClassVar[int] = 0

    def loss(self, network, batch):
        if not network.training:
            return super().loss(network, batch)
        rows = len(batch["labels"])
        self.asked.append(rows)
        if rows > self.room and len(self.asked) > self.since:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        self.sizes.append(rows)
        return super().loss(network, batch)


class LateSmall(Small):
    """Runs out of memory in the middle of the run."""

    since = 4


class Hopeless(Small):
    """Holds nothing."""

    room = 0


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("model", [Small, LateSmall])
def test_smaller_pieces_give_the_weights_of_the_whole_batch(toy_rows, tmp_path, model, workers, capsys):
    settings = {"batch_size": 8, "workers": workers}
    whole = Fitting(toy_rows, tmp_path / "whole", **settings)
    cut = Fitting(toy_rows, tmp_path / "cut", model=model, **settings)
    assert largest(whole.last(), cut.last()) < 1e-6
    assert [line["loss"] for line in whole.run.history() if "loss" in line] == pytest.approx(
        [line["loss"] for line in cut.run.history() if "loss" in line], rel=1e-5
    )
    assert sum(cut.model.sizes) == 100 and max(cut.model.sizes[model.since :]) == 2  # 8, halved to 4, to 2
    step = min(model.since, 4)
    assert json.loads((cut.run.path / "memory.json").read_text()) == {
        "micro_batch_size": 2, "step": step, "device": "cpu"
    }  # fmt: skip
    assert f"out of memory at step {step}: micro-batches of 2 from here on" in (cut.run.path / "log.txt").read_text()
    assert capsys.readouterr().err.count("Out of memory at step") == 2


def test_a_resumed_run_begins_with_what_fits(toy_rows, tmp_path, capsys):
    first = Fitting(toy_rows, tmp_path, model=Small, max_steps=2, batch_size=8)
    again = Fitting(toy_rows, tmp_path, model=Small, max_steps=4, batch_size=8, resume=True)
    assert len(first.model.asked) > len(first.model.sizes) and again.model.asked == again.model.sizes
    assert capsys.readouterr().err.count("Out of memory") == 2


def test_an_example_too_large_for_the_device_is_one_sentence(toy_rows, tmp_path):
    with pytest.raises(SuiteError, match="Not even one example fits into the memory of cpu beside the model. Take a"):
        Fitting(toy_rows, tmp_path, model=Hopeless, batch_size=8)


def test_other_errors_are_not_taken_for_a_lack_of_memory(toy_rows, tmp_path):
    class Broken(ToyModel):
        def loss(self, network, batch):
            raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        Fitting(toy_rows, tmp_path, model=Broken)


def test_the_heaviest_batch_is_the_long_and_full_one():
    config = ToyConfig.build({"batch_size": 4})
    sampler = StepSampler(18, config, rank=0, world=1, lengths=[100 if i == 7 else 1 for i in range(18)])
    assert 7 in sampler.heaviest().indices
    alike = StepSampler(18, config, rank=1, world=2, lengths=None).heaviest()
    assert len(alike.indices) == 2  # half of a full batch, not of the last one of two


def test_a_probe_leaves_only_the_size(toy_rows, tmp_path):
    model = replace(TOY, model=Small.load).task(batch_size=8).load(MODEL, None)
    network = model.network
    network.register_buffer("mean", torch.zeros(1))
    optimizer = torch.optim.AdamW(network.parameters())
    sampler = StepSampler(50, model.config, rank=0, world=1, lengths=None)
    run = Run(tmp_path)
    run.set_status("running", "toy")
    micro = MicroBatches(step_loader(model, toy_rows[:50], sampler, pin=False), optimizer, run, torch.device("cpu"))

    def gradients(step, scale):
        losses = []
        for batch, count in zip(step.batches, step.counts, strict=True):
            network.mean += 1
            loss = model.loss(network.train(), batch)
            (loss * scale).backward()
            losses.append((loss, count))
        return losses

    before = torch.get_rng_state()
    micro.probe(sampler.heaviest(), network, partial(gradients, scale=1.0))
    assert micro.size == 2 and torch.equal(torch.get_rng_state(), before)
    assert all(parameter.grad is None for parameter in network.parameters())
    assert network.mean.item() == 0 and not optimizer.state


ONE_RANK = """
import os, torch
from dataclasses import replace
from suite import Entry, hookimpl
from suite_toy.domain import TOY
from suite_toy.model import ToyModel

@hookimpl
def suite_domains():
    return [Entry("small", "A rank with little memory.", "suite_small:SMALL")]

class Small(ToyModel):
    def loss(self, network, batch):
        if network.training and os.environ.get("RANK") == "1" and len(batch["labels"]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super().loss(network, batch)

SMALL = replace(TOY, name="small", model=Small.load)
"""


def test_when_one_rank_lacks_memory_all_take_its_size_and_the_weights_are_the_same(tmp_path):
    path = f"{distribution(tmp_path / 'plugin', 'suite_small', ONE_RANK)}:{os.environ['PYTHONPATH']}"
    flags = ["train", "--model", str(without_dropout(tmp_path / "model")), "--set", "noise=0", "--batch-size", "8"]
    ends = {}
    for name, launcher in (("one", ()), ("two", LAUNCHER)):
        process = suite(
            tmp_path, *flags, "--epochs", "1", "--output", name, launcher=launcher, environment={"PYTHONPATH": path},
            domain="small",
        )  # fmt: skip
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors[-3000:]
        ends[name] = checkpoint.read_tensors(
            checkpoint.latest(newest(tmp_path / name) / "checkpoints"), "model.safetensors"
        )
    assert largest(ends["one"], ends["two"]) < 1e-5
    assert errors.count("Out of memory at step 0") == 1  # 4 rows a rank: once, on the second
    assert json.loads((newest(tmp_path / "two") / "memory.json").read_text())["micro_batch_size"] == 2
