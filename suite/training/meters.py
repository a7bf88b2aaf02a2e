"""What the loop keeps on the device between log lines: whether all was finite, and the mean loss."""

from __future__ import annotations

import time

import torch
from accelerate import Accelerator

from suite.errors import SuiteError


class FiniteGuard:
    """Stops before weights are spoilt: the optimizer skips a step whose gradient norm is not finite.

    On a GPU nothing waits: fused AdamW reads `found_inf` on the device, and the host looks at every log line. A NaN
    or infinity on one rank is in every rank's norm, because gradients are reduced before it is taken.
    """

    def __init__(self, log_every: int, device: torch.device) -> None:
        self.tripped = torch.zeros((), device=device)
        self.recent: list[tuple[int, list[int], torch.Tensor]] = []
        self.keep, self.immediate = log_every, device.type == "cpu"

    def check(self, optimizer: torch.optim.Optimizer, norm: torch.Tensor, ids: list[int], step: int) -> None:
        """Notes a step's norm, and makes the optimizer skip the step if it, or one before it, was not finite."""
        self.tripped = torch.maximum(self.tripped, (~torch.isfinite(norm)).float())
        self.recent = [*self.recent, (step, ids, self.tripped)][-self.keep :]
        optimizer.found_inf = self.tripped  # type: ignore[attr-defined]  # what a gradient scaler sets
        optimizer.grad_scale = None  # type: ignore[attr-defined]
        if self.immediate:
            self.raise_if_tripped()

    def raise_if_tripped(self) -> None:
        """Raises `SuiteError` naming the examples of the first bad step."""
        if not self.tripped.item():
            return
        step, ids, _ = next(entry for entry in self.recent if entry[2].item())
        raise SuiteError(
            f"The loss or its gradient is not finite at step {step}; the weights are as before it. Look at the "
            f"training examples {ids} (numbers in the order of the training split), or lower the learning rate."
        )


class Window:
    """What a log line tells: the mean loss over items since the last line, kept on the device until then."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.reset()

    def reset(self) -> None:
        """Starts a new window."""
        self.loss = torch.zeros((), device=self.device)
        self.items = self.examples = 0
        self.started = time.monotonic()

    def add(self, loss: torch.Tensor, count: int) -> None:
        """Adds a micro-batch's loss, weighted by its items."""
        self.loss += loss.detach().float() * count
        self.items += count

    def tensors(self) -> dict[str, torch.Tensor]:
        """The sums so far: a resumed run logs what the whole one would have."""
        return {"window_loss": self.loss, "window_counts": torch.tensor([self.items, self.examples])}

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """Goes on from saved sums."""
        self.loss = tensors["window_loss"].to(self.device)
        self.items, self.examples = tensors["window_counts"].tolist()

    def close(self, accelerator: Accelerator, *, rate: float, norm: torch.Tensor) -> dict[str, float]:
        """The window's figures over all ranks; starts a new one."""
        sums = accelerator.reduce(torch.stack([self.loss, torch.tensor(float(self.items), device=self.device)]))
        loss, items = sums.tolist()
        speed = self.examples / max(time.monotonic() - self.started, 1e-9)
        self.reset()
        return {"loss": loss / max(items, 1), "norm": norm.item(), "rate": rate, "examples_per_second": speed}
