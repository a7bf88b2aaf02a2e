"""What the loop keeps on the device between log lines: whether all was finite, and the mean loss."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence

import torch
from accelerate import Accelerator

from suite.config import TrainConfig
from suite.errors import SuiteError
from suite.training.order import RankBatch


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

    On a GPU nothing waits: fused AdamW reads `found_inf` on the device, and the host looks at every log line. A NaN
    or infinity on one rank is in every rank's norm, because gradients are reduced before it is taken.
    """

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        self.rate, self.tripped = config.learning_rate, torch.zeros((), device=device)
        self.recent: deque[tuple[int, RankBatch, torch.Tensor]] = deque(maxlen=config.log_every)
        self.immediate = device.type == "cpu"

    def check(self, optimizer: torch.optim.Optimizer, norm: torch.Tensor, rank_batch: RankBatch, step: int) -> None:
        """Notes a step's norm, and makes the optimizer skip the step if it, or one before it, was not finite."""
        if self.immediate:
            if not math.isfinite(norm.item()):
                raise self._error(step, rank_batch)
            return
        self.tripped = torch.maximum(self.tripped, (~torch.isfinite(norm)).float())
        self.recent.append((step, rank_batch, self.tripped))
        optimizer.found_inf = self.tripped  # type: ignore[attr-defined]  # what a gradient scaler sets
        optimizer.grad_scale = None  # type: ignore[attr-defined]

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
    """What a log line tells: the mean loss over items since the last line, left on the device until then.

    Sums are taken one after another in float64, so that a run stopped half-way through a window logs the same digits.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.reset()

    def reset(self) -> None:
        """Starts a new window."""
        self.waiting: list[tuple[torch.Tensor, int]] = []
        self.loss, self.items, self.examples = 0.0, 0, 0
        self.started = time.monotonic()

    def add(self, loss: torch.Tensor, count: int) -> None:
        """Adds the mean loss of a micro-batch over `count` items."""
        self.waiting.append((loss, count))

    def _fetch(self) -> None:
        """Waits for the device and adds up."""
        losses = torch.stack([loss.float() for loss, _ in self.waiting]).tolist() if self.waiting else []
        for loss, (_, count) in zip(losses, self.waiting, strict=True):
            self.loss += loss * count
            self.items += count
        self.waiting = []

    def tensors(self) -> dict[str, torch.Tensor]:
        """The sums so far: a resumed run logs what the whole one would have."""
        self._fetch()
        loss = torch.tensor(self.loss, dtype=torch.float64)
        return {"window_loss": loss, "window_counts": torch.tensor([self.items, self.examples])}

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """Goes on from saved sums."""
        self.loss = tensors["window_loss"].item()
        self.items, self.examples = tensors["window_counts"].tolist()

    def close(self, accelerator: Accelerator, *, rate: float, norm: torch.Tensor) -> dict[str, float]:
        """The window's figures over all ranks; starts a new one."""
        self._fetch()
        loss, items = self.loss, float(self.items)
        if accelerator.num_processes > 1:
            sums = torch.tensor([loss, items], device=self.device, dtype=torch.float64)
            loss, items = accelerator.reduce(sums).tolist()
        speed = self.examples / max(time.monotonic() - self.started, 1e-9)
        self.reset()
        return {"loss": loss / max(items, 1), "norm": norm.item(), "rate": rate, "examples_per_second": speed}
