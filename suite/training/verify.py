"""`suite runs verify`: whether this machine repeats a run to the bit, and a resume after a kill too.

A stretch from the run's beginning is trained again from its own config and data, in a scratch folder: twice without a
stop, then once killed at random steps and resumed after each. Only if the first two are equal can the third say
anything about resuming. The run itself is only read.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from suite.config import TrainConfig
from suite.console import duration, say
from suite.data.load import load_splits
from suite.domain.description import Domain, Task
from suite.errors import SuiteError
from suite.runs import Run, list_runs
from suite.signals import ended_in_order
from suite.training import checkpoint

TIMED = ("time", "seconds", "examples_per_second")
"""What depends on the clock in a line of metrics.jsonl."""
SAVES = 4  # checkpoints in a stretch: kills fall between them, so that steps are done again


@dataclass(frozen=True)
class Difference:
    """A tensor of the last checkpoint, or a logged line, that is not the same to the bit."""

    name: str
    largest: float | None
    """Largest absolute difference of two numbers; None where there is none to take."""


@dataclass(frozen=True)
class Verdict:
    """What was seen on this machine."""

    run: str
    domain: str
    steps: int
    processes: int
    threads: int
    device: str
    tensors: int
    """How many tensors were compared: weights, optimizer, average and random states."""
    kills: list[int]
    """The steps at which it was killed; none where it was not tried."""
    repeats: bool
    """Whether two stretches without a stop are equal."""
    resumes: bool | None
    """Whether the killed one is equal to them; None where the machine does not repeat itself."""
    as_logged: bool | None
    """Whether the run itself logged the same numbers, wherever it was trained; None where it logged none."""
    differences: list[Difference]
    seconds: float

    @property
    def equal(self) -> bool:
        """Whether all bits are equal, with kills and without."""
        return self.repeats and bool(self.resumes)

    def as_json(self) -> dict[str, Any]:
        """The same for a program."""
        return {"equal": self.equal, **asdict(self)}

    def render(self) -> str:
        """The same for people."""
        how = f"{self.processes} process{'es' * (self.processes > 1)}, {self.threads} thread{'s' * (self.threads > 1)}"
        where = f"on this machine ({self.device}, {how})"
        steps = f"{self.steps} step{'s' * (self.steps > 1)}"
        lines = []
        if self.equal:
            lines.append(
                f"Equal to the bit {where}: {steps} trained twice without a stop, and once killed at "
                f"{_listed(self.kills)} and resumed. {self.tensors} tensors and all logged numbers are the same."
            )
        elif not self.repeats:
            lines.append(
                f"This machine does not repeat itself: two uninterrupted trainings of {steps} {where} differ, so that "
                "nothing can be said of resuming."
            )
        else:
            lines.append(
                f"Not equal {where}: {steps} killed at {_listed(self.kills)} and resumed differ from those without a "
                "stop, which are equal to each other."
            )
        lines += [f"  {each.name}{_by(each.largest)}" for each in self.differences[:5]]
        if len(self.differences) > 5:
            lines.append(f"  and {len(self.differences) - 5} more of {self.tensors} tensors")
        if self.as_logged is not None:
            lines.append(
                "The run itself logged the same numbers."
                if self.as_logged
                else "The run itself logged other numbers: its environment.json says on what machine and with what."
            )
        return "\n".join([*lines, f"Took {duration(self.seconds)}; the run was only read."])


def verify(run: Run, domain: Domain, config: TrainConfig, *, steps: int, kills: int) -> Verdict:
    """Trains `steps` of the run again, killing it at `kills` random ones.

    `config` is the run's own. Raises `SuiteError` where its data have changed, or it cannot be started from here.
    """
    began = time.monotonic()
    _check_startable(run)
    environment = json.loads((run.path / "environment.json").read_text())
    data, _ = load_splits(Task(domain, config))
    if data.fingerprint != environment["data"]:
        raise SuiteError(f"The data of {run.path} have changed since it began; put them back to verify it.")
    at = sorted(random.sample(range(1, steps + 1), min(kills, steps)))
    with ended_in_order(), tempfile.TemporaryDirectory(prefix="suite-verify-", ignore_cleanup_errors=True) as scratch:
        stretches = Stretches(domain, config, Path(scratch), steps, run.processes, environment["threads"])
        say(f"Training {steps} steps of {run.path} twice, without a stop.")
        first, second = stretches.train("first", ()), stretches.train("second", ())
        seen = differences(first, second)
        repeats = not seen
        if repeats:
            say(f"They are equal. Once more, killed at {_listed(at)}.")
            seen = differences(first, stretches.train("killed", at))
        tensors = sum(len(_tensors(path)) for path in _files(first))
        logged = _as_logged(run, first, steps)
    return Verdict(
        run=str(run.path),
        domain=domain.name,
        steps=steps,
        processes=run.processes,
        threads=environment["threads"],
        device=torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        tensors=tensors,
        kills=at if repeats else [],
        repeats=repeats,
        resumes=not seen if repeats else None,
        as_logged=logged,
        differences=seen,
        seconds=time.monotonic() - began,
    )


class Stretches:
    """Trains the same stretch again and again, each time in a folder of its own."""

    def __init__(
        self, domain: Domain, config: TrainConfig, scratch: Path, steps: int, processes: int, threads: int
    ) -> None:
        self.domain, self.config, self.scratch = domain, config, scratch
        self.steps, self.processes, self.threads = steps, processes, threads

    def train(self, name: str, kills: Sequence[int]) -> Run:
        """A stretch killed at these steps and resumed after each. Raises `SuiteError` where it cannot be trained."""
        folder = self.scratch / name
        # None of them changes a bit; callbacks may tell the world of a run, and nothing is evaluated at the end.
        ours = {"output": folder, "name": name, "save_every": max(1, self.steps // SAVES)}
        ours |= {"callbacks": [], "also_evaluate": []}
        config = json.loads(self.config.model_copy(update=ours).model_dump_json())
        resume = ""
        for kill in (*kills, None):
            order = {"domain": self.domain.name, "config": config, "resume": resume, "stop": self.steps, "kill": kill}
            self._start(order, killed=kill is not None)
            (run,) = list_runs(folder)
            resume = str(run.path)
        return Run(Path(resume))

    def _start(self, order: dict[str, Any], *, killed: bool) -> None:
        launcher = ["torch.distributed.run", "--standalone", "--nproc_per_node", str(self.processes), "-m"]
        line = [sys.executable, "-m", *(launcher if self.processes > 1 else []), "suite.training.stretch"]
        # As many threads as the run had: each number adds in an order of its own.
        env = os.environ | {"SUITE_QUIET": "1", "OMP_NUM_THREADS": str(self.threads)}
        done = subprocess.run([*line, json.dumps(order)], capture_output=True, text=True, env=env, check=False)
        expected = 0 if not killed else 1 if self.processes > 1 else -signal.SIGKILL  # torchrun's word for any failure
        if done.returncode == expected:
            return
        said = [text for text in done.stderr.splitlines() if text.startswith("Error: ")]
        if said:
            raise SuiteError(said[-1].removeprefix("Error: "))
        raise RuntimeError(f"the stretch ended with status {done.returncode}, not {expected}: {done.stderr[-4000:]}")


def differences(first: Run, other: Run) -> list[Difference]:
    """What is not the same in the last checkpoints of two runs, and in what they logged."""
    ours, theirs = ({path.name: path for path in _files(run)} for run in (first, other))
    unequal = [Difference(name, None) for name in sorted(ours.keys() ^ theirs.keys())]
    for name in sorted(ours.keys() & theirs.keys()):
        unequal += _compared(name.removesuffix(".safetensors"), _tensors(ours[name]), _tensors(theirs[name]))
    lines = [untimed(run) for run in (first, other)]
    if lines[0] != lines[1]:
        steps = [a["step"] for a, b in zip(*lines, strict=False) if a != b]
        unequal.append(Difference(f"metrics.jsonl{f' from step {steps[0]}' if steps else ': another length'}", None))
    return unequal


def untimed(run: Run) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl, without what depends on the clock."""
    return [{key: value for key, value in line.items() if key not in TIMED} for line in run.history()]


def _compared(name: str, ours: checkpoint.Tensors, theirs: checkpoint.Tensors) -> list[Difference]:
    unequal = [Difference(f"{name}: {key}", None) for key in sorted(ours.keys() ^ theirs.keys())]
    for key in sorted(ours.keys() & theirs.keys()):
        a, b = ours[key], theirs[key]
        if a.shape != b.shape or a.dtype != b.dtype:
            unequal.append(Difference(f"{name}: {key}", None))
        elif not torch.equal(_bits(a), _bits(b)):
            largest = float((a.double() - b.double()).abs().max()) if a.is_floating_point() else None
            unequal.append(Difference(f"{name}: {key}", largest))
    return unequal


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    """As bytes: NaN is equal to itself, and zero not to minus zero."""
    return tensor.contiguous().reshape(-1).view(torch.uint8)


def _files(run: Run) -> list[Path]:
    """The tensor files of the newest checkpoint. Raises `SuiteError` where there is none."""
    newest = checkpoint.latest(run.checkpoints)
    if newest is None:
        raise SuiteError(f"{run.path} has no checkpoint that is whole.")
    return sorted(newest.glob("*.safetensors"))


def _tensors(path: Path) -> checkpoint.Tensors:
    return checkpoint.read_tensors(path.parent, path.name)


def _as_logged(run: Run, stretch: Run, steps: int) -> bool | None:
    """Whether two runs logged the same before the last step, at which the stretch leaves the evaluation out."""
    lines = [[line for line in untimed(each) if line.get("step", 0) < steps] for each in (run, stretch)]
    return lines[0] == lines[1] if lines[0] else None


def _check_startable(run: Run) -> None:
    for step in checkpoint.steps(run.checkpoints):
        if checkpoint.read_state(checkpoint.folder(run.checkpoints, step)).get("sharded"):
            raise SuiteError(
                f"{run.path} was trained with sharded parameters, by accelerate's launcher, which this command cannot "
                "start; kill such a training and resume it by hand."
            )


def _listed(steps: Sequence[int]) -> str:
    """`step 3`, `steps 3, 8 and 15`."""
    names = [str(step) for step in steps]
    return f"step {names[0]}" if len(names) == 1 else f"steps {', '.join(names[:-1])} and {names[-1]}"


def _by(largest: float | None) -> str:
    return "" if largest is None else f" by up to {largest:.3g}"
