"""How fast the loop is beside a bare PyTorch loop and transformers.Trainer: same model, data, optimizer, batches.

    python bench/loop.py [WORKLOAD …]          # micro, bert, recommendations, speech; all by default

Each round runs the three in turn, in this process; printed are medians over the rounds of milliseconds per step and of
the ratio to the bare loop within a round, for the machine's noise is larger than what is compared. The first steps of
each run warm up and are not counted. Some fifteen minutes on two cores.
"""

from __future__ import annotations

import copy
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from suite import Columns, Domain, Model, Scores, Starter, SuiteError, Task, TrainConfig, hookimpl
from suite.accelerator import make_accelerator
from suite.assets.resolve import resolve_model
from suite.data.load import load_splits
from suite.domain.parts import overrides
from suite.plugins.loader import load_plugins
from suite.plugins.observers import Observers
from suite.runs import Run
from suite.training.loop import fit
from suite.training.order import Batches

ROUNDS = 5
LOG_EVERY = 10


@dataclass
class Workload:
    """What is trained: a task, its model, its prepared examples; `warm` of `steps` steps are not counted."""

    task: Task
    model: Model
    examples: Sequence[Any]
    warm: int
    steps: int

    def copied(self) -> Model:
        """The model with a copy of its network, to be trained."""
        model = copy.copy(self.model)
        model.network = copy.deepcopy(self.model.network)
        return model


@dataclass
class TensorModel(Model):
    """Rows of tensors, collated by stacking; a network that returns its loss."""

    network: torch.nn.Module
    config: TrainConfig

    def collate(self, examples: Sequence[Any]) -> dict[str, Any]:
        return {key: torch.stack([example[key] for example in examples]) for key in examples[0]}

    def infer(self, batch: dict[str, Any]) -> list[dict[str, Any]]:
        return [{} for _ in batch["labels"]]

    def inputs(self, argument: str) -> list[Any]:
        raise SuiteError("a benchmark")


class NoScores(Scores):
    """Nothing is scored."""

    def reference(self, example: Any) -> Any:
        return None

    def score(self, prediction: Any, reference: Any) -> dict[str, float]:
        return {"none": 0.0}

    def metrics(self, scores: Any) -> dict[str, float]:
        return {"none": 0.0}


TENSORS = Domain(
    name="tensors", title="Tensors", columns=Columns(()), metric="none", starter=Starter("", ""), limits="",
    model="none:load", scores=NoScores, demo="none:build",
)  # fmt: skip
"""What no loop asks for is not there."""


class Mlp(torch.nn.Module):
    """Four parameter tensors: nearly all of a step is the loop's own work."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(32, 64), torch.nn.ReLU(), torch.nn.Linear(64, 4))

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> Any:
        loss = torch.nn.functional.cross_entropy(self.layers(x), labels)
        return type("Output", (), {"loss": loss})


def micro() -> Workload:
    task = TENSORS.task(batch_size=16, log_every=LOG_EVERY)
    rows = [{"x": torch.randn(32), "labels": torch.tensor(i % 4)} for i in range(16 * 600)]
    return Workload(task, TensorModel(Mlp(), task.config), rows, warm=50, steps=550)


def bert() -> Workload:
    task = TENSORS.task(batch_size=16, log_every=LOG_EVERY)
    shape = BertConfig(
        vocab_size=1000, hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=128
    )
    rows = [{"input_ids": torch.randint(0, 1000, (32,)), "labels": torch.tensor(i % 2)} for i in range(16 * 250)]
    model = TensorModel(BertForSequenceClassification(shape), task.config)
    return Workload(task, model, rows, warm=30, steps=230)


def starter(name: str, warm: int, steps: int, **settings: Any) -> Workload:
    """A domain's own model and data, as `suite DOMAIN train` uses them."""
    domain = load_plugins().domain(name)
    task = domain.task({"log_every": LOG_EVERY, **settings})
    _, splits = load_splits(task)
    model = task.load(resolve_model(domain.starter.model, domain.starter.assets), splits.training)
    return Workload(task, model, model.prepare(splits["train"], "train"), warm, steps)


WORKLOADS: dict[str, Callable[[], Workload]] = {
    "micro": micro,
    "bert": bert,
    "recommendations": lambda: starter("recommendations", 3, 33),
    "speech": lambda: starter("speech", 1, 7, masking=0.0, limit=60),
}


@dataclass
class Clock:
    """Seconds per step between two steps."""

    warm: int
    steps: int
    times: dict[int, float] = field(default_factory=dict)

    def tick(self, step: int) -> None:
        if step in (self.warm, self.steps):
            if torch.cuda.is_available():
                torch.cuda.synchronize()  # else only the handing out of work is timed
            self.times[step] = time.perf_counter()

    @property
    def per_step(self) -> float:
        return (self.times[self.steps] - self.times[self.warm]) / (self.steps - self.warm)


class Ticking:
    """The clock as one of our callbacks."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    @hookimpl
    def suite_step_taken(self, step: int) -> None:
        """Ticks."""
        self.clock.tick(step)


class TrainerTicking(TrainerCallback):
    """The clock as one of Trainer's callbacks."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self.clock.tick(state.global_step)


def suite(work: Workload, model: Model, clock: Clock) -> None:
    """The loop of suite.training."""
    # Evaluated once at the start and once after the clock has stopped.
    settings = {"max_steps": clock.steps + 1, "epochs": 100.0, "evaluate_every": clock.steps + 1}
    config = work.task.config.model_copy(update=settings)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        run.set_status("running", work.task.domain.name)
        fit(
            replace(work.task, config=config), model.with_config(config), work.examples, [work.examples[0]],
            run=run, accelerator=make_accelerator(config), observers=Observers({"clock": Ticking(clock)}),
        )  # fmt: skip


def bare(work: Workload, model: Model, clock: Clock) -> None:
    """What one writes by hand: loader, forward, backward, clip, schedule, step, a log line."""
    config, network = model.config, model.network
    network.train()
    optimizer = torch.optim.AdamW(model.optimizer_groups(network), lr=config.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, clock.steps)
    parameters = [p for p in network.parameters() if p.requires_grad]
    step = 0
    while step <= clock.steps:
        for batch in loader(work):
            loss = model.loss(network, batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, config.clip_norm)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
            clock.tick(step)
            if step % LOG_EVERY == 0:
                _ = loss.item()
            if step > clock.steps:
                break


class Varied(Dataset[Any]):
    """A model's examples with its augmentation, drawn as one would by hand: from one generator."""

    def __init__(self, work: Workload) -> None:
        self.work, self.generator = work, np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self.work.examples)

    def __getitem__(self, index: int) -> Any:
        return self.work.model.augment(self.work.examples[index], self.generator)


def loader(work: Workload) -> DataLoader[Any]:
    """Batches as ours: augmented where the model augments, of alike lengths where it says lengths."""
    model, size = work.model, work.task.config.batch_size
    examples: Any = Varied(work) if overrides(model, "augment") else work.examples
    lengths = model.lengths(work.examples)
    if lengths is None:
        return DataLoader(examples, batch_size=size, shuffle=True, collate_fn=model.collate)
    seed = work.task.config.seed  # so that all three take the same batches in the same order
    alike: Any = Batches(len(examples), size, seed=seed, epoch=0, lengths=lengths)[:]
    return DataLoader(examples, batch_sampler=alike, collate_fn=model.collate)


class WithLoss(torch.nn.Module):
    """A domain's network as Trainer wants it: its output is the loss."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model, self.network = model, model.network

    def forward(self, num_items_in_batch: Any = None, **batch: Any) -> dict[str, torch.Tensor]:
        return {"loss": self.model.loss(self.network, batch)}


class OursToTrainer(Trainer):
    """Trainer with the domain's parameter groups and batches of alike lengths."""

    work: Workload

    def get_train_dataloader(self) -> DataLoader[Any]:
        return loader(self.work)


def trainer(work: Workload, model: Model, clock: Clock) -> None:
    """transformers.Trainer, quiet, with the same log interval and the same batches."""
    config = model.config
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, max_steps=clock.steps + 1, per_device_train_batch_size=config.batch_size, report_to="none",
            save_strategy="no", logging_steps=LOG_EVERY, disable_tqdm=True, optim="adamw_torch_fused",
            learning_rate=config.learning_rate, max_grad_norm=config.clip_norm, lr_scheduler_type="cosine",
            remove_unused_columns=False, use_cpu=not torch.cuda.is_available(), log_level="error",
        )  # fmt: skip
        optimizer = torch.optim.AdamW(model.optimizer_groups(model.network), lr=config.learning_rate, fused=True)
        theirs = OursToTrainer(
            WithLoss(model), arguments, train_dataset=work.examples, callbacks=[TrainerTicking(clock)],
            optimizers=(optimizer, None),
        )  # fmt: skip
        theirs.work = work
        theirs.pop_callback(PrinterCallback)
        theirs.train()


LOOPS = {"bare": bare, "suite": suite, "trainer": trainer}


def measure(work: Workload) -> dict[str, list[float]]:
    """Seconds per step of each loop in each round; the order changes from round to round."""
    seconds: dict[str, list[float]] = {name: [] for name in LOOPS}
    for turn in range(ROUNDS):
        names = list(LOOPS)
        for name in names[turn % 3 :] + names[: turn % 3]:
            clock = Clock(work.warm, work.steps)
            torch.manual_seed(0)
            LOOPS[name](work, work.copied(), clock)
            seconds[name].append(clock.per_step)
    return seconds


def main() -> None:
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {ROUNDS} rounds\n")
    print("| task | bare ms | suite ms | Trainer ms | suite / bare | Trainer / bare | Trainer / suite |")
    print("|---|---|---|---|---|---|---|")
    for name in sys.argv[1:] or WORKLOADS:
        seconds = measure(WORKLOADS[name]())
        ms = [f"{1000 * statistics.median(seconds[loop]):.3g}" for loop in LOOPS]
        pairs = (("suite", "bare"), ("trainer", "bare"), ("trainer", "suite"))
        ratios = [statistics.median(a / b for a, b in zip(seconds[x], seconds[y], strict=True)) for x, y in pairs]
        print(f"| {name} | {' | '.join(ms)} | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |", flush=True)


if __name__ == "__main__":
    main()
