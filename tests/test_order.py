"""Which examples make up which step."""

from __future__ import annotations

import hashlib
import json
import time
import tracemalloc

import numpy as np
import pytest
import torch
from suite_toy.domain import ToyConfig
from suite_toy.model import ToyModel

from suite import Model
from suite.training import order
from suite.training.order import Batches, RankBatch, Step, StepCollator, StepSampler, TrainingExamples, generator_for


@pytest.mark.parametrize("count", [1, 7, 8, 9, 33])
@pytest.mark.parametrize("lengths", [False, True])
def test_each_example_is_in_exactly_one_batch(count, lengths):
    sizes = list(range(count)) if lengths else None
    batches = Batches(count, 8, seed=1, epoch=0, lengths=sizes)
    assert sorted(i for batch in batches for i in batch) == list(range(count))
    assert len(batches) == -(-count // 8)


def test_order_depends_on_seed_and_epoch_only():
    first, again, other, third = (
        list(Batches(50, 8, seed=seed, epoch=epoch)) for seed, epoch in [(1, 0), (1, 0), (1, 1), (2, 1)]
    )
    assert first == again and first != other != third


@pytest.mark.parametrize(
    ("epoch", "lengths", "expected"),
    [
        (0, None, [[6, 7, 0, 10], [3, 5, 2, 4], [9, 1, 8]]),
        (1, None, [[0, 7, 4, 9], [8, 3, 1, 2], [10, 6, 5]]),
        (1, [5, 1, 9, 2, 8, 3, 7, 4, 6, 10, 11], [[0, 8, 6, 4], [1, 3, 5, 7], [2, 9, 10]]),
    ],
)
def test_the_order_is_that_of_all_earlier_checkpoints(epoch, lengths, expected):
    batches = Batches(11, 4, seed=42, epoch=epoch, lengths=lengths)
    assert list(batches) == expected and batches[-1] == expected[-1] and batches[1:] == expected[1:]


@pytest.mark.parametrize(("lengths", "digest"), [(False, "e4da7bac79d8b834"), (True, "499a141fda28b69a")])
def test_the_order_of_many_pools_is_that_of_all_earlier_checkpoints(lengths, digest):
    sizes = np.random.default_rng(3).integers(1, 1000, 1234).tolist() if lengths else None
    batches = list(Batches(1234, 8, seed=7, epoch=3, lengths=sizes))
    assert hashlib.sha256(json.dumps(batches).encode()).hexdigest()[:16] == digest


@pytest.mark.parametrize("lengths", [False, True])
def test_the_heaviest_batch_is_the_one_that_looking_at_all_finds(lengths):
    sizes = np.random.default_rng(3).integers(1, 1000, 1234) if lengths else np.ones(1234, int)
    batches = Batches(1234, 8, seed=7, epoch=3, lengths=sizes if lengths else None)
    assert batches.heaviest() == max(batches, key=lambda batch: int(sizes[batch].max()) * len(batch))


def _first_step(count: int, lengths: np.ndarray | None) -> tuple[float, int]:
    """Seconds and bytes that the last step of an epoch takes once the permutation is there."""
    sampler = StepSampler(count, ToyConfig(batch_size=16), rank=0, world=1, lengths=lengths)
    batches, sampler.cursor = sampler._batches(), sampler.steps_per_epoch - 1
    sampler._batches = lambda: batches
    tracemalloc.start()
    started = time.perf_counter()
    assert next(iter(sampler))
    seconds, peak = time.perf_counter() - started, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return seconds, peak


@pytest.mark.parametrize("lengths", [False, True])
def test_a_step_costs_no_more_in_five_million_examples_than_in_five_thousand(lengths):
    few, many = (_first_step(count, np.ones(count, int) if lengths else None) for count in (5_000, 5_000_000))
    assert many[1] < few[1] + 50_000, "a step must not build anything that grows with the data"
    assert many[0] < max(20 * few[0], 0.02), f"{many[0]:.4f} s against {few[0]:.4f} s"


def test_the_order_takes_eight_bytes_an_example():
    tracemalloc.start()
    batches = Batches(1_000_000, 16, seed=1, epoch=0)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(batches) == 62_500 and held < 8.2e6 and peak < 17e6


def test_lengths_put_alike_examples_together():
    sizes = np.random.default_rng(0).integers(1, 1000, 400)
    spread = [np.ptp(sizes[batch]) for batch in Batches(400, 8, seed=1, epoch=0, lengths=sizes)]
    shuffled = [np.ptp(sizes[batch]) for batch in Batches(400, 8, seed=1, epoch=0)]
    assert np.mean(spread) < np.mean(shuffled) / 10


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 2, 10, 33])
def test_ranks_share_every_global_batch_without_overlap(world, count):
    config = ToyConfig(batch_size=4)
    ranks = [list(StepSampler(count, config, rank=r, world=world, lengths=None)) for r in range(world)]
    assert len({len(steps) for steps in ranks}) == 1, "every rank must take as many steps"
    seen = [index for steps in ranks for part in steps if part.real for index in part.indices]
    assert sorted(seen) == list(range(count))


def test_the_cursor_skips_without_changing_what_follows():
    whole, rest = (StepSampler(30, ToyConfig(batch_size=4), rank=0, world=1, lengths=None) for _ in range(2))
    rest.cursor = 3
    assert list(whole)[3:] == list(rest)
    assert len(rest) == len(whole) - 3


def test_a_stand_in_counts_nothing(toy_model, toy_rows):
    sampler = StepSampler(1, ToyConfig(batch_size=4), rank=1, world=2, lengths=None)
    (stand_in,) = list(sampler)
    step = StepCollator(toy_model, 4)(TrainingExamples(toy_model, toy_rows).__getitems__(stand_in))
    assert (step.rank_batch.real, step.counts) == (False, [0]) and len(step.batches) == 1


def test_augmentation_is_keyed_by_seed_epoch_and_index(toy_model, toy_rows):
    model = toy_model.with_config(ToyConfig(noise=1.0))
    examples = TrainingExamples(model, toy_rows)
    sampler = StepSampler(len(toy_rows), model.config, rank=0, world=1, lengths=None)
    first = next(iter(sampler))
    words = [example["word"] for example in examples.__getitems__(first)[1]]
    alone = [examples.__getitems__(first._replace(indices=[index]))[1][0]["word"] for index in first.indices]
    assert words == alone != [toy_rows[index]["word"] for index in first.indices]
    keys = ((1, 0, 5), (1, 1, 5), (2, 1, 5), (1, 0, 6))
    drawn = [generator_for(*key).random() for key in keys]
    assert len(set(drawn)) == 4 and generator_for(1, 0, 5).random() == drawn[0]


def test_micro_batches_cut_a_step(toy_model, toy_rows):
    sampler = StepSampler(10, ToyConfig(batch_size=10), rank=0, world=1, lengths=None)
    step = StepCollator(toy_model, 4)(TrainingExamples(toy_model, toy_rows).__getitems__(next(iter(sampler))))
    assert step.counts == [4, 4, 2] and len(step.rank_batch.indices) == 10


def test_no_generator_is_made_where_nothing_is_varied(toy_model, toy_rows, monkeypatch):
    class Plain(ToyModel):
        augment = Model.augment

    monkeypatch.setattr(order, "generator_for", None)  # calling it would fail
    part, plain = RankBatch([0, 1], 0, True, 2), Plain(toy_model.network, toy_model.config)
    assert TrainingExamples(plain, toy_rows).__getitems__(part)[1] == [toy_rows[0], toy_rows[1]]
    with pytest.raises(TypeError):
        TrainingExamples(toy_model, toy_rows).__getitems__(part)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_rank_runs_as_many_passes_as_the_others(toy_model, toy_rows, size):
    """Where parameters or gradients are exchanged in each, one pass more on one rank would wait for ever."""
    for count in range(1, 12):
        steps = []
        for rank in range(3):
            (part,) = StepSampler(count, ToyConfig(batch_size=12), rank=rank, world=3, lengths=None)
            steps.append(StepCollator(toy_model, size)(TrainingExamples(toy_model, toy_rows).__getitems__(part)))
        assert len({len(step.batches) for step in steps}) == 1
        assert sum(sum(step.counts) for step in steps) == count


def test_tensors_are_pinned_wherever_they_are_in_a_batch(monkeypatch):
    pinned = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: pinned.append(tensor.item()) or tensor)
    labels = [{"boxes": torch.tensor(2.0), "name": "a"}, {"boxes": torch.tensor(3.0), "name": "b"}]
    step = Step(None, 2, [{"pixels": torch.tensor(1.0), "labels": labels, "names": ("a", "b")}], [2])
    (batch,) = step.pin_memory().batches
    assert sorted(pinned) == [1.0, 2.0, 3.0] and batch["names"] == ("a", "b") and batch["labels"][1]["name"] == "b"


def test_targets_of_several_sizes_count_as_examples(toy_model):
    labels = [{"boxes": torch.zeros(3, 4)}, {"boxes": torch.zeros(0, 4)}]
    assert toy_model.count({"labels": labels}) == 2
    assert toy_model.count({"labels": torch.tensor([[1, -100], [2, 3]])}) == 3
