"""Who watches a run: the plugins, the callbacks its config names, objects given from Python, and the progress bar."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from suite.console import bar, say, warn
from suite.errors import SuiteError
from suite.plugins.hookspecs import hookimpl
from suite.plugins.loader import load_plugins
from suite.plugins.observers import Observers

TRACKER = "trackio"
"""Watches where nobody says who should, and it is installed."""

NAMED = 3
"""Named losses that the progress bar shows beside the loss: a detector has a dozen, and a terminal 80 columns."""


class Progress:
    """A bar with loss and time left, and a line per evaluation."""

    @hookimpl
    def suite_run_started(self, step: int, total: int) -> None:
        """Opens the bar where training starts."""
        self.bar = bar(description="Training", total=total, unit="step")
        self.bar.update(step)

    @hookimpl
    def suite_step_taken(self) -> None:
        """Moves the bar."""
        self.bar.update()

    @hookimpl
    def suite_steps_logged(self, values: Mapping[str, float]) -> None:
        """Shows the loss, and the first few of those it is made of."""
        named = [name for name in values if name.startswith("loss/")][:NAMED]
        shown = {name.removeprefix("loss/"): f"{values[name]:.3f}" for name in ["loss", *named]}
        self.bar.set_postfix(shown, refresh=False)

    @hookimpl
    def suite_evaluated(self, step: int, data: str, metrics: Mapping[str, float], best: bool) -> None:
        """Writes the metrics above the bar; those of the end are in the table."""
        if data == "validation":
            shown = ", ".join(f"{name} {value:.4g}" for name, value in metrics.items() if not name.startswith("loss/"))
            self.bar.clear()
            say(f"step {step}: {shown}{' (best so far)' if best else ''}")

    @hookimpl
    def suite_trained(self) -> None:
        """Closes the bar."""
        self.bar.close()

    @hookimpl
    def suite_run_finished(self) -> None:
        """Closes it where training did not come to its end."""
        self.bar.close()


def observers_of(names: Sequence[str] | None, objects: Sequence[object] = ()) -> Observers:
    """Everybody who watches a run: every plugin that hears of events, the bar, the callbacks named, and `objects`.

    Where `names` is None, `SUITE_CALLBACKS` names them, or else trackio watches if it is installed and works. Raises
    `SuiteError` for a name or an object that won't do.
    """
    observers = Observers(load_plugins().observing)
    asked = os.environ.get("SUITE_CALLBACKS") if names is None else ",".join(names)
    unasked = [TRACKER] if asked is None and find_spec(TRACKER) else []
    for name in dict.fromkeys(["progress", *filter(None, (asked or "").split(",")), *unasked]):
        try:
            _add(observers, name)
        except SuiteError as error:
            if name not in unasked:
                raise
            warn(f"{error} The run goes on without it.")
    kinds = [type(each).__name__ for each in objects]
    for number, (kind, each) in enumerate(zip(kinds, objects, strict=True)):
        same = kinds[:number].count(kind)
        observers.add(f"callback {kind}{f' {same + 1}' if same else ''}", each)
    return observers


def _add(observers: Observers, name: str) -> None:
    began, label = time.perf_counter(), f"callback {name}"
    offer = load_plugins().find("suite_callbacks", name)
    try:
        made = offer.load()()
    except SuiteError:
        raise
    except Exception as error:
        raise SuiteError(
            f"The {label} of the plugin {offer.plugin.name} cannot be made: {type(error).__name__}: {error}."
        ) from error
    observers.count(label, "import", time.perf_counter() - began)
    observers.add(label, made)
