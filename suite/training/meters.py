"""What the loop keeps on the device between log lines: whether all was finite, and the mean loss."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from suite.config import TrainConfig
from suite.domain.losses import NONE, TOTAL, Named, means
from suite.errors import SuiteError
from suite.training.order import RankBatch

_SAVED = "window/"
"""Begins the names of the sums in a checkpoint."""


def clip(parameters: Sequence[torch.nn.Parameter], largest: float) -> torch.Tensor:
    """Scales the gradients down to a norm of at most `largest`; returns the norm before, a 0-d tensor.

    As `torch.nn.utils.clip_grad_norm_`, except that a CPU, which need not wait for the number, looks whether there is
    anything to scale: a third of the time where there is not.
    """
    norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    if norm.device.type != "cpu" or norm.item() > largest:
        torch.nn.utils.clip_grads_with_norm_(parameters, largest, norm)
    return norm


class FiniteGuard:
    """Stops before weights are spoilt: the optimizer skips a step whose gradient norm is not finite.

    On a GPU nothing waits: torch's fused optimizers read `found_inf` on the device, and the host looks at every log
    line. For another, which would take the step, the host looks each time. A NaN or infinity on one rank is in every
    rank's norm, because gradients are reduced before it is taken.
    """

    def __init__(self, config: TrainConfig, device: torch.device, optimizer: torch.optim.Optimizer) -> None:
        self.rate, self.tripped = config.learning_rate, torch.zeros((), device=device)
        self.recent: deque[tuple[int, RankBatch, torch.Tensor]] = deque(maxlen=config.log_every)
        self.optimizer = optimizer
        skips = getattr(optimizer, "_step_supports_amp_scaling", False)  # what torch's own gradient scaler asks
        self.immediate = device.type == "cpu" or not skips

    def check(self, norm: torch.Tensor, rank_batch: RankBatch, step: int) -> None:
        """Notes a step's norm, and makes the optimizer skip the step if it, or one before it, was not finite."""
        if self.immediate:
            if not math.isfinite(norm.item()):
                raise self._error(step, rank_batch)
            return
        self.tripped = torch.maximum(self.tripped, (~torch.isfinite(norm)).float())
        self.recent.append((step, rank_batch, self.tripped))
        self.optimizer.found_inf = self.tripped  # type: ignore[attr-defined]  # what a gradient scaler sets
        self.optimizer.grad_scale = None  # type: ignore[attr-defined]

    def raise_if_tripped(self) -> None:
        """Raises `SuiteError` naming the examples of the first bad step."""
        if not self.tripped.item():
            return
        step, rank_batch, _ = next(entry for entry in self.recent if entry[2].item())
        raise self._error(step, rank_batch)

    def _error(self, step: int, rank_batch: RankBatch) -> SuiteError:
        numbers = rank_batch.indices if rank_batch.real else []
        return SuiteError(
            f"The loss or its gradient is not finite at step {step}; the weights are as before it. Look at the "
            f"training examples {numbers} (numbers in the order of the training split), or lower the learning rate.",
            changes={"learning_rate": self.rate / 10},  # the next lower value that people try
        )


class Window:
    """What a log line tells: the mean losses over items since the last line, left on the device until then.

    Sums are taken one after another in float64, so that a run stopped half-way through a window logs the same digits.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.reset()

    def reset(self) -> None:
        """Starts a new window."""
        self.waiting: list[tuple[str, torch.Tensor, int]] = []
        self.sums: dict[str, tuple[float, int]] = {TOTAL: (0.0, 0)}
        """Of each loss by its name in the log: the sum over items, and the items of the batches that named it."""
        self.examples = 0
        self.started = time.monotonic()

    def add(self, loss: torch.Tensor, count: int, named: Named = NONE) -> None:
        """Adds the mean loss of a micro-batch over `count` items, and the named ones beside it."""
        self.waiting.append((TOTAL, loss, count))
        for name, value in named.items():
            self.waiting.append((name, value, count))

    def _fetch(self) -> None:
        """Waits for the device and adds up; what counts nothing, a stand-in's, may be no number."""
        numbers = torch.stack([value.float() for _, value, _ in self.waiting]).tolist() if self.waiting else []
        for number, (name, _, count) in zip(numbers, self.waiting, strict=True):
            total, items = self.sums.get(name, (0.0, 0))
            self.sums[name] = (total + number * count if count else total, items + count)
        self.waiting = []

    def tensors(self) -> dict[str, torch.Tensor]:
        """The sums so far: a resumed run logs what the whole one would have."""
        self._fetch()
        sums = {_SAVED + name: torch.tensor(pair, dtype=torch.float64) for name, pair in self.sums.items()}
        return {"window_examples": torch.tensor(self.examples)} | sums

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """Goes on from saved sums."""
        self.examples = int(tensors["window_examples"])
        for name, pair in tensors.items():
            if name.startswith(_SAVED):
                total, items = pair.tolist()
                self.sums[name.removeprefix(_SAVED)] = (total, int(items))

    def close(self, accelerator: Accelerator, *, rate: float, norm: torch.Tensor) -> dict[str, float]:
        """The window's figures over all ranks; starts a new one."""
        self._fetch()
        sums, examples = self.sums, self.examples
        if accelerator.num_processes > 1:
            sums = self._over_ranks(accelerator)
        speed = examples / max(time.monotonic() - self.started, 1e-9)
        self.reset()
        return {TOTAL: 0.0} | means(sums) | {"norm": norm.item(), "rate": rate, "examples_per_second": speed}

    def _over_ranks(self, accelerator: Accelerator) -> dict[str, tuple[float, int]]:
        """The sums of all ranks, of which one may have batches that name what another's do not."""
        total, items = self.sums[TOTAL]
        here = torch.tensor([total, items, len(self.sums) - 1], device=self.device, dtype=torch.float64)
        total, items, others = accelerator.reduce(here).tolist()
        if not others:  # as nearly always: names cost their own exchange
            return {TOTAL: (total, int(items))}
        everywhere: list[dict[str, tuple[float, int]]] = gather_object([self.sums])
        names = sorted({name for sums in everywhere for name in sums})
        pairs = {name: [sums.get(name, (0.0, 0)) for sums in everywhere] for name in names}
        return {name: (sum(t for t, _ in listed), sum(n for _, n in listed)) for name, listed in pairs.items()}
