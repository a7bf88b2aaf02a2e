"""The one training loop. Read it top to bottom: every domain, one process or many, goes through these lines.

What it promises: the loss of a step is the mean over all its items, however they are cut into micro-batches and
ranks; a run killed anywhere and resumed ends with the same bits; the host waits for the device only to log.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device, set_seed

from suite.config import TrainConfig
from suite.domain.description import Task
from suite.domain.losses import split_loss
from suite.domain.parts import Model
from suite.domain.vocabulary import Example
from suite.evaluation.scoring import validate
from suite.plugins.observers import Observers
from suite.runs import Run
from suite.signals import Stopped, StopSignal
from suite.training import checkpoint
from suite.training.memory import Losses, MicroBatches
from suite.training.meters import FiniteGuard, Window
from suite.training.optimizers import make_optimizer
from suite.training.order import Step, StepSampler, running, step_loader
from suite.training.state import TrainingState, random_state, set_random_state
from suite.training.strategies import make_strategy


def fit(
    task: Task,
    model: Model,
    train: Sequence[Example],
    validation: Sequence[Example],
    *,
    run: Run,
    accelerator: Accelerator,
    observers: Observers,
    resume: bool = False,
) -> Model:
    """Trains the network of `model` in place and leaves it with the weights that scored best on `validation`.

    Returns the model it ends with: `model`, or what `refreshed` made of it before the last evaluation. All ranks call
    it with the same arguments; only the main process has observers. With `resume` it goes on from the newest sound
    checkpoint of `run`. Raises `Stopped` after a signal, `SuiteError` when the loss is not finite.
    """
    config: TrainConfig = task.config
    device, world, main = accelerator.device, accelerator.num_processes, accelerator.is_main_process

    # ---- model, optimizer, data --------------------------------------------------------------------------------------
    # Every global generator; dropout differs between ranks (7919, a prime, keeps seeds and ranks from meeting).
    set_seed((config.seed * 7919 + accelerator.process_index) % 2**32)
    strategy = make_strategy(accelerator, model.network, config)
    optimizer = make_optimizer(model, strategy.module)
    autocast = accelerator.autocast if accelerator.mixed_precision != "no" else nullcontext
    rates = [group["lr"] for group in optimizer.param_groups]
    sampler = StepSampler(len(train), config, rank=accelerator.process_index, world=world, lengths=model.lengths(train))
    loader = step_loader(model, train, sampler, pin=device.type == "cuda")
    micro = MicroBatches(loader, optimizer, run, device)
    total = sampler.total_steps
    every = config.evaluate_every or sampler.steps_per_epoch

    def tell(event: str, **values: Any) -> None:
        """Tells who watches, and draws no random number whatever they draw: a watched run has the same bits."""
        before = random_state()
        observers.tell(event, run=run, **values)
        set_random_state(before)

    # ---- state: fresh, or from the newest sound checkpoint -----------------------------------------------------------
    window, guard, clock = Window(device), FiniteGuard(config, device, optimizer), time.monotonic()
    state = TrainingState(strategy, optimizer, window)
    newest = checkpoint.latest(run.checkpoints) if resume else None
    randoms = state.load(newest) if newest else None
    at, beat = state.cursor, 0.0
    if main:
        run.truncate_history(at.step if newest else -1)  # without a checkpoint step 0 is evaluated again
        tell("suite_run_started", domain=task.domain.name, config=config, step=at.step, total=total)

    def elapsed() -> float:
        """Seconds of training, evaluations included, over all the run's starts."""
        nonlocal clock
        at.seconds, clock = at.seconds + time.monotonic() - clock, time.monotonic()
        return at.seconds

    def heartbeat() -> None:
        """Says that the run lives, at most once a second: the file is flushed to disk each time."""
        nonlocal beat
        if time.monotonic() - beat >= 1 or at.step == total:
            run.set_status("running", step=at.step, total=total)
            beat = time.monotonic()

    def save() -> None:
        elapsed()
        run.check_owned()
        state.save(run.checkpoints, config.keep_checkpoints)

    def evaluate() -> None:
        """Scores the validation split, with the averaged weights where there are any; draws no random number."""
        nonlocal model
        before = random_state()
        with strategy.evaluated():
            model.network.eval()
            with torch.no_grad():
                model = model.refreshed()
            metrics = validate(model, task.scores(model), validation, accelerator, lambda: stop.signum is not None)
            if main and metrics is not None:
                with torch.no_grad(), autocast():
                    model.preview(at.step, run.previews, train)
        set_random_state(before)
        if metrics is None:  # a signal came: the resumed run will score this step
            return
        value, at.evaluated = metrics[task.domain.metric], at.step
        better = at.best is None or (value > at.best if task.domain.greater_is_better else value < at.best)
        if better and math.isfinite(value):
            at.best, at.best_step, at.waited = value, at.step, 0
        else:
            at.waited += 1
        if main:
            named = {f"validation/{name}": number for name, number in metrics.items()}
            run.log({"step": at.step, "epoch": at.epoch, "seconds": elapsed(), **named})
            best = at.best_step == at.step
            tell("suite_evaluated", step=at.step, data="validation", metrics=metrics, best=best)

    def gradients(step: Step, items: torch.Tensor | int) -> Losses:
        """Leaves the gradient of the mean loss over `items`, those of the step on all ranks, in the parameters.

        Returns the mean losses of each micro-batch with the number of items they are means of.
        """
        losses: Losses = []
        for i, (batch, count) in enumerate(zip(step.batches, step.counts, strict=True)):
            last = i == len(step.batches) - 1
            if device.type != "cpu":
                batch = send_to_device(batch, device, non_blocking=True)
            with strategy.micro_batch(last):
                micro.exchanging = strategy.sharded  # where shards are gathered by every forward pass
                with autocast():
                    loss, named = split_loss(model.loss(strategy.wrapped, batch))
                micro.exchanging = strategy.sharded or (last and world > 1)
                # Sum over everything / number of everything: gradients are averaged over ranks, hence `world`.
                whole = world == 1 and count == items
                (loss if whole else loss * (count * world / items)).backward()
            losses.append((loss.detach(), count, named))
        return losses

    if device.type != "cpu":  # a CPU that runs out of memory does not say so, it is killed
        sampler.epoch = at.epoch
        strategy.wrapped.train()
        micro.probe(sampler.heaviest(), strategy.module, partial(gradients, items=1))

    with StopSignal() as stop:
        # Step 0 competes too: fine-tuning that only harms keeps the pretrained model.
        if (at.step % every == 0 or at.step == total) and at.evaluated != at.step:
            evaluate()
            save()

        while at.step < total and not (config.patience and at.waited >= config.patience):
            sampler.epoch, sampler.cursor = at.epoch, at.batch
            strategy.wrapped.train()
            with running(loader) as steps:
                if randoms is not None:  # only now: making the iterator may draw numbers
                    set_random_state(randoms)
                    randoms = None

                for step in steps:
                    # ==== one optimizer step ==========================================================================
                    items = _items(step, accelerator)
                    for loss, count, named in micro.fit(step, at.step, partial(gradients, items=items)):
                        window.add(loss, count, named)
                    norm = strategy.clip(config.clip_norm)
                    guard.check(norm, step.rank_batch, at.step)
                    factor = model.schedule(at.step, total)
                    for group, rate in zip(optimizer.param_groups, rates, strict=True):
                        group["lr"] = rate * factor
                    optimizer.step()
                    for parameter in strategy.trained:  # what optimizer.zero_grad does, at a thirtieth of its price
                        parameter.grad = None
                    strategy.ema.update(at.step)
                    # ==================================================================================================
                    at.step, at.batch = at.step + 1, at.batch + 1
                    if at.batch == sampler.steps_per_epoch:
                        at.epoch, at.batch = at.epoch + 1, 0
                    window.examples += len(step.rank_batch.indices) * step.rank_batch.real * world
                    if main:
                        observers.tell("suite_step_taken", run=run, step=at.step)
                    if at.step % config.log_every == 0 or at.step == total:
                        guard.raise_if_tripped()
                        values = window.close(accelerator, rate=rates[0] * factor, norm=norm)
                        if main:
                            run.log({"step": at.step, "epoch": at.epoch, "seconds": elapsed(), **values})
                            heartbeat()
                            tell("suite_steps_logged", step=at.step, values=values)

                    evaluated = at.step % every == 0 or at.step == total
                    if evaluated:
                        guard.raise_if_tripped()
                        evaluate()
                        strategy.wrapped.train()
                    stopped, size = _agreed(accelerator, stop.signum, micro.size)
                    micro.limit(size)
                    if (config.save_every and at.step % config.save_every == 0) or evaluated or stopped:
                        guard.raise_if_tripped()
                        save()
                    if stopped:
                        raise Stopped(stopped, at.step)
                    if at.step == total or (config.patience and at.waited >= config.patience):
                        break

    # ---- the best weights, not the last ------------------------------------------------------------------------------
    state.load_weights(checkpoint.folder(run.checkpoints, at.best_step))
    strategy.finish()
    if main:
        metric = task.domain.metric
        run.note(f"best step {at.best_step} of {at.step}: {metric} {at.best}; {at.seconds:.0f} s of training")
        tell("suite_trained", step=at.step)
    return model


def _items(step: Step, accelerator: Accelerator) -> torch.Tensor | int:
    """What the step's loss is a mean over, counted over all ranks; at least 1."""
    items = sum(step.counts)
    if accelerator.num_processes == 1:
        return max(items, 1)
    return accelerator.reduce(torch.tensor(float(items), device=accelerator.device)).clamp(min=1)


def _agreed(accelerator: Accelerator, signum: int | None, size: int) -> tuple[int, int]:
    """The signal any rank has seen (0 for none) and the smallest micro-batch: all must do the same from here on."""
    if accelerator.num_processes == 1:
        return signum or 0, size
    seen = accelerator.gather(torch.tensor([[signum or 0, -size]], device=accelerator.device))
    return int(seen[:, 0].max()), -int(seen[:, 1].max())
