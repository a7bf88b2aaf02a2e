"""The training loop: exact sums, exact resume, and stops that spoil nothing."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise

import pytest
import torch
from suite_toy.domain import ToyConfig, ToyDomain
from suite_toy.fitting import LAUNCHER, MODEL, Fitting, largest, suite, without_dropout

from suite.errors import SuiteError
from suite.runs import Run
from suite.signals import Stopped
from suite.testing import fault_plugin, newest
from suite.training import checkpoint
from suite.training.callbacks import Callback
from suite.training.loop import schedule
from suite.training.meters import clip
from suite.training.weights import Adapters, Average, freeze


def test_micro_batches_of_any_size_give_the_weights_of_one_batch(toy_rows, tmp_path):
    whole = Fitting(toy_rows, tmp_path / "whole", batch_size=8)
    for size in (1, 3, 5):
        parts = Fitting(toy_rows, tmp_path / str(size), batch_size=8, micro_batch_size=size)
        assert largest(whole.last(), parts.last()) < 1e-5  # 14 steps of float32 sums in another order


def test_the_first_step_is_plain_adamw(toy_rows, tmp_path):
    """One step against ten lines of PyTorch: clipping, decay and learning rate are what they say."""
    fitted = Fitting(toy_rows, tmp_path, batch_size=50, max_steps=1, epochs=1, warmup=0.0, schedule="constant")
    model = fitted.domain.load_model(MODEL, None)
    model.dropout.p = 0.0
    model.train()
    optimizer = torch.optim.AdamW(fitted.domain.optimizer_groups(model), lr=3e-2)
    order = fitted.domain.collate(toy_rows[:50])
    model(**order).loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    assert largest(fitted.last(), {name: p.data for name, p in model.named_parameters()}) < 1e-6


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("cosine", [1 / 3, 2 / 3, 1.0, 0.5 * (1 + math.cos(math.pi / 8)), 0.5, 0.0]),
        ("linear", [1 / 3, 2 / 3, 1.0, 7 / 8, 0.5, 0.0]),
        ("constant", [1 / 3, 2 / 3, 1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_schedules(name, values):
    config = ToyConfig(schedule=name, warmup=0.2)
    assert [schedule(config, step, 10) for step in (0, 1, 2, 3, 6, 10)] == pytest.approx(values, abs=1e-12)


class Die(Callback):
    """Raises at a step, as a crash would."""

    def __init__(self, step):
        self.step = step

    def on_step(self, step):
        if step == self.step:
            raise RuntimeError("died")


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("settings", [{"save_every": 3}, {"save_every": 2, "micro_batch_size": 3, "ema": 0.9}])
def test_resume_is_exact(toy_rows, tmp_path, workers, settings):
    """Dropout, augmentation, length buckets, averaging: crash twice, resume, and find the same bits."""
    settings = {"noise": 0.3, "dropout": 0.3, "epochs": 3, "workers": workers, **settings}
    whole = Fitting(toy_rows, tmp_path / "whole", **settings)
    for crash, resume in ((6, False), (13, True)):
        with pytest.raises(RuntimeError, match="died"):
            Fitting(toy_rows, tmp_path / "parts", callbacks=[Die(crash)], resume=resume, **settings)
    parts = Fitting(toy_rows, tmp_path / "parts", resume=True, **settings)
    ends = [checkpoint.latest(f.run.checkpoints) for f in (whole, parts)]
    for name in ("model", "optimizer", "average", "rank-0"):
        tensors = [checkpoint.read_tensors(end, f"{name}.safetensors") for end in ends]
        assert tensors[0].keys() == tensors[1].keys()
        assert all(torch.equal(tensors[0][key], tensors[1][key]) for key in tensors[0]), name
    lines = [
        [{k: v for k, v in line.items() if k in ("step", "loss", "validation/accuracy")} for line in f.run.history()]
        for f in (whole, parts)
    ]
    assert lines[0] == lines[1], "the resumed run's history must be the whole one's"


def test_a_damaged_newest_checkpoint_costs_one_interval_not_the_run(toy_rows, tmp_path, capsys):
    whole = Fitting(toy_rows, tmp_path / "whole", save_every=3)
    with pytest.raises(RuntimeError):
        Fitting(toy_rows, tmp_path / "parts", save_every=3, callbacks=[Die(8)])
    newest_one = checkpoint.latest(tmp_path / "parts" / "checkpoints")
    os.truncate(newest_one / "optimizer.safetensors", 10)
    parts = Fitting(toy_rows, tmp_path / "parts", save_every=3, resume=True)
    assert "is damaged" in capsys.readouterr().err
    assert largest(whole.last(), parts.last()) == 0


class Worsening(ToyDomain):
    """Every evaluation scores worse than the one before."""

    calls = 0

    def metrics(self, scores):
        self.calls += 1
        return {"accuracy": 1 / self.calls}


def test_training_that_only_harms_keeps_the_pretrained_weights(toy_rows, tmp_path):
    harmed = Fitting(toy_rows, tmp_path, domain=Worsening)
    assert [line["validation/accuracy"] for line in harmed.run.history() if "validation/accuracy" in line][0] == 1.0
    assert largest(harmed.last(), harmed.start) > 0, "it must have trained"
    assert largest(harmed.model.state_dict(), harmed.start) == 0


def test_patience_stops_early(toy_rows, tmp_path):
    fitted = Fitting(toy_rows, tmp_path, learning_rate=1e-12, epochs=50, patience=2)
    assert max(line["step"] for line in fitted.run.history()) == 14  # two evaluations after step 0, 7 steps apart


class Poisoned(ToyDomain):
    """One training word gives a NaN."""

    def loss(self, model, batch):
        loss = super().loss(model, batch)
        return loss * float("nan") if model.training and (batch["input_ids"] == 26).any() else loss


def test_a_loss_that_is_not_finite_stops_before_the_step_and_names_the_examples(toy_rows, tmp_path):
    rows = [row for row in toy_rows if "z" not in row["word"]]
    rows[11] = {**rows[11], "word": "zzzz"}
    caught = []

    class Watch(Callback):
        def on_step(self, step):
            caught.append({name: value.clone() for name, value in fitted_model[0].state_dict().items()})

    fitted_model = []
    with pytest.raises(SuiteError, match=r"not finite at step \d+") as failure:
        Fitting(
            rows, tmp_path, domain=Poisoned, batch_size=4, callbacks=[Watch()],
            prepare=lambda fitting: fitted_model.append(fitting.model),
        )  # fmt: skip
    named = json.loads("[" + str(failure.value).split("[")[1].split("]")[0] + "]")
    assert 11 in named and len(named) == 4
    assert caught, "the bad example must not be in the first step, or nothing is shown"
    assert largest(fitted_model[0].state_dict(), caught[-1]) == 0


def test_freezing_leaves_weights_and_refuses_a_misspelt_pattern(toy_rows, tmp_path):
    fitted = Fitting(toy_rows, tmp_path, prepare=lambda f: freeze(f.model, ["embed.*"]))
    changed = {name for name, value in fitted.model.state_dict().items() if not torch.equal(value, fitted.start[name])}
    assert changed == {"hidden.weight", "hidden.bias", "head.weight", "head.bias"}
    with pytest.raises(SuiteError, match="no parameter matches 'embeds"):
        freeze(fitted.model, ["embeds.*"])
    with pytest.raises(SuiteError, match="Nothing is left to train"):
        Fitting(toy_rows, tmp_path / "none", prepare=lambda f: freeze(f.model, ["*"]))


def test_adapters_train_alone_and_merge_into_equal_answers(toy_rows, tmp_path):
    held = []
    fitted = Fitting(toy_rows, tmp_path, lora=True, prepare=lambda f: held.append(Adapters(f.domain, f.model)))
    saved = fitted.last()
    assert saved and all("lora_" in name for name in saved)
    batch = fitted.domain.collate(toy_rows[:20])
    fitted.model.eval()
    with torch.no_grad():
        adapted = fitted.model(batch["input_ids"]).logits
        merged = held[0].merge().eval()(batch["input_ids"]).logits
    assert type(held[0].model.base_model.model).__name__ == "ToyModel"
    assert torch.allclose(adapted, merged, atol=1e-5)
    start = fitted.domain.load_model(MODEL, None).eval()
    with torch.no_grad():
        assert not torch.allclose(merged, start(batch["input_ids"]).logits, atol=1e-3), "the adapters learnt nothing"


class Drawing(ToyDomain):
    """Its answers draw random numbers, as decoding with a temperature does."""

    def infer(self, model, batch):
        torch.rand(3)
        return super().infer(model, batch)


def test_what_an_evaluation_draws_is_not_felt_by_training(toy_rows, tmp_path):
    plain, drawing = (Fitting(toy_rows, tmp_path / d.__name__, domain=d, dropout=0.3) for d in (ToyDomain, Drawing))
    assert largest(plain.last(), drawing.last()) == 0


class Previewing(ToyDomain):
    """Writes the weights it is shown, and draws a random number doing so."""

    def preview(self, model, step, folder):
        assert not model.training and not torch.is_grad_enabled()
        folder.mkdir(exist_ok=True)
        torch.save(model.state_dict(), folder / f"{step}-{torch.rand(1).item()}.pt")


def test_a_preview_sees_the_scored_weights_of_every_evaluation_and_is_not_felt(toy_rows, tmp_path):
    plain, seen = (Fitting(toy_rows, tmp_path / d.__name__, domain=d, ema=0.9) for d in (ToyDomain, Previewing))
    shown = {int(p.name.split("-")[0]): torch.load(p, weights_only=True) for p in seen.run.previews.iterdir()}
    evaluated = [line["step"] for line in seen.run.history() if "validation/accuracy" in line]
    assert sorted(shown) == evaluated == [0, 7, 14]
    assert largest(shown[0], seen.start) == 0
    average = checkpoint.read_tensors(checkpoint.latest(seen.run.checkpoints), "average.safetensors")
    names = [name for name, _ in seen.model.named_parameters()]
    assert all(torch.equal(average[str(i)], shown[14][name]) for i, name in enumerate(names))
    assert largest(plain.last(), seen.last()) == 0


def test_averaged_weights_are_what_is_scored_and_kept(toy_rows, tmp_path):
    fitted = Fitting(toy_rows, tmp_path, ema=0.9, epochs=3)
    path = checkpoint.folder(
        fitted.run.checkpoints, checkpoint.read_state(checkpoint.latest(fitted.run.checkpoints))["cursor"]["best_step"]
    )
    average = checkpoint.read_tensors(path, "average.safetensors")
    kept = [p.data for p in fitted.model.parameters()]
    assert all(torch.equal(average[str(i)], value) for i, value in enumerate(kept))
    last = checkpoint.read_tensors(path, "model.safetensors")
    assert any(not torch.equal(last[name], fitted.model.state_dict()[name]) for name in last)
    assert any(not torch.equal(fitted.start[name], fitted.model.state_dict()[name]) for name in last)


def test_average_follows_its_formula():
    parameter = torch.nn.Parameter(torch.zeros(3))
    average = Average([parameter], 0.9)
    expected = torch.zeros(3)
    for step in range(30):
        parameter.data.fill_(float(step))
        average.update(step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert torch.allclose(average.shadow[0], expected)
    with average.applied():
        assert torch.allclose(parameter.data, expected)
    assert torch.equal(parameter.data, torch.full((3,), 29.0))


def test_bf16_learns_and_keeps_full_precision_weights(toy_rows, tmp_path):
    fitted = Fitting(toy_rows, tmp_path, precision="bf16", epochs=6)
    assert all(value.dtype == torch.float32 for value in fitted.model.state_dict().values())
    losses = [line["validation/loss"] for line in fitted.run.history() if "validation/loss" in line]
    assert losses[-1] < losses[0] * 0.7


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("where", ["step", "evaluation", "saving"])
def test_a_signal_anywhere_writes_a_checkpoint_and_the_rest_is_exact(toy_rows, tmp_path, number, where, monkeypatch):
    at = []

    class Send(Callback):
        def on_step(self, step):
            at.append(step)
            if where == "step" and step == 5:
                os.kill(os.getpid(), number)

    class Interrupted(ToyDomain):
        def infer(self, model, batch):
            if where == "evaluation" and at and at[-1] == 7:
                os.kill(os.getpid(), number)
            return super().infer(model, batch)

    class Slow(checkpoint.Writer):
        def add(self, name, tensors):
            if where == "saving" and self.step == 7 and name == "optimizer.safetensors":
                os.kill(os.getpid(), number)
            super().add(name, tensors)

    settings = {"noise": 0.2, "dropout": 0.2, "workers": 1}
    whole = Fitting(toy_rows, tmp_path / "whole", **settings)
    with monkeypatch.context() as patch, pytest.raises(Stopped) as stopped:
        patch.setattr(checkpoint, "Writer", Slow)
        Fitting(toy_rows, tmp_path / "parts", callbacks=[Send()], domain=Interrupted, **settings)
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
from suite import Callback
from suite.data.load import load_splits
from suite_toy.domain import ToyDomain
from suite_toy.fitting import Fitting

class Bulky(ToyDomain):
    def collate(self, examples):  # arrays, unlike tensors, go through the pipe, which holds 64 KiB
        return {**super().collate(examples), "bulk": np.zeros(1 << 20)}

    def loss(self, model, batch):
        return super().loss(model, {name: value for name, value in batch.items() if name != "bulk"})

class Kill(Callback):
    def on_step(self, step):
        if step == 3:
            os.kill(os.getpid(), signal.SIGKILL)

rows = list(load_splits(ToyDomain())[1]["train"])
Fitting(rows, Path(tempfile.mkdtemp()), domain=Bulky, callbacks=[Kill()], workers=2)
"""


def test_workers_of_a_killed_process_do_not_outlive_it(tmp_path):
    """They hold the pipe to whoever started the run: were they left waiting, so would be its reader."""
    line = [sys.executable, "-c", BULKY]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]


def test_two_processes_train_as_one_and_a_killed_rank_resumes_exactly(tmp_path):
    """Without dropout the weights agree to rounding; with one rank killed, the resumed run has the same bits."""
    plugin = {"PYTHONPATH": f"{fault_plugin(tmp_path / 'fault')}:{os.environ['PYTHONPATH']}"}
    flags = ["train", "--set", "noise=0", "--epochs", "2", "--set", "save_every=5", "--set", "callbacks=[kill]"]
    flags += ["--model", str(without_dropout(tmp_path / "model"))]
    ends = {}
    for name, launcher in (("one", ()), ("two", LAUNCHER), ("killed", LAUNCHER)):
        environment = plugin | ({"KILL_AT_STEP": "23"} if name == "killed" else {})
        process = suite(tmp_path, *flags, "--output", name, launcher=launcher, environment=environment)
        _, errors = process.communicate(timeout=300)
        assert (process.returncode == 0) == (name != "killed"), errors[-3000:]
        if name == "killed":
            process = suite(tmp_path, "train", "--resume", "--output", name, launcher=launcher, environment=plugin)
            _, errors = process.communicate(timeout=300)
            assert process.returncode == 0, errors[-3000:]
        ends[name] = checkpoint.latest(newest(tmp_path / name) / "checkpoints")
    weights = {name: checkpoint.read_tensors(end, "model.safetensors") for name, end in ends.items()}
    assert largest(weights["one"], weights["two"]) < 1e-5  # float32 sums in another order over 34 steps
    assert largest(weights["two"], weights["killed"]) == 0
    metrics = [
        [
            line["validation/accuracy"]
            for line in Run(newest(tmp_path / name)).history()
            if "validation/accuracy" in line
        ]
        for name in ("one", "two")
    ]
    assert metrics[0] == metrics[1]


def test_clipping_is_torchs_own(toy_rows):
    model = ToyDomain().load_model(MODEL, None)
    for largest_norm in (0.5, 1e9):
        ours, theirs = ([torch.nn.Parameter(p.detach().clone()) for p in model.parameters()] for _ in range(2))
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            a.grad = torch.full_like(a, 0.1 * (i + 1))
            b.grad = a.grad.clone()
        assert clip(ours, largest_norm) == torch.nn.utils.clip_grad_norm_(theirs, largest_norm)
        assert all(torch.equal(a.grad, b.grad) for a, b in zip(ours, theirs, strict=True))


def test_the_heartbeat_is_no_more_than_once_a_second(toy_rows, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(Run, "set_status", lambda self, *a, **k: written.append((k.get("step"), time.monotonic())))
    monkeypatch.setattr(Run, "domain", "toy")
    Fitting(toy_rows, tmp_path, epochs=10, log_every=1)
    beats = written[1:]  # the first is the fixture's own
    assert beats[0][0] == 1 and beats[-1][0] == 70
    # The last step writes whenever it comes. A hundredth of a second may pass between the look at the clock and ours.
    assert all(late - early > 0.99 for (_, early), (_, late) in pairwise(beats[:-1]))
