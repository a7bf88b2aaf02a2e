"""The training loop: exact sums, exact resume, and what is scored, kept and shown."""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import dataclass, field, replace
from itertools import count, pairwise

import pytest
import torch
from suite_toy.domain import TOY, ToyConfig
from suite_toy.fitting import LAUNCHER, MODEL, Fitting, fault_after, largest, suite, without_dropout
from suite_toy.model import ToyModel
from suite_toy.parts import ToyScores

from suite.errors import SuiteError
from suite.plugins.hookspecs import hookimpl
from suite.runs import Run
from suite.testing import fault_plugin, newest
from suite.training import checkpoint
from suite.training.meters import clip
from suite.training.weights import EMA, Adapters, freeze


def test_micro_batches_of_any_size_give_the_weights_of_one_batch(toy_rows, tmp_path):
    whole = Fitting(toy_rows, tmp_path / "whole", batch_size=8)
    for size in (1, 3, 5):
        parts = Fitting(toy_rows, tmp_path / str(size), batch_size=8, micro_batch_size=size)
        assert largest(whole.last(), parts.last()) < 1e-5  # 14 steps of float32 sums in another order


def test_the_first_step_is_plain_adamw(toy_rows, tmp_path):
    """One step against ten lines of PyTorch: clipping, decay and learning rate are what they say."""
    fitted = Fitting(toy_rows, tmp_path, batch_size=50, max_steps=1, epochs=1, warmup=0.0, schedule="constant")
    model = fitted.task.load(MODEL, None)
    network = model.network.train()
    network.dropout.p = 0.0
    optimizer = torch.optim.AdamW(model.optimizer_groups(network), lr=3e-2)
    network(**model.collate(toy_rows[:50])).loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    assert largest(fitted.last(), {name: p.data for name, p in network.named_parameters()}) < 1e-6


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("cosine", [1 / 3, 2 / 3, 1.0, 0.5 * (1 + math.cos(math.pi / 8)), 0.5, 0.0]),
        ("linear", [1 / 3, 2 / 3, 1.0, 7 / 8, 0.5, 0.0]),
        ("constant", [1 / 3, 2 / 3, 1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_schedules(name, values):
    model = ToyModel(None, ToyConfig(schedule=name, warmup=0.2))
    assert [model.schedule(step, 10) for step in (0, 1, 2, 3, 6, 10)] == pytest.approx(values, abs=1e-12)


def die():
    raise RuntimeError("died")


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("settings", [{"save_every": 3}, {"save_every": 2, "micro_batch_size": 3, "ema": 0.9}])
def test_resume_is_exact(toy_rows, tmp_path, workers, settings):
    """Dropout, augmentation, length buckets, averaging: crash twice, resume, and find the same bits."""
    settings = {"noise": 0.3, "dropout": 0.3, "epochs": 3, "workers": workers, **settings}
    whole = Fitting(toy_rows, tmp_path / "whole", **settings)
    for crash, resume in ((6, False), (13, True)):
        with pytest.raises(RuntimeError, match="died"), fault_after(crash, die):
            Fitting(toy_rows, tmp_path / "parts", resume=resume, **settings)
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
    with pytest.raises(RuntimeError), fault_after(8, die):
        Fitting(toy_rows, tmp_path / "parts", save_every=3)
    damaged = checkpoint.latest(tmp_path / "parts" / "checkpoints")
    os.truncate(damaged / "optimizer.safetensors", 10)
    parts = Fitting(toy_rows, tmp_path / "parts", save_every=3, resume=True)
    assert "is damaged" in capsys.readouterr().err
    assert largest(whole.last(), parts.last()) == 0


def test_training_that_only_harms_keeps_the_pretrained_weights(toy_rows, tmp_path):
    calls = count(1)

    class Worsening(ToyScores):
        """Every evaluation scores worse than the one before."""

        def metrics(self, scores):
            return {"accuracy": 1 / next(calls)}

    harmed = Fitting(toy_rows, tmp_path, scores=Worsening)
    assert [line["validation/accuracy"] for line in harmed.run.history() if "validation/accuracy" in line][0] == 1.0
    assert largest(harmed.last(), harmed.start) > 0, "it must have trained"
    assert largest(harmed.network.state_dict(), harmed.start) == 0


def test_patience_stops_early(toy_rows, tmp_path):
    fitted = Fitting(toy_rows, tmp_path, learning_rate=1e-12, epochs=50, patience=2)
    assert max(line["step"] for line in fitted.run.history()) == 14  # two evaluations after step 0, 7 steps apart


class Poisoned(ToyModel):
    """One training word gives a NaN."""

    def loss(self, network, batch):
        loss = super().loss(network, batch)
        return loss * float("nan") if network.training and (batch["input_ids"] == 26).any() else loss


def test_a_loss_that_is_not_finite_stops_before_the_step_and_names_the_examples(toy_rows, tmp_path):
    rows = [row for row in toy_rows if "z" not in row["word"]]
    rows[11] = {**rows[11], "word": "zzzz"}
    caught = []

    class Watch:
        @hookimpl
        def suite_step_taken(self):
            caught.append({name: value.clone() for name, value in networks[0].state_dict().items()})

    networks = []
    with pytest.raises(SuiteError, match=r"not finite at step \d+") as failure:
        Fitting(
            rows, tmp_path, model=Poisoned, batch_size=4, callbacks=[Watch()],
            prepare=lambda fitting: networks.append(fitting.network),
        )  # fmt: skip
    named = json.loads("[" + str(failure.value).split("[")[1].split("]")[0] + "]")
    assert 11 in named and len(named) == 4
    assert caught, "the bad example must not be in the first step, or nothing is shown"
    assert largest(networks[0].state_dict(), caught[-1]) == 0


def test_freezing_leaves_weights_and_refuses_a_misspelt_pattern(toy_rows, tmp_path):
    fitted = Fitting(toy_rows, tmp_path, prepare=lambda f: freeze(f.network, ["embed.*"]))
    end = fitted.network.state_dict()
    changed = {name for name, value in end.items() if not torch.equal(value, fitted.start[name])}
    assert changed == {"hidden.weight", "hidden.bias", "head.weight", "head.bias"}
    with pytest.raises(SuiteError, match="no parameter matches 'embeds"):
        freeze(fitted.network, ["embeds.*"])
    with pytest.raises(SuiteError, match="Nothing is left to train"):
        Fitting(toy_rows, tmp_path / "none", prepare=lambda f: freeze(f.network, ["*"]))


def test_adapters_train_alone_and_merge_into_equal_answers(toy_rows, tmp_path):
    made = []
    fitted = Fitting(toy_rows, tmp_path, lora=True, prepare=lambda f: made.append(Adapters(f.task, f.network)))
    (adapters,) = made
    saved = fitted.last()
    assert saved and all("lora_" in name for name in saved)
    batch = fitted.model.collate(toy_rows[:20])
    network = fitted.network.eval()
    with torch.no_grad():
        adapted = network(batch["input_ids"]).logits
        adapters.merge()
        merged = network.eval()(batch["input_ids"]).logits
    assert type(network).__name__ == "ToyNetwork" and not any("lora_" in name for name in network.state_dict())
    assert torch.allclose(adapted, merged, atol=1e-5)
    start = fitted.task.load(MODEL, None).network.eval()
    with torch.no_grad():
        assert not torch.allclose(merged, start(batch["input_ids"]).logits, atol=1e-3), "the adapters learnt nothing"


class Drawing(ToyModel):
    """Its answers draw random numbers, as decoding with a temperature does."""

    def infer(self, batch):
        torch.rand(3)
        return super().infer(batch)


def test_what_an_evaluation_draws_is_not_felt_by_training(toy_rows, tmp_path):
    plain, drawing = (Fitting(toy_rows, tmp_path / m.__name__, model=m, dropout=0.3) for m in (ToyModel, Drawing))
    assert largest(plain.last(), drawing.last()) == 0


class Previewing(ToyModel):
    """Writes the weights it is shown, and draws a random number doing so."""

    def preview(self, step, folder, examples):
        assert not self.network.training and not torch.is_grad_enabled()
        assert len(examples) == 50, "those trained on"
        folder.mkdir(exist_ok=True)
        torch.save(self.network.state_dict(), folder / f"{step}-{torch.rand(1).item()}.pt")


def test_a_preview_sees_the_scored_weights_of_every_evaluation_and_is_not_felt(toy_rows, tmp_path):
    plain, seen = (Fitting(toy_rows, tmp_path / m.__name__, model=m, ema=0.9) for m in (ToyModel, Previewing))
    shown = {int(p.name.split("-")[0]): torch.load(p, weights_only=True) for p in seen.run.previews.iterdir()}
    evaluated = [line["step"] for line in seen.run.history() if "validation/accuracy" in line]
    assert sorted(shown) == evaluated == [0, 7, 14]
    assert largest(shown[0], seen.start) == 0
    average = checkpoint.read_tensors(checkpoint.latest(seen.run.checkpoints), "average.safetensors")
    names = [name for name, _ in seen.network.named_parameters()]
    assert all(torch.equal(average[str(i)], shown[14][name]) for i, name in enumerate(names))
    assert largest(plain.last(), seen.last()) == 0


@dataclass
class Indexed(ToyModel):
    """Keeps what it makes of the weights: here the weights themselves, and how often."""

    index: dict[str, torch.Tensor] = field(default_factory=dict)
    refreshes: int = 0

    def refreshed(self):
        assert not self.network.training and not torch.is_grad_enabled()
        index = {name: value.clone() for name, value in self.network.state_dict().items()}
        return replace(self, index=index, refreshes=self.refreshes + 1)

    def infer(self, batch):
        assert largest(self.index, self.network.state_dict()) == 0, "an answer by an old index"
        return super().infer(batch)


def test_the_model_is_refreshed_before_each_evaluation_and_what_it_returned_is_kept(toy_rows, tmp_path):
    plain, indexed = (Fitting(toy_rows, tmp_path / m.__name__, model=m, ema=0.9) for m in (ToyModel, Indexed))
    assert indexed.model.refreshes == 3  # at the steps 0, 7 and 14
    assert indexed.network is indexed.model.network
    assert largest(plain.last(), indexed.last()) == 0


def test_averaged_weights_are_what_is_scored_and_kept(toy_rows, tmp_path):
    fitted = Fitting(toy_rows, tmp_path, ema=0.9, epochs=3)
    path = checkpoint.folder(
        fitted.run.checkpoints, checkpoint.read_state(checkpoint.latest(fitted.run.checkpoints))["cursor"]["best_step"]
    )
    average = checkpoint.read_tensors(path, "average.safetensors")
    kept = [p.data for p in fitted.network.parameters()]
    assert all(torch.equal(average[str(i)], value) for i, value in enumerate(kept))
    last = checkpoint.read_tensors(path, "model.safetensors")
    assert any(not torch.equal(last[name], fitted.network.state_dict()[name]) for name in last)
    assert any(not torch.equal(fitted.start[name], fitted.network.state_dict()[name]) for name in last)


def test_average_follows_its_formula():
    parameter = torch.nn.Parameter(torch.zeros(3))
    average = EMA([parameter], 0.9)
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
    assert all(value.dtype == torch.float32 for value in fitted.network.state_dict().values())
    losses = [line["validation/loss"] for line in fitted.run.history() if "validation/loss" in line]
    assert losses[-1] < losses[0] * 0.7


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
    network = TOY.task().load(MODEL, None).network
    for largest_norm in (0.5, 1e9):
        ours, theirs = ([torch.nn.Parameter(p.detach().clone()) for p in network.parameters()] for _ in range(2))
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
