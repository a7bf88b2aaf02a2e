"""A domain's own optimizer and schedule: whatever it keeps is checkpointed without pickle and comes back exactly."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from suite_toy.domain import TOY, ToyConfig
from suite_toy.fitting import MODEL, Fitting
from suite_toy.model import ToyModel

from suite.accelerator import make_accelerator
from suite.errors import SuiteError
from suite.training import checkpoint
from suite.training.checkpoint import Writer
from suite.training.meters import FiniteGuard
from suite.training.optimizers import load_optimizer, make_optimizer, optimizer_state
from suite.training.ready import rehearsed


class Hoarder(torch.optim.Optimizer):
    """Keeps one of everything: lists, tuples, texts, another type than its parameter's, memory used twice, a count in
    its group, and a value that belongs to no parameter."""

    def __init__(self, parameters, lr=0.01):
        super().__init__(parameters, {"lr": lr, "seen": 0, "betas": (0.9, 0.99)})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            group["seen"] += 1
            for parameter in group["params"]:
                kept = self.state[parameter]
                past = kept.setdefault("past", [])
                past.append(parameter.grad.clone())
                del past[:-2]
                kept["signs"] = (parameter.grad > 0).to(torch.uint8)
                kept["fine"] = parameter.double() * math.pi
                both = torch.zeros(2, *parameter.shape)
                kept["halves"] = (both[0], {"other": both[1], 3: math.inf, "none": None})
                kept["word"] = "step" + "!" * group["seen"]
                parameter.add_(torch.stack(past).mean(0) + kept["signs"] + kept["fine"] * 1e-3, alpha=-group["lr"])
        self.state["everywhere"] = {"steps": torch.tensor(self.param_groups[0]["seen"])}


OPTIMIZERS = {
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, fused=True),
    "adam of two groups": lambda p: torch.optim.Adam([{"params": p[:1], "lr": 0.1}, {"params": p[1:]}], amsgrad=True),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True),
    "plain sgd": lambda p: torch.optim.SGD(p, lr=0.01),
    "nadam": lambda p: torch.optim.NAdam(p, lr=0.01),
    "rprop": lambda p: torch.optim.Rprop(p, lr=0.01),
    "asgd": lambda p: torch.optim.ASGD(p, lr=0.01),
    "adafactor": lambda p: torch.optim.Adafactor(p, lr=0.01),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.01),
    "muon": lambda p: torch.optim.Muon([x for x in p if x.ndim == 2], lr=0.01),
    "hoarder": Hoarder,
}


def stepped(optimizer, parameters, times, seed):
    """Takes steps with made-up gradients; what optimizers without closure need."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(times):
        for parameter in parameters:
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimizer.step()


def through_a_file(folder, optimizer):
    """What is read of an optimizer that was written."""
    tensors, form = optimizer_state(optimizer)
    writer = Writer(folder, 1)
    writer.open(1000)
    writer.add("optimizer.safetensors", tensors, {"state": form})
    path = writer.commit({})
    name = "optimizer.safetensors"
    return checkpoint.read_tensors(path, name), checkpoint.read_head(path, name)["state"]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_any_optimizer_goes_on_as_if_it_had_not_been_written(name, tmp_path):
    torch.manual_seed(0)
    ours = [torch.nn.Parameter(torch.randn(shape)) for shape in ((4, 3), (3,), (2, 2))]
    theirs = [torch.nn.Parameter(p.detach().clone()) for p in ours]
    first = OPTIMIZERS[name](ours)
    stepped(first, ours, 3, seed=1)
    for mine, other in zip(ours, theirs, strict=True):
        other.data.copy_(mine.data)
    second = OPTIMIZERS[name](theirs)
    load_optimizer(second, *through_a_file(tmp_path, first))
    stepped(first, ours, 3, seed=2)
    stepped(second, theirs, 3, seed=2)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert optimizer_state(first)[1] == optimizer_state(second)[1]


def test_types_and_structure_come_back_as_they_were(tmp_path):
    parameters = [torch.nn.Parameter(torch.ones(2, 3))]
    first, second = Hoarder(parameters), Hoarder(parameters)
    stepped(first, parameters, 2, seed=0)
    load_optimizer(second, *through_a_file(tmp_path, first))
    kept = second.state[parameters[0]]
    assert kept["signs"].dtype == torch.uint8 and kept["fine"].dtype == torch.float64
    assert type(kept["past"]) is list and len(kept["past"]) == 2 and kept["word"] == "step!!"
    assert type(kept["halves"]) is tuple and kept["halves"][1] | {"other": 0} == {"other": 0, 3: math.inf, "none": None}
    assert second.param_groups[0]["seen"] == 2 and second.param_groups[0]["betas"] == (0.9, 0.99)
    assert second.state["everywhere"]["steps"] == 2


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
TENSORS = st.sampled_from([torch.float32, torch.bfloat16, torch.int64, torch.bool, torch.uint8]).map(
    lambda kind: torch.tensor([[0.0, 1.0, 1.0]]).to(kind)
)
VALUES = st.recursive(
    PLAIN | TENSORS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.integers(0, 3) | st.text("0.a", max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def equal(first, second):
    """The same types all the way down, and the same values."""
    if type(first) is not type(second):
        return False
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(equal(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(equal, first, second))
    if isinstance(first, torch.Tensor):
        return first.dtype == second.dtype and torch.equal(first, second)
    return first == second or (first != first and second != second)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=4), VALUES, max_size=3))
def test_every_structure_of_tensors_and_plain_values_comes_back(kept):
    parameter = torch.nn.Parameter(torch.ones(1))
    first, second = (torch.optim.SGD([parameter], lr=0.1) for _ in range(2))
    first.state[parameter] = kept
    load_optimizer(second, *optimizer_state(first))
    assert equal(second.state[parameter], kept)


class Forgetful(torch.optim.SGD):
    """Its state is not what it goes on from."""

    def load_state_dict(self, state_dict):
        super().load_state_dict({**state_dict, "state": {}})


def test_what_cannot_be_kept_or_does_not_come_back_is_one_sentence():
    parameter = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    optimizer.state[parameter] = {"a": [{1, 2}]}
    with pytest.raises(SuiteError, match=r"SGD keeps a set in state\.0\.a\.0 of its state, which no checkpoint holds"):
        optimizer_state(optimizer)
    optimizer.state[parameter] = {(1, 2): 3}
    with pytest.raises(SuiteError, match=r"SGD names a value of its state \(1, 2\)"):
        optimizer_state(optimizer)
    forgetful = [Forgetful([parameter], lr=0.1, momentum=0.9) for _ in range(2)]
    stepped(forgetful[0], [parameter], 1, seed=0)
    with pytest.raises(SuiteError, match="Forgetful.load_state_dict does not take back what its state_dict gave"):
        load_optimizer(forgetful[1], *optimizer_state(forgetful[0]))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda model, network: network, "gave ToyNetwork; give a torch.optim.Optimizer"),
        (lambda model, network: torch.optim.SGD([torch.ones(1, requires_grad=True)]), "not of the network"),
        (lambda model, network: torch.optim.Optimizer(network.parameters(), {}), "a group without 'lr'"),
    ],
)  # fmt: skip
def test_an_optimizer_the_loop_cannot_work_with_is_refused(toy_model, make, said):
    other = type("Other", (ToyModel,), {"optimizer": make})(toy_model.network, toy_model.config)
    with pytest.raises(SuiteError, match=said):
        make_optimizer(other, other.network)


class Own(ToyModel):
    """An optimizer with a state of its own kind, another rate for each group, and steps down instead of a slope."""

    def optimizer(self, network):
        embed, *rest = network.parameters()
        return Hoarder([{"params": [embed], "lr": 0.02}, {"params": rest}])

    def schedule(self, step, total):
        return 0.5 ** (step // 5) if total == 14 else 0.0


class Dying(Own):
    """It crashes at a step of its schedule."""

    def schedule(self, step, total):
        if step == 8:
            raise RuntimeError("died")
        return super().schedule(step, total)


def test_a_domains_own_optimizer_and_schedule_train_and_resume_exactly(toy_rows, tmp_path):
    options = {"save_every": 3, "log_every": 1, "dropout": 0.3}
    whole = Fitting(toy_rows, tmp_path / "whole", model=Own, **options)
    with pytest.raises(RuntimeError, match="died"):
        Fitting(toy_rows, tmp_path / "parts", model=Dying, **options)
    parts = Fitting(toy_rows, tmp_path / "parts", model=Own, resume=True, **options)
    ends = [checkpoint.latest(f.run.checkpoints) for f in (whole, parts)]
    for name in ("model", "optimizer", "rank-0"):
        ours, theirs = (checkpoint.read_tensors(end, f"{name}.safetensors") for end in ends)
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours), name
    assert any("halves" in name for name in checkpoint.read_tensors(ends[0], "optimizer.safetensors"))
    rates = [line["rate"] for line in whole.run.history() if "rate" in line]
    assert rates == [0.02] * 5 + [0.01] * 5 + [0.005] * 4


def test_a_rehearsal_takes_its_steps_with_the_domains_own(monkeypatch):
    """The same optimizer at the same rates, and what no checkpoint could hold is said before the training."""
    rates = []

    class Noting(Hoarder):
        def step(self, closure=None):
            rates.append([group["lr"] for group in self.param_groups])
            super().step()
            self.state["odd"] = {1, 2} if len(rates) > 2 else None

    class Rehearsed(Own):
        def optimizer(self, network):
            return Noting(network.parameters())

        def schedule(self, step, total):
            return 1 / (1 + step)

    task = replace(TOY, model=Rehearsed.load).task()
    rehearsed(task, make_accelerator(task.config), 2)
    assert rates == [[0.01], [0.005]]
    with pytest.raises(SuiteError, match="Noting keeps a set in state.odd"):
        rehearsed(task, make_accelerator(task.config), 1)


def test_the_host_looks_at_each_norm_where_the_optimizer_cannot_skip_a_step_by_itself(toy_model):
    """On a GPU torch's fused optimizers skip a step that is not finite; any other would take it."""
    parameters, device = list(toy_model.network.parameters()), torch.device("meta")
    looks = {
        optimizer: FiniteGuard(ToyConfig(), device, optimizer).immediate
        for optimizer in (toy_model.optimizer(toy_model.network), torch.optim.SGD(parameters), Hoarder(parameters))
    }
    assert list(looks.values()) == [False, True, True]


def test_a_checkpoint_of_before_optimizers_were_whole_is_refused(toy_rows, tmp_path, monkeypatch):
    Fitting(toy_rows, tmp_path, max_steps=2, evaluate_every=2)
    monkeypatch.setattr(checkpoint, "read_head", lambda path, name: {})
    with pytest.raises(SuiteError, match="was written by an earlier version of Suite; finish the run with that one"):
        Fitting(toy_rows, tmp_path, max_steps=4, resume=True)


def test_no_checkpoint_holds_a_pickle(toy_rows, tmp_path):
    Fitting(toy_rows, tmp_path, model=Own, max_steps=2, evaluate_every=2)
    files = [path for path in Path(tmp_path / "checkpoints").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".safetensors", ".json"} and MODEL.exists()
