"""`--dry-run`: the resolved config, the data check, the model's size, and the memory and time to expect.

Memory and time are measured, not guessed: two real optimizer steps on the first batches, thrown away afterwards.
"""

from __future__ import annotations

import math
import resource
import time

import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device
from datasets import Dataset

from suite.accelerator import make_accelerator
from suite.console import duration
from suite.data.load import load_further, load_splits
from suite.domain.description import Task
from suite.domain.parts import Model
from suite.training.order import StepSampler, step_loader
from suite.training.train import make_callbacks, rehearse
from suite.training.weights import describe, trainable_model

PROBE_STEPS = 2  # the first step also pays for allocations; the second is what the others cost


def plan(task: Task) -> str:
    """The text `--dry-run` prints. Nothing is written and the model is not kept."""
    config = task.config
    accelerator = make_accelerator(config)
    make_callbacks(config.callbacks)
    data, splits = load_splits(task)
    further = load_further(task, config.also_evaluate)
    model, _ = trainable_model(task, splits.training, accelerator.device)
    rehearse(task, model, further)
    steps = config.max_steps or math.ceil(config.epochs * math.ceil(len(splits["train"]) / config.batch_size))
    seconds, memory = _probe(model, splits["train"], accelerator)
    counts = ", ".join(f"{name} {len(rows)}" for name, rows in splits.items())
    return "\n".join(
        [
            config.to_yaml(),
            data.report.render(),
            f"Splits: {counts}.",
            f"Model: {config.model or task.domain.starter.model}, {describe(model.network)}.",
            f"Memory: {memory / 1e9:.1f} GB at the peak of a step on {accelerator.device}.",
            f"Time: {steps} steps of {seconds:.2f} s, {duration(steps * seconds)} without evaluations.",
            "Nothing was trained.",
        ]
    )


def _probe(model: Model, rows: Dataset, accelerator: Accelerator) -> tuple[float, float]:
    """Seconds of one optimizer step and bytes at its peak."""
    device, config, network = accelerator.device, model.config, model.network
    sample = rows.select(range(min(len(rows), PROBE_STEPS * config.batch_size)))
    examples = model.prepare(sample, "train")
    sampler = StepSampler(len(examples), config, rank=0, world=1, lengths=model.lengths(examples))
    optimizer = torch.optim.AdamW(model.optimizer_groups(network), lr=config.learning_rate, fused=True)
    network.train()
    seconds = 0.0
    for step in step_loader(model, examples, sampler, pin=False):
        started = time.monotonic()
        for batch in step.batches:
            with accelerator.autocast():
                loss = model.loss(network, send_to_device(batch, device))
            loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds = time.monotonic() - started
    if device.type == "cuda":
        return seconds, torch.cuda.max_memory_allocated()
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux reports KiB
