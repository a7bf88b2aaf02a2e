"""All that comes before the first step, for a run, for `--dry-run` and for `data check`: none can know better.

`ready` is what a training begins with. `rehearsed` goes the same way and takes the first steps, which are thrown away:
what it refuses a training refuses, and what it takes a training takes.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, send_to_device, set_seed
from datasets import Dataset

from suite.assets.resolve import pinned_model
from suite.config import TrainConfig
from suite.data.load import CheckedData, checked, load_further, parted, without
from suite.data.sources import pinned as pinned_data
from suite.domain.description import Task
from suite.domain.losses import split_loss
from suite.domain.parts import Model
from suite.domain.vocabulary import Example, Splits
from suite.errors import SuiteError
from suite.evaluation.scoring import score_examples
from suite.training.callbacks import observers_of
from suite.training.meters import FiniteGuard, clip
from suite.training.optimizers import make_optimizer, optimizer_state
from suite.training.order import StepSampler, running, step_loader
from suite.training.weights import Adapters, trainable_model

ANSWERED = 2
"""Validation examples a rehearsal answers: one shows that it can be done, two that they go together in a batch."""


@dataclass(frozen=True)
class Ready:
    """A model and the examples it learns from and is chosen by."""

    model: Model
    adapters: Adapters | None
    examples: Sequence[Example]
    validation: Sequence[Example]


@dataclass(frozen=True)
class Rehearsal:
    """What the way to the first step came to; `seconds` and bytes of `memory` are those of the last step taken."""

    task: Task
    data: CheckedData
    splits: Splits
    ready: Ready
    seconds: float
    memory: float
    device: torch.device


def ready(task: Task, splits: Splits, further: Mapping[str, Dataset], device: torch.device) -> Ready:
    """The config's model on the device, and the examples of the training and validation rows.

    Raises `SuiteError` for rows that the model cannot learn from, and for `further` data sets it cannot be scored on.
    """
    set_seed(task.config.seed)  # what a pretrained model lacks is drawn here: a new head, adapters
    model, adapters = trainable_model(task, splits.training, device)
    examples, validation = model.prepare(splits["train"], "train"), model.prepare(splits["validation"], "validation")
    rehearse(task, model, further)
    return Ready(model, adapters, examples, validation)


def rehearsed(
    task: Task,
    accelerator: Accelerator,
    steps: int,
    seen: Callable[[CheckedData, Splits | None], None] = lambda data, splits: None,
) -> Rehearsal:
    """Goes the way of a training as far as `steps` optimizer steps; nothing is written and the model is not kept.

    `seen` is called with the data as soon as they are checked, and again when they are parted, so that there is
    something to show where the way ends before. Raises `SuiteError` for all that a training would refuse.
    """
    observers_of(task.config.callbacks or [])  # what nobody asked for is not worth the seconds it takes
    task = replace(task, config=pinned(task, accelerator))
    data = checked(task)
    seen(data, None)
    data, splits = parted(task, data)
    seen(data, splits)
    made = ready(task, splits, load_further(task, task.config.also_evaluate), accelerator.device)
    _answer(task, made, accelerator)
    seconds, memory = _step(made, accelerator, steps)
    return Rehearsal(task, data, splits, made, seconds, memory, accelerator.device)


def pinned(task: Task, accelerator: Accelerator) -> TrainConfig:
    """The config with the commit in each name that is looked up on the hub; every rank gets the main one's."""
    config: TrainConfig = task.config
    names = [config.model, config.data, *config.also_evaluate]
    if accelerator.is_main_process:
        model = pinned_model(config.model, task.domain.starter.assets) if config.model else ""
        names = [model, *(pinned_data(name, task) for name in names[1:])]
    if accelerator.num_processes > 1:
        broadcast_object_list(names)
    model, data, *further = names
    return config.model_copy(update={"model": model, "data": data, "also_evaluate": further})


def rehearse(task: Task, model: Model, further: Mapping[str, Dataset]) -> None:
    """Makes examples of the first rows of the data sets to be scored at the end, as that will.

    Raises `SuiteError` for what the model cannot take, such as a class it does not know, before anything is trained.
    """
    scores = task.scores(model)
    for name, rows in further.items():
        try:
            examples = model.prepare(rows.select(range(min(task.config.batch_size, len(rows)))), "test")
            for index in range(len(examples)):
                scores.reference(examples[index])
        except SuiteError as error:
            raise without(name, further, error) from None


def _answer(task: Task, made: Ready, accelerator: Accelerator) -> None:
    """What the evaluation before the first step asks: the truth of every validation example, and a few answers."""
    model, scores = made.model, task.scores(made.model)
    for example in made.validation:
        scores.reference(example)
    model.network.eval()
    with torch.no_grad():
        model = model.refreshed()
    few = [made.validation[index] for index in range(min(ANSWERED, len(made.validation)))]
    score_examples(model, scores, few, accelerator, "Answering")


def _step(made: Ready, accelerator: Accelerator, steps: int) -> tuple[float, float]:
    """Takes the first steps of epoch 0: seconds of the last one and bytes at its peak."""
    device, model = accelerator.device, made.model
    config, network = model.config, model.network
    sampler = StepSampler(len(made.examples), config, rank=0, world=1, lengths=model.lengths(made.examples))
    optimizer = make_optimizer(model, network)
    rates = [group["lr"] for group in optimizer.param_groups]
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    guard, seconds = FiniteGuard(config, device, optimizer), 0.0
    set_seed(config.seed * 7919 % 2**32)  # the loop's own, on one process
    network.train()
    with running(step_loader(model, made.examples, sampler, pin=False)) as loaded:
        for number, step in enumerate(islice(loaded, steps)):
            started = time.monotonic()
            for batch, count in zip(step.batches, step.counts, strict=True):
                with accelerator.autocast():
                    loss, _ = split_loss(model.loss(network, send_to_device(batch, device)))
                (loss * (count / max(sum(step.counts), 1))).backward()
            guard.check(clip(parameters, config.clip_norm), step.rank_batch, number)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * model.schedule(number, sampler.total_steps)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if device.type == "cuda":
                torch.cuda.synchronize()
            seconds = time.monotonic() - started
    guard.raise_if_tripped()
    optimizer_state(optimizer)  # what no checkpoint could hold is known now
    if device.type == "cuda":
        return seconds, torch.cuda.max_memory_allocated()
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux reports KiB
