"""Which examples make up which step."""

from __future__ import annotations

import numpy as np
import pytest
from suite_toy.domain import ToyConfig, ToyDomain

from suite.domain import Domain
from suite.training import order
from suite.training.order import Share, StepCollator, StepSampler, TrainingExamples, generator_for, global_batches


@pytest.mark.parametrize("count", [1, 7, 8, 9, 33])
@pytest.mark.parametrize("lengths", [False, True])
def test_each_example_is_in_exactly_one_batch(count, lengths):
    sizes = list(range(count)) if lengths else None
    batches = global_batches(count, 8, seed=1, epoch=0, lengths=sizes)
    assert sorted(i for batch in batches for i in batch) == list(range(count))
    assert len(batches) == -(-count // 8)


def test_order_depends_on_seed_and_epoch_only():
    first = global_batches(50, 8, seed=1, epoch=0)
    assert first == global_batches(50, 8, seed=1, epoch=0)
    assert first != global_batches(50, 8, seed=1, epoch=1) != global_batches(50, 8, seed=2, epoch=1)


def test_lengths_put_alike_examples_together():
    sizes = np.random.default_rng(0).integers(1, 1000, 400)
    spread = [np.ptp(sizes[batch]) for batch in global_batches(400, 8, seed=1, epoch=0, lengths=sizes)]
    shuffled = [np.ptp(sizes[batch]) for batch in global_batches(400, 8, seed=1, epoch=0)]
    assert np.mean(spread) < np.mean(shuffled) / 10


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 2, 10, 33])
def test_ranks_share_every_global_batch_without_overlap(world, count):
    config = ToyConfig(batch_size=4)
    ranks = [list(StepSampler(count, config, rank=r, world=world, lengths=None)) for r in range(world)]
    assert len({len(steps) for steps in ranks}) == 1, "every rank must take as many steps"
    seen = [index for steps in ranks for share in steps if share.real for index in share.examples]
    assert sorted(seen) == list(range(count))


def test_the_cursor_skips_without_changing_what_follows():
    whole, rest = (StepSampler(30, ToyConfig(batch_size=4), rank=0, world=1, lengths=None) for _ in range(2))
    rest.cursor = 3
    assert list(whole)[3:] == list(rest)
    assert len(rest) == len(whole) - 3


def test_a_stand_in_counts_nothing(toy, toy_rows):
    sampler = StepSampler(1, ToyConfig(batch_size=4), rank=1, world=2, lengths=None)
    (share,) = list(sampler)
    step = StepCollator(toy, 4)(TrainingExamples(toy, toy_rows).__getitems__(share))
    assert (step.share.real, step.counts) == (False, [0]) and len(step.batches) == 1


def test_augmentation_is_keyed_by_seed_epoch_and_index(toy, toy_rows):
    toy.config.noise = 1.0
    examples = TrainingExamples(toy, toy_rows)
    sampler = StepSampler(len(toy_rows), toy.config, rank=0, world=1, lengths=None)
    first = next(iter(sampler))
    words = [example["word"] for example in examples.__getitems__(first)[1]]
    alone = [examples.__getitems__(first._replace(examples=[index]))[1][0]["word"] for index in first.examples]
    assert words == alone != [toy_rows[index]["word"] for index in first.examples]
    keys = ((1, 0, 5), (1, 1, 5), (2, 1, 5), (1, 0, 6))
    drawn = [generator_for(*key).random() for key in keys]
    assert len(set(drawn)) == 4 and generator_for(1, 0, 5).random() == drawn[0]


def test_micro_batches_cut_a_step(toy, toy_rows):
    sampler = StepSampler(10, ToyConfig(batch_size=10), rank=0, world=1, lengths=None)
    step = StepCollator(toy, 4)(TrainingExamples(toy, toy_rows).__getitems__(next(iter(sampler))))
    assert step.counts == [4, 4, 2] and len(step.share.examples) == 10


def test_no_generator_is_made_where_nothing_is_varied(toy_rows, monkeypatch):
    class Plain(ToyDomain):
        augment = Domain.augment

    monkeypatch.setattr(order, "generator_for", None)  # calling it would fail
    share = Share([0, 1], 0, True, 2)
    assert TrainingExamples(Plain(), toy_rows).__getitems__(share)[1] == [toy_rows[0], toy_rows[1]]
    with pytest.raises(TypeError):
        TrainingExamples(ToyDomain(), toy_rows).__getitems__(share)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_rank_runs_as_many_passes_as_the_others(toy, toy_rows, size):
    """Where parameters or gradients are exchanged in each, one pass more on one rank would wait for ever."""
    for count in range(1, 12):
        steps = []
        for rank in range(3):
            (share,) = StepSampler(count, ToyConfig(batch_size=12), rank=rank, world=3, lengths=None)
            steps.append(StepCollator(toy, size)(TrainingExamples(toy, toy_rows).__getitems__(share)))
        assert len({len(step.batches) for step in steps}) == 1
        assert sum(sum(step.counts) for step in steps) == count
