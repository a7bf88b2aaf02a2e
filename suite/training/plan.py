"""`--dry-run`: the resolved config, the data check, the model's size, and the memory and time to expect.

Memory and time are measured, not guessed: a training's way is gone to its second step, and thrown away afterwards.
"""

from __future__ import annotations

from suite.accelerator import make_accelerator
from suite.console import duration
from suite.data.load import sizes
from suite.domain.description import Task
from suite.training.order import StepSampler
from suite.training.ready import rehearsed
from suite.training.weights import describe

PROBE_STEPS = 2  # the first step also pays for allocations; the second is what the others cost


def plan(task: Task) -> str:
    """The text `--dry-run` prints. Nothing is written and the model is not kept."""
    done = rehearsed(task, make_accelerator(task.config), PROBE_STEPS)
    config = task.config
    steps = StepSampler(len(done.ready.examples), config, rank=0, world=1, lengths=None).total_steps
    return "\n".join(
        [
            config.to_yaml(),
            done.data.report.render(),
            f"Splits: {sizes(done.splits)}.",
            f"Model: {config.model or task.domain.starter.model}, {describe(done.ready.model.network)}.",
            f"Memory: {done.memory / 1e9:.1f} GB at the peak of a step on {done.device}.",
            f"Time: {steps} steps of {done.seconds:.2f} s, {duration(steps * done.seconds)} without evaluations.",
            "Nothing was trained.",
        ]
    )
