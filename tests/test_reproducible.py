"""Kernels that repeat themselves: where they are taken, that they do, and that a caller's own choice comes back."""

from __future__ import annotations

import os

import pytest
import torch

from suite.accelerator import promise, reproducible
from suite.training.train import train

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def kernels():
    """How torch was told to choose its kernels."""
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.utils.deterministic.fill_uninitialized_memory,
        torch.backends.cudnn.benchmark,
    )


def test_a_cpu_repeats_itself_and_the_caller_gets_his_kernels_back(toy):
    before = kernels()
    with reproducible(toy.config, CPU) as repeats:
        assert repeats and kernels() == (True, True, False, False)
        with reproducible(toy.config, CPU):  # an evaluation within a training
            pass
        assert kernels() == (True, True, False, False)
    assert kernels() == before
    with pytest.raises(KeyError), reproducible(toy.config, CPU):
        raise KeyError
    assert kernels() == before


def test_a_gpu_repeats_itself_where_it_is_asked_to(toy, monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    before = kernels()
    with reproducible(toy.config, CUDA) as repeats:
        assert not repeats and kernels() == before and "CUBLAS_WORKSPACE_CONFIG" not in os.environ
    asked = toy.config.model_copy(update={"deterministic": True})
    with reproducible(asked, CUDA) as repeats:
        assert repeats and kernels()[:2] == (True, True) and os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")  # the other one that repeats itself
    with reproducible(asked, CUDA):
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


def gathered(toy) -> torch.Tensor:
    """The gradient of rows that are gathered often, as a catalogue's are from a table of items."""
    generator = torch.Generator().manual_seed(1)
    table = torch.zeros(7, 64, requires_grad=True)
    rows = torch.randint(0, 7, (20_000,), generator=generator)
    weights = torch.randn(20_000, 64, generator=generator)
    with reproducible(toy.config, CPU):
        (table[rows] * weights).sum().backward()
    assert table.grad is not None
    return table.grad


def test_two_threads_add_in_one_order(toy, two_threads):
    first = gathered(toy)
    assert all(torch.equal(first, gathered(toy)) for _ in range(20))


def test_a_run_says_whether_it_repeats(toy, tmp_path, two_threads, capsys):
    before = kernels()
    run = train(toy.domain.task(output=tmp_path, max_steps=2))
    said = "Repeats to the bit on this machine with 2 CPU threads."
    assert run.environment()["deterministic"] is True and said in (run.path / "log.txt").read_text()
    assert kernels() == before
    assert "deterministic=true" in promise(repeats=False)
