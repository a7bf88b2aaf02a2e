"""Which examples make up which step: a pure function of seed, epoch and cursor, so that a resume costs nothing.

Rank r takes rows r, r+W, r+2W … of each global batch. One item of the loader is one optimizer step of this rank.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from suite.config import TrainConfig
from suite.data.examples import fetch
from suite.domain import Batch, Domain, Example
from suite.training.signals import held_back

POOL = 50  # batches sorted by length together: enough for alike lengths, few enough to keep the order random


class Pick(NamedTuple):
    """One example of a step. `real` is False for the stand-in a rank short of rows computes but never counts."""

    example: int
    key: int
    real: bool


@dataclass
class Step:
    """One optimizer step of one rank: what was picked, and micro-batches with what each loss is a mean over.

    `size` is the largest micro-batch it was cut into.
    """

    picks: list[Pick]
    size: int
    batches: list[Batch]
    counts: list[int]

    @property
    def ids(self) -> list[int]:
        """The examples, as numbers in the order of the training split."""
        return [pick.example for pick in self.picks if pick.real]

    def pin_memory(self) -> Step:
        """Called by the loader for GPU training, so that copies to the device overlap with work."""
        self.batches = [{k: v.pin_memory() if torch.is_tensor(v) else v for k, v in b.items()} for b in self.batches]
        return self


def example_key(seed: int, epoch: int, index: int) -> int:
    """Seed of one example's augmentation in one epoch, the same whatever worker or rank draws it."""
    return int.from_bytes(hashlib.blake2b(f"{seed}:{epoch}:{index}".encode(), digest_size=8).digest(), "little")


def global_batches(
    count: int, batch_size: int, *, seed: int, epoch: int, lengths: Sequence[int] | None = None
) -> list[list[int]]:
    """The epoch's batches of example indices; each example once, the last batch may be smaller.

    With `lengths`, examples of a pool are sorted by length before batches are cut, and the batches shuffled.
    """
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(count)
    if lengths is None:
        return [part.tolist() for part in np.split(order, range(batch_size, count, batch_size))]
    sizes = np.asarray(lengths)
    batches: list[list[int]] = []
    for start in range(0, count, POOL * batch_size):
        pool = order[start : start + POOL * batch_size]
        pool = pool[np.argsort(sizes[pool], kind="stable")]
        batches += [pool[i : i + batch_size].tolist() for i in range(0, len(pool), batch_size)]
    return [batches[i] for i in generator.permutation(len(batches))]


class StepSampler(Sampler[list[Pick]]):
    """Yields this rank's share of each global batch, from the cursor on."""

    def __init__(
        self, count: int, config: TrainConfig, *, rank: int, world: int, lengths: Sequence[int] | None
    ) -> None:
        self.count, self.config, self.rank, self.world, self.lengths = count, config, rank, world, lengths
        self.epoch = self.cursor = 0

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps in one pass over the data."""
        return math.ceil(self.count / self.config.batch_size)

    def __len__(self) -> int:
        return self.steps_per_epoch - self.cursor

    def __iter__(self) -> Iterator[list[Pick]]:
        for batch in self._batches()[self.cursor :]:
            yield self._mine(batch)

    def heaviest(self) -> list[Pick]:
        """This rank's share of the epoch's batch that takes the most room: long and many."""
        sizes = np.ones(self.count, int) if self.lengths is None else np.asarray(self.lengths)
        return self._mine(max(self._batches(), key=lambda batch: int(sizes[batch].max()) * len(batch)))

    def _batches(self) -> list[list[int]]:
        size, seed = self.config.batch_size, self.config.seed
        return global_batches(self.count, size, seed=seed, epoch=self.epoch, lengths=self.lengths)

    def _mine(self, batch: list[int]) -> list[Pick]:
        seed, epoch = self.config.seed, self.epoch
        picks = [Pick(index, example_key(seed, epoch, index), True) for index in batch[self.rank :: self.world]]
        # A rank with less to do must run as many passes, or the others wait for it for ever.
        if len(picks) < math.ceil(len(batch) / self.world):
            picks.append(Pick(batch[0], example_key(seed, epoch, batch[0]), False))
        return picks


class TrainingExamples(Dataset[Any]):
    """Examples varied by `Domain.augment`, fetched a step at a time."""

    def __init__(self, domain: Domain, examples: Sequence[Example]) -> None:
        self.domain, self.examples = domain, examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitems__(self, picks: list[Pick]) -> list[tuple[Pick, Example]]:
        """A step's examples in one fetch: torch's loader asks for a batch at once where it can."""
        found = fetch(self.examples, [pick.example for pick in picks])
        return [
            (pick, self.domain.augment(example, np.random.default_rng(pick.key)))
            for pick, example in zip(picks, found, strict=True)
        ]


class StepCollator:
    """Cuts a rank's rows into micro-batches and collates each."""

    def __init__(self, domain: Domain, micro_batch_size: int) -> None:
        self.domain = domain
        self._size = torch.tensor(micro_batch_size).share_memory_()  # so that a change reaches the loader's workers

    @property
    def size(self) -> int:
        """The largest micro-batch."""
        return int(self._size)

    @size.setter
    def size(self, size: int) -> None:
        self._size.fill_(size)

    def __call__(self, items: list[tuple[Pick, Example]]) -> Step:
        """One rank's step from its picked examples."""
        step = Step([pick for pick, _ in items], self.size, [], [])
        real = [example for pick, example in items if pick.real]
        for start in range(0, len(real), step.size):
            batch = self.domain.collate(real[start : start + step.size])
            step.batches.append(batch)
            step.counts.append(self.domain.count(batch))
        if len(real) < len(items) and len(real) % step.size == 0:  # the rank with one row more has a micro-batch more
            step.batches.append(self.domain.collate([items[-1][1]]))
            step.counts.append(0)
        return step


def step_loader(domain: Domain, examples: Sequence[Example], sampler: StepSampler, *, pin: bool) -> DataLoader[Any]:
    """A loader of `Step`. It has a generator of its own: `iter(loader)` would draw from the model's."""
    config = domain.config
    share = math.ceil(config.batch_size / sampler.world)
    return DataLoader(
        TrainingExamples(domain, examples),
        batch_sampler=sampler,
        collate_fn=StepCollator(domain, min(config.micro_batch_size or share, share)),
        num_workers=config.workers,
        persistent_workers=False,  # the sampler's cursor is read when the iterator is made
        pin_memory=pin,
        generator=torch.Generator(),
    )


@contextmanager
def running(loader: DataLoader[Any]) -> Iterator[Iterator[Step]]:
    """The loader's steps; its workers never see a signal, and end here, not whenever the iterator is collected."""
    with held_back():
        steps = iter(loader)
    try:
        yield steps
    finally:
        if isinstance(steps, _MultiProcessingDataLoaderIter):
            steps._shutdown_workers()
