"""Which examples make up which step: a pure function of seed, epoch and cursor, so that a resume costs nothing.

Rank r takes rows r, r+W, r+2W … of each global batch. One item of the loader is one optimizer step of this rank.
"""

from __future__ import annotations

import hashlib
import math
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.sharedctypes import RawValue
from typing import Any, NamedTuple

import numpy as np
import torch
from accelerate.utils import recursively_apply
from torch.utils.data import DataLoader, Dataset, Sampler
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from suite.config import TrainConfig
from suite.data.examples import fetch
from suite.domain.parts import Model, overrides
from suite.domain.vocabulary import Batch, Example
from suite.errors import afterwards
from suite.signals import held_back

POOL = 50  # batches sorted by length together: enough for alike lengths, few enough to keep the order random


class RankBatch(NamedTuple):
    """One rank's part of a global batch: which training examples this process computes for one optimizer step."""

    indices: list[int]
    """Numbers of the examples in the order of the training split."""
    epoch: int
    real: bool
    """False for the stand-in that a rank without rows computes but never counts."""
    largest: int
    """How many examples the rank with the most of them has."""


@dataclass
class Step:
    """One optimizer step of one rank: its examples, cut into collated micro-batches."""

    rank_batch: RankBatch
    size: int
    """The largest micro-batch it was cut into, in examples."""
    batches: list[Batch]
    counts: list[int]
    """For each micro-batch, how many items its loss is a mean over; 0 where it counts for nothing."""

    def pin_memory(self) -> Step:
        """Called by the loader for GPU training, so that copies to the device overlap with work."""
        self.batches = [recursively_apply(torch.Tensor.pin_memory, batch) for batch in self.batches]
        return self


def generator_for(seed: int, epoch: int, index: int) -> np.random.Generator:
    """Draws one example's augmentation in one epoch: the same numbers whatever worker or rank asks.

    Philox is a counter-based generator made to be keyed like this, and a sixth of the time of seeding the default one.
    """
    key = hashlib.blake2b(f"{seed}:{epoch}:{index}".encode(), digest_size=8).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))


class Batches(Sequence[list[int]]):
    """An epoch's batches of example indices, cut from one permutation as they are asked for.

    8 bytes per example and no list of all, so that the first batch after a cursor costs as little as any other. With
    `lengths`, examples of a pool are sorted by length before batches are cut, and the batches shuffled.
    """

    def __init__(
        self, count: int, batch_size: int, *, seed: int, epoch: int, lengths: Sequence[int] | np.ndarray | None = None
    ) -> None:
        generator = np.random.default_rng([seed, epoch])
        self.size, self.order = batch_size, generator.permutation(count)
        self.lengths = None if lengths is None else np.asarray(lengths)
        self.shuffled = None if lengths is None else generator.permutation(len(self))

    def __len__(self) -> int:
        return math.ceil(len(self.order) / self.size)

    def __getitem__(self, number: Any) -> Any:
        """One batch, or a list of those of a slice."""
        if isinstance(number, slice):
            return [self[i] for i in range(*number.indices(len(self)))]
        place = range(len(self))[number]
        if self.shuffled is None:
            return self.order[place * self.size : (place + 1) * self.size].tolist()
        pool, place = divmod(int(self.shuffled[place]), POOL)
        return self._pool(pool)[place * self.size : (place + 1) * self.size].tolist()

    def heaviest(self) -> list[int]:
        """The batch whose longest example times its number of examples is largest; the first of several."""
        if self.lengths is None or self.shuffled is None:
            return self[0]
        weights = np.concatenate([self._weights(pool) for pool in range(math.ceil(len(self) / POOL))])
        return self[int(np.argmax(weights[self.shuffled]))]

    def _pool(self, pool: int) -> np.ndarray:
        """The examples of a pool from short to long."""
        assert self.lengths is not None
        examples = self.order[pool * POOL * self.size : (pool + 1) * POOL * self.size]
        return examples[np.argsort(self.lengths[examples], kind="stable")]

    def _weights(self, pool: int) -> np.ndarray:
        """Longest times number, for each batch of a pool before they are shuffled."""
        assert self.lengths is not None
        examples = self._pool(pool)
        starts = np.arange(0, len(examples), self.size)
        ends = np.minimum(starts + self.size, len(examples))
        return self.lengths[examples[ends - 1]] * (ends - starts)


class StepSampler(Sampler[RankBatch]):
    """Yields this rank's part of each global batch, from the cursor on."""

    def __init__(
        self, count: int, config: TrainConfig, *, rank: int, world: int, lengths: Sequence[int] | None
    ) -> None:
        self.count, self.config, self.rank, self.world = count, config, rank, world
        self.lengths = None if lengths is None else np.asarray(lengths)
        self.epoch = self.cursor = 0

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps in one pass over the data."""
        return math.ceil(self.count / self.config.batch_size)

    @property
    def total_steps(self) -> int:
        """Optimizer steps of the whole run."""
        return self.config.max_steps or max(1, math.ceil(self.config.epochs * self.steps_per_epoch))

    def __len__(self) -> int:
        return self.steps_per_epoch - self.cursor

    def __iter__(self) -> Iterator[RankBatch]:
        batches = self._batches()
        for number in range(self.cursor, len(batches)):
            yield self._rank_batch(batches[number])

    def heaviest(self) -> RankBatch:
        """This rank's part of the epoch's batch that takes the most room: long and many."""
        return self._rank_batch(self._batches().heaviest())

    def _batches(self) -> Batches:
        size, seed = self.config.batch_size, self.config.seed
        return Batches(self.count, size, seed=seed, epoch=self.epoch, lengths=self.lengths)

    def _rank_batch(self, batch: list[int]) -> RankBatch:
        indices = batch[self.rank :: self.world]
        return RankBatch(indices or batch[:1], self.epoch, bool(indices), math.ceil(len(batch) / self.world))


class TrainingExamples(Dataset[Any]):
    """Examples varied by `Model.augment`, fetched a step at a time."""

    def __init__(self, model: Model, examples: Sequence[Example]) -> None:
        self.model, self.examples = model, examples
        self.varied = overrides(model, "augment")  # else a generator for each example would be waste

    def __len__(self) -> int:
        return len(self.examples)

    def __getitems__(self, rank_batch: RankBatch) -> tuple[RankBatch, list[Example]]:
        """A step's examples in one fetch: torch's loader asks for a batch at once where it can."""
        examples = fetch(self.examples, rank_batch.indices)
        if self.varied:
            seed, augment = self.model.config.seed, self.model.augment
            generators = [generator_for(seed, rank_batch.epoch, index) for index in rank_batch.indices]
            examples = [augment(example, generator) for example, generator in zip(examples, generators, strict=True)]
        return rank_batch, examples


class StepCollator:
    """Cuts a rank's rows into micro-batches and collates each."""

    def __init__(self, model: Model, micro_batch_size: int) -> None:
        self.model = model
        self._size = RawValue("q", micro_batch_size)  # in shared memory: a change reaches the loader's workers

    @property
    def size(self) -> int:
        """The largest micro-batch."""
        return self._size.value

    @size.setter
    def size(self, size: int) -> None:
        self._size.value = size

    def __call__(self, fetched: tuple[RankBatch, list[Example]]) -> Step:
        """One rank's step from its fetched examples."""
        rank_batch, examples = fetched
        step = Step(rank_batch, self.size, [], [])
        for start in range(0, len(examples), step.size):
            batch = self.model.collate(examples[start : start + step.size])
            step.batches.append(batch)
            step.counts.append(self.model.count(batch) if rank_batch.real else 0)
        if len(step.batches) * step.size < rank_batch.largest:
            # A rank with a row less must run as many passes as the others, or they wait for it for ever.
            step.batches.append(self.model.collate(examples[:1]))
            step.counts.append(0)
        return step


def step_loader(model: Model, examples: Sequence[Example], sampler: StepSampler, *, pin: bool) -> DataLoader[Any]:
    """A loader of `Step`. It has a generator of its own: `iter(loader)` would draw from the network's.

    `model` varies, batches and counts the examples; with `pin`, tensors lie in memory that a GPU copies from.
    """
    config = model.config
    share = math.ceil(config.batch_size / sampler.world)  # examples of a step on this rank, at most
    return DataLoader(
        TrainingExamples(model, examples),
        batch_sampler=sampler,  # type: ignore[arg-type]  # it yields rank batches, which the examples fetch at once
        collate_fn=StepCollator(model, min(config.micro_batch_size or share, share)),  # type: ignore[arg-type]
        num_workers=config.workers,
        persistent_workers=False,  # the sampler's cursor is read when the iterator is made
        pin_memory=pin,
        generator=torch.Generator(),
        worker_init_fn=partial(leave_with, os.getpid()),
    )


def leave_with(parent: int, worker: int) -> None:
    """Ends this worker when the process it works for is gone, killed without a chance to say so.

    torch's workers notice too, but then wait for ever to hand over what they have ready, if it fills the pipe.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def running(loader: DataLoader[Any]) -> Iterator[Iterator[Step]]:
    """The loader's steps; its workers never see a signal, and end here, not whenever the iterator is collected."""
    with held_back():
        steps = iter(loader)
    if not isinstance(steps, _MultiProcessingDataLoaderIter):
        yield steps
        return
    with afterwards(steps._shutdown_workers, "Ending the processes that load examples"):
        yield steps
