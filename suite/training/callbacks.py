"""What may watch a run: the interface, and the progress bar."""

from __future__ import annotations

from typing import Any

from suite.config import TrainConfig
from suite.console import bar, say
from suite.errors import logged

NAMED = 3
"""Named losses that the progress bar shows beside the loss: a detector has a dozen, and a terminal 80 columns."""


class Callback:
    """Watches a run on its main process. Every method does nothing unless overridden.

    `on_end` is called if `on_start` was and raised nothing, as a `with` block does it. What it raises is logged: the
    run's own end, and the reason for it, stay what is reported.
    """

    begun: bool = False
    """Whether `on_start` is done; set by `notify`."""

    def on_start(self, config: TrainConfig, step: int, total: int) -> None:
        """Training begins at `step` of `total`."""

    def on_step(self, step: int) -> None:
        """An optimizer step is done; called often, so do next to nothing here."""

    def on_log(self, step: int, values: dict[str, float]) -> None:
        """Loss, named losses (`loss/NAME`), gradient norm, learning rate and examples per second, every `log_every`
        steps."""

    def on_evaluate(self, step: int, metrics: dict[str, float], best: bool) -> None:
        """The validation split was scored."""

    def on_end(self, state: str) -> None:
        """Training is over: "finished", "interrupted" or "failed"."""


class Progress(Callback):
    """A bar with loss and time left, and a line per evaluation."""

    def on_start(self, config: TrainConfig, step: int, total: int) -> None:
        """Opens the bar where training starts."""
        self.bar = bar(description="Training", total=total, unit="step")
        self.bar.update(step)

    def on_step(self, step: int) -> None:
        """Moves the bar."""
        self.bar.update()

    def on_log(self, step: int, values: dict[str, float]) -> None:
        """Shows the loss, and the first few of those it is made of."""
        named = [name for name in values if name.startswith("loss/")][:NAMED]
        shown = {name.removeprefix("loss/"): f"{values[name]:.3f}" for name in ["loss", *named]}
        self.bar.set_postfix(shown, refresh=False)

    def on_evaluate(self, step: int, metrics: dict[str, float], best: bool) -> None:
        """Writes the metrics above the bar."""
        shown = ", ".join(f"{name} {value:.4g}" for name, value in metrics.items() if not name.startswith("loss/"))
        self.bar.clear()
        say(f"step {step}: {shown}{' (best so far)' if best else ''}")

    def on_end(self, state: str) -> None:
        """Closes the bar."""
        self.bar.close()


def notify(callbacks: list[Callback], event: str, *values: Any) -> None:
    """Calls one method of every callback, in order; `on_end` by `end`."""
    for callback in callbacks:
        getattr(callback, event)(*values)
        callback.begun = callback.begun or event == "on_start"


def end(callbacks: list[Callback], state: str) -> None:
    """Tells every callback that began how training ended. One that fails now spoils neither the others nor the run."""
    for callback in callbacks:
        if callback.begun:
            with logged(f"The callback {type(callback).__name__}, told that training has ended,"):
                callback.on_end(state)
