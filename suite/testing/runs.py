"""What a domain promises of its training runs: complete, resumed exactly, the same on two processes as on one."""

from __future__ import annotations

import copy
import json
import math
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from suite.domain.description import Domain, Task
from suite.domain.losses import split_loss
from suite.domain.parts import Model
from suite.domain.vocabulary import Example
from suite.plugins.loader import load_plugins
from suite.testing.promise import RULES, fault_plugin, history, keep, keep_same, newest, steps

Loaded = tuple[Task, Model, Sequence[Example]]
"""What the fixture `loaded` gives: the task, its starter model, validation examples."""
RUN = "docs/architecture.md, 'A run'"
BASELINES = "suite.Baselines.settings"
THREADS = 2
"""With two threads sums may be taken in either order."""
PASSIVE = {"OMP_NUM_THREADS": str(THREADS), "OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that sleep when they wait: where several tests share two cores, spinning ones take them from each other."""
CLOSE = 1e-3
"""Difference of a metric between one process and two: sums in another order, in single precision."""


class RunPromises:
    """The part of the contract that trains."""

    domain: ClassVar[str]
    settings: ClassVar[dict[str, Any]] = {}

    def make(self, **settings: Any) -> Task:
        """The domain with the contract's settings and `settings` on top."""
        domain: Domain = load_plugins().domain(self.domain)
        return domain.task(self.settings, settings)

    @pytest.fixture(scope="class")
    @classmethod
    def trained(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A finished run of the starter, made once for the class by the command line users use."""
        return cls().train(tmp_path_factory.mktemp("contract"))

    def answered_input(self, folder: Path) -> str:
        """An argument `predict` must answer, such as a file made in `folder`; "" skips what needs one."""
        return ""

    def train(self, folder: Path, *flags: str) -> Path:
        """Trains below `folder` in a process of its own and returns the run's folder."""
        done = self.command("train", *self.flags(folder), "--output", str(folder), *flags)
        keep(done.returncode == 0, "train exits with 0", seen=outcome(done), read="suite.Domain")
        return newest(folder)

    def flags(self, folder: Path) -> list[str]:
        """The settings as a config file's flags."""
        path = folder / "contract.json"  # JSON is YAML
        path.write_text(json.dumps(self.settings))
        return ["--config", str(path)]

    def command(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs `suite DOMAIN …` and keeps what it prints."""
        line = [sys.executable, "-m", "suite", self.domain, *arguments]
        env = os.environ | PASSIVE | {"SUITE_CALLBACKS": ""} | environment  # no tracker keeps what tests train
        return subprocess.run(line, capture_output=True, text=True, env=env, check=False)

    def test_run_is_complete(self, trained: Path) -> None:
        """A finished run holds what the docs promise, without a pickle anywhere."""
        wanted = ("config.yaml", "environment.json", "metrics.jsonl", "status.json", "log.txt", "golden", "model")
        missing = [name for name in (*wanted, "evaluation.json", "README.md") if not (trained / name).exists()]
        keep(not missing, f"{missing} in the run", seen=sorted(path.name for path in trained.iterdir()), read=RUN)
        pickles = [str(p) for ending in ("*.pt", "*.bin", "*.pkl", "*.pth") for p in trained.rglob(ending)]
        keep(not pickles, "no pickle, for loading one runs code", seen=pickles, read="suite.Model.save")
        systems = set(json.loads((trained / "evaluation.json").read_text())["test"]["systems"])
        wanted_systems = {"fine-tuned", "before fine-tuning"}
        keep(wanted_systems <= systems, f"{sorted(wanted_systems)} in the table", seen=sorted(systems), read=RUN)

    def test_verdicts_say_what_they_rest_on(self, trained: Path) -> None:
        """Every baseline says how it came to its settings; intervals hold their values and say what was resampled; the
        metrics watched beside the main one are in the table."""
        test = json.loads((trained / "evaluation.json").read_text())["test"]
        rivals = [name for name in test["systems"] if name not in ("fine-tuned", "before fine-tuning")]
        said = {name: how for name, how in test["settings"].items() if how.strip()}
        keep(sorted(said) == sorted(rivals), f"how {sorted(rivals)} came to their settings", seen=said, read=BASELINES)
        for system, values in test["systems"].items():
            for metric, v in values.items():
                holds = v["low"] is None or v["low"] <= v["value"] <= v["high"]
                keep(holds, f"an interval that holds {metric} of {system}", seen=v, read="suite.Scores.unit")
        metrics = set(test["systems"]["fine-tuned"])
        mute = sorted(metrics - {name for name, unit in test["units"].items() if unit["name"]})
        keep(not mute, "what every metric is resampled by", seen=f"none for {mute}", read="suite.Scores.unit")
        absent = sorted(set(test["watched"]) - metrics)
        keep(not absent, "the watched metrics in the table", seen=f"no {absent}", read="suite.Scores.watched")

    def test_resume_is_exact(self, trained: Path, forgetful: tuple[Path, set[str]], tmp_path: Path) -> None:
        """With two threads: trained again, and killed at some step and resumed, with loader processes too, a run ends
        with the same bits."""
        keep_same(trained, forgetful[0], "trained again")  # else nothing could be said of a resume
        step = random.randint(1, max(steps(trained) - 1, 1))
        self.train_through(tmp_path, [step], *self.flags(tmp_path), "--set", "workers=2")
        keep_same(trained, newest(tmp_path), f"killed at step {step}")

    @pytest.mark.slow
    def test_a_run_is_verified(self, trained: Path) -> None:
        """`suite runs verify` trains its first steps again, kills and resumes them, and finds the same bits."""
        line = [sys.executable, "-m", "suite", "runs", "verify", str(trained), "--kills", "2", "--format", "json"]
        line += ["--steps", str(min(steps(trained), 6))]
        done = subprocess.run(line, capture_output=True, text=True, env=os.environ | PASSIVE, check=False)
        keep(done.returncode == 0, "equal bits, exit status 0", seen=outcome(done) + done.stdout, read=RUN)
        verdict = json.loads(done.stdout)
        keep(verdict["equal"] and verdict["kills"], "killed and equal", seen=verdict, read=RUN)
        keep(verdict["as_logged"], "the numbers that the run itself logged", seen=verdict, read=RUN)

    @pytest.mark.slow
    @pytest.mark.parametrize("workers", [0, 2])
    @pytest.mark.parametrize("pieces", [1, 2])
    def test_five_kills_equal_none(self, tmp_path: Path, workers: int, pieces: int) -> None:
        """With accumulation, averaged weights and early stopping: killed at five steps, the same bits."""
        size = math.ceil(self.make().config.batch_size / pieces)
        extra = {"workers": workers, "micro_batch_size": size, "ema": 0.9, "patience": 4, "save_every": 2}
        settings = [part for key, value in extra.items() for part in ("--set", f"{key}={value}")]
        for name in ("whole", "killed"):
            (tmp_path / name).mkdir()
        self.train_through(tmp_path / "whole", [], *self.flags(tmp_path), *settings)
        last = steps(newest(tmp_path / "whole"))
        at = sorted(random.sample(range(1, last), min(5, last - 1)))
        self.train_through(tmp_path / "killed", at, *self.flags(tmp_path), *settings)
        keep_same(newest(tmp_path / "whole"), newest(tmp_path / "killed"), f"killed at steps {at}")

    def train_through(self, folder: Path, kills: Sequence[int], *flags: str) -> None:
        """Trains below `folder`, killed at each of the steps and resumed."""
        path = os.pathsep.join([str(fault_plugin(folder / "fault")), os.environ.get("PYTHONPATH", "")])
        plugins = os.environ.get("SUITE_PLUGINS")  # a subset must not leave out the plugin that kills
        wanted = {"SUITE_PLUGINS": f"{plugins},fault"} if plugins else {}
        command = ["train", *flags, "--output", str(folder), "--set", "callbacks=[kill]"]
        for step in (*kills, -1):
            done = self.command(*command, PYTHONPATH=path, KILL_AT_STEP=str(step), **wanted)
            status = 0 if step == -1 else -signal.SIGKILL
            keep(done.returncode == status, f"exit status {status}", seen=outcome(done), read=RUN)
            command = ["train", "--resume", "--output", str(folder)]

    @pytest.mark.slow
    def test_two_processes_are_as_one(self, trained: Path, loaded: Loaded, tmp_path: Path) -> None:
        """Trained on two processes, each example is scored once and the metrics are those of one.

        Before the first step always; afterwards only where no dropout and no batch statistics make losses differ.
        """
        other = self.train(tmp_path, "--processes", "2")
        lines = [len((run / "predictions-test.jsonl").read_text().splitlines()) for run in (trained, other)]
        keep(lines[0] == lines[1], f"{lines[0]} test examples, each scored once", seen=lines[1], read=RULES)
        pairs = list(zip(*(validations(run) for run in (trained, other)), strict=True))
        for alone, shared in pairs if is_steady(*loaded[1:]) else pairs[:1]:
            apart = {key: (alone[key], shared[key]) for key in alone if not alike(alone[key], shared[key])}
            read = f"suite.Model.loss, suite.Model.count; {RULES}"
            keep(not apart, f"the same metrics on two processes at step {alone['step']}", seen=apart, read=read)


@contextmanager
def two_threads() -> Iterator[None]:
    """As many threads in this process as in those that the contract starts."""
    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def outcome(done: subprocess.CompletedProcess[str]) -> str:
    """Exit status and the end of what a command said."""
    return f"{done.returncode}: {done.stderr[-2000:]}"


def validations(run: Path) -> list[dict[str, Any]]:
    """Step and validation metrics of each evaluation during training."""
    lines = [{k: v for k, v in line.items() if k == "step" or k.startswith("validation/")} for line in history(run)]
    return [line for line in lines if len(line) > 1]


def alike(first: Any, second: Any) -> bool:
    """Whether two numbers, or what is none, are equal but for rounding."""
    numbers = isinstance(first, int | float) and isinstance(second, int | float)
    return math.isclose(first, second, rel_tol=CLOSE, abs_tol=CLOSE) if numbers else first == second


def is_steady(model: Model, examples: Sequence[Example]) -> bool:
    """Whether the loss in training depends on nothing but weights and examples: no dropout, no batch statistics."""
    network = copy.deepcopy(model.network).train()
    few = [examples[i] for i in range(min(4, len(examples)))]
    losses: list[float] = []
    counts: list[int] = []
    for part in (few, few, few[:1], few[1:]):
        batch = model.collate(part)
        with torch.no_grad(), torch.random.fork_rng():
            torch.manual_seed(len(losses))
            losses.append(float(split_loss(model.loss(network, batch))[0]))
        counts.append(model.count(batch))
    mean = (losses[2] * counts[2] + losses[3] * counts[3]) / (counts[2] + counts[3])
    return math.isclose(losses[0], losses[1], rel_tol=1e-5) and math.isclose(losses[0], mean, rel_tol=1e-4)
