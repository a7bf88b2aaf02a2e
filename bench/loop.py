"""How fast the loop is beside a bare PyTorch loop and transformers.Trainer: same model, data, optimizer, batches.

    python bench/loop.py [TASK …]          # micro, bert, recommendations, speech; all by default

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
from dataclasses import dataclass, field
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

from suite import Domain, SuiteError, TrainConfig
from suite.accelerator import make_accelerator
from suite.assets.resolve import resolve_model
from suite.data.load import load_splits
from suite.plugins.loader import load_plugins
from suite.runs import Run
from suite.training.callbacks import Callback
from suite.training.loop import fit
from suite.training.order import Batches

ROUNDS = 5
LOG_EVERY = 10


@dataclass
class Task:
    """What is trained: a domain, its model, its prepared examples; `warm` of `steps` steps are not counted."""

    domain: Domain
    model: torch.nn.Module
    examples: Sequence[Any]
    warm: int
    steps: int


class Tensors(Domain):
    """Rows of tensors, collated by stacking; a model that returns its loss. What no loop calls is not there."""

    name, title, metric, columns, starter, limits = "tensors", "", "none", None, None, ""
    Config = TrainConfig

    def load_model(self, source: Path, data: Any) -> torch.nn.Module:
        raise NotImplementedError

    def collate(self, examples: Sequence[Any]) -> dict[str, Any]:
        return {key: torch.stack([example[key] for example in examples]) for key in examples[0]}

    def infer(self, model: torch.nn.Module, batch: dict[str, Any]) -> list[dict[str, Any]]:
        return [{} for _ in batch["labels"]]

    def reference(self, example: Any) -> Any:
        return None

    def score(self, prediction: Any, reference: Any) -> dict[str, float]:
        return {"none": 0.0}

    def metrics(self, scores: Any) -> dict[str, float]:
        return {"none": 0.0}

    def inputs(self, argument: str) -> list[Any]:
        raise SuiteError("a benchmark")

    def demo(self, predictor: Any) -> None:
        raise NotImplementedError


class Mlp(torch.nn.Module):
    """Four parameter tensors: nearly all of a step is the loop's own work."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(32, 64), torch.nn.ReLU(), torch.nn.Linear(64, 4))

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> Any:
        loss = torch.nn.functional.cross_entropy(self.layers(x), labels)
        return type("Output", (), {"loss": loss})


def micro() -> Task:
    config = TrainConfig.build({"batch_size": 16, "log_every": LOG_EVERY})
    rows = [{"x": torch.randn(32), "labels": torch.tensor(i % 4)} for i in range(16 * 600)]
    return Task(Tensors(config), Mlp(), rows, warm=50, steps=550)


def bert() -> Task:
    config = TrainConfig.build({"batch_size": 16, "log_every": LOG_EVERY})
    shape = BertConfig(
        vocab_size=1000, hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=128
    )
    rows = [{"input_ids": torch.randint(0, 1000, (32,)), "labels": torch.tensor(i % 2)} for i in range(16 * 250)]
    return Task(Tensors(config), BertForSequenceClassification(shape), rows, warm=30, steps=230)


def starter(name: str, warm: int, steps: int, **settings: Any) -> Task:
    """A domain's own model and data, as `suite DOMAIN train` uses them."""
    cls = load_plugins().domain(name)
    domain = cls(cls.Config.build({"log_every": LOG_EVERY, **settings}))
    _, splits = load_splits(domain)
    model = domain.load_model(resolve_model(domain.starter.model, domain.starter.assets), splits["train"])
    examples = domain.prepare(splits["train"], model, training=True)
    return Task(domain, model, examples, warm, steps)


TASKS: dict[str, Callable[[], Task]] = {
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


class Ticking(Callback):
    """The clock as one of our callbacks."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_step(self, step: int) -> None:
        """Ticks."""
        self.clock.tick(step)


class TrainerTicking(TrainerCallback):
    """The clock as one of Trainer's callbacks."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self.clock.tick(state.global_step)


def suite(task: Task, model: torch.nn.Module, clock: Clock) -> None:
    """The loop of suite.training."""
    domain = type(task.domain)(task.domain.config.model_copy(update={"max_steps": clock.steps + 1, "epochs": 100.0}))
    domain.__dict__ |= {key: value for key, value in vars(task.domain).items() if key != "config"}
    domain.config.evaluate_every = clock.steps + 1  # once at the start and once after the clock has stopped
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder))
        run.set_status("running", domain.name)
        fit(
            domain, model, task.examples, [task.examples[0]],
            run=run, accelerator=make_accelerator(domain.config), callbacks=[Ticking(clock)],
        )  # fmt: skip


def bare(task: Task, model: torch.nn.Module, clock: Clock) -> None:
    """What one writes by hand: loader, forward, backward, clip, schedule, step, a log line."""
    domain, config = task.domain, task.domain.config
    model.train()
    optimizer = torch.optim.AdamW(domain.optimizer_groups(model), lr=config.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, clock.steps)
    parameters = [p for p in model.parameters() if p.requires_grad]
    step = 0
    while step <= clock.steps:
        for batch in loader(task):
            loss = domain.loss(model, batch)
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
    """A domain's examples with its augmentation, drawn as one would by hand: from one generator."""

    def __init__(self, task: Task) -> None:
        self.task, self.generator = task, np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self.task.examples)

    def __getitem__(self, index: int) -> Any:
        return self.task.domain.augment(self.task.examples[index], self.generator)


def loader(task: Task) -> DataLoader[Any]:
    """Batches as ours: augmented where the domain augments, of alike lengths where it tells lengths."""
    domain, size = task.domain, task.domain.config.batch_size
    examples: Any = task.examples if type(domain).augment is Domain.augment else Varied(task)
    lengths = domain.lengths(task.examples)
    if lengths is None:
        return DataLoader(examples, batch_size=size, shuffle=True, collate_fn=domain.collate)
    seed = domain.config.seed  # so that all three take the same batches in the same order
    alike: Any = Batches(len(examples), size, seed=seed, epoch=0, lengths=lengths)[:]
    return DataLoader(examples, batch_sampler=alike, collate_fn=domain.collate)


class WithLoss(torch.nn.Module):
    """A domain's model as Trainer wants it: its output is the loss."""

    def __init__(self, task: Task, model: torch.nn.Module) -> None:
        super().__init__()
        self.domain, self.model = task.domain, model

    def forward(self, num_items_in_batch: Any = None, **batch: Any) -> dict[str, torch.Tensor]:
        return {"loss": self.domain.loss(self.model, batch)}


class OursToTrainer(Trainer):
    """Trainer with the domain's parameter groups and batches of alike lengths."""

    task: Task

    def get_train_dataloader(self) -> DataLoader[Any]:
        return loader(self.task)


def trainer(task: Task, model: torch.nn.Module, clock: Clock) -> None:
    """transformers.Trainer, quiet, with the same log interval and the same batches."""
    config = task.domain.config
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, max_steps=clock.steps + 1, per_device_train_batch_size=config.batch_size, report_to="none",
            save_strategy="no", logging_steps=LOG_EVERY, disable_tqdm=True, optim="adamw_torch_fused",
            learning_rate=config.learning_rate, max_grad_norm=config.clip_norm, lr_scheduler_type="cosine",
            remove_unused_columns=False, use_cpu=not torch.cuda.is_available(), log_level="error",
        )  # fmt: skip
        optimizer = torch.optim.AdamW(task.domain.optimizer_groups(model), lr=config.learning_rate, fused=True)
        made = OursToTrainer(
            WithLoss(task, model), arguments, train_dataset=task.examples, callbacks=[TrainerTicking(clock)],
            optimizers=(optimizer, None),
        )  # fmt: skip
        made.task = task
        made.pop_callback(PrinterCallback)
        made.train()


LOOPS = {"bare": bare, "suite": suite, "trainer": trainer}


def measure(task: Task) -> dict[str, list[float]]:
    """Seconds per step of each loop in each round; the order changes from round to round."""
    found: dict[str, list[float]] = {name: [] for name in LOOPS}
    for turn in range(ROUNDS):
        names = list(LOOPS)
        for name in names[turn % 3 :] + names[: turn % 3]:
            clock = Clock(task.warm, task.steps)
            torch.manual_seed(0)
            LOOPS[name](task, copy.deepcopy(task.model), clock)
            found[name].append(clock.per_step)
    return found


def main() -> None:
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {ROUNDS} rounds\n")
    print("| task | bare ms | suite ms | Trainer ms | suite / bare | Trainer / bare | Trainer / suite |")
    print("|---|---|---|---|---|---|---|")
    for name in sys.argv[1:] or TASKS:
        found = measure(TASKS[name]())
        ms = [f"{1000 * statistics.median(found[loop]):.3g}" for loop in LOOPS]
        pairs = (("suite", "bare"), ("trainer", "bare"), ("trainer", "suite"))
        ratios = [statistics.median(a / b for a, b in zip(found[x], found[y], strict=True)) for x, y in pairs]
        print(f"| {name} | {' | '.join(ms)} | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |", flush=True)


if __name__ == "__main__":
    main()
