"""Tells plugins what happens: each in turn, its errors logged once, its seconds counted."""

from __future__ import annotations

import inspect
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import pluggy

from suite.config import TrainConfig
from suite.console import warn
from suite.errors import SuiteError, logged
from suite.plugins import hookspecs
from suite.signals import Terminated

STARTED, FINISHED = "suite_run_started", "suite_run_finished"
EVENTS = (
    STARTED,
    "suite_step_taken",
    "suite_steps_logged",
    "suite_evaluated",
    "suite_trained",
    FINISHED,
    "suite_question_answered",
    "suite_answer_corrected",
)
"""The hooks by which a plugin hears what happens."""
SHARE = 0.05  # of a run's time: what an observer may take without being named
LEAST = 1.0  # second: below that a short run's share says nothing


@dataclass
class Spent:
    """What one observer's part in one event came to."""

    calls: int = 0
    seconds: float = 0.0
    failures: int = 0


def new_manager() -> pluggy.PluginManager:
    """A manager that knows every hook and no plugin."""
    manager = pluggy.PluginManager("suite")
    manager.add_hookspecs(hookspecs)
    return manager


def heard(manager: pluggy.PluginManager, name: str) -> list[str]:
    """The events that a registered plugin hears. Raises `SuiteError` for a function that would never be called."""
    plugin, events = manager.get_plugin(name), []
    for event in EVENTS:
        parts = [part for part in getattr(manager.hook, event).get_hookimpls() if part.plugin_name == name]
        if not parts and callable(getattr(plugin, event, None)):
            raise SuiteError(f"{event} is not marked as a hook; write @hookimpl above it")
        for part in parts:
            kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
            if any(kind(part.function) for kind in kinds):  # a wrapper of pluggy's is a generator too
                raise SuiteError(f"{event} is a wrapper, a generator or async; write a plain function")
            events.append(event)
    return events


class Observers:
    """Plugins by what messages call them, and what each event costs them. Raises `SuiteError` as `add` does."""

    note: Callable[[str], None] | None = None
    """Is given what a run's log keeps of a failure; set where there is a run."""

    def __init__(self, plugins: Mapping[str, object] | None = None) -> None:
        self.spent: dict[str, dict[str, Spent]] = {}
        self._manager, self._lock = new_manager(), threading.Lock()
        self._out: set[str] = set()
        self._began: float | None = None
        for name, plugin in (plugins or {}).items():
            self.add(name, plugin)

    def add(self, name: str, plugin: object) -> None:
        """Another one. Raises `SuiteError` for an object that hears of nothing, or in a way that cannot be called."""
        if isinstance(plugin, type):
            raise SuiteError(f"The {name} is a class; give an object: {plugin.__name__}().")
        try:
            self._manager.register(plugin, name=name)
            self._manager.check_pending()
            events = heard(self._manager, name)
        except SuiteError as error:
            raise SuiteError(f"The {name} won't do: {error}.") from None
        except Exception as error:  # pluggy's own, or a property of the object that raises when it is looked at
            raise SuiteError(f"The {name} won't do: {str(error).strip().splitlines()[-1]}.") from error
        if not events:
            raise SuiteError(f"The {name} hears of nothing; mark a method with @hookimpl, called one of {_listed()}.")

    def hears(self, event: str) -> bool:
        """Whether anybody does."""
        return bool(getattr(self._manager.hook, event).get_hookimpls())

    def tell(self, event: str, **values: Any) -> None:
        """Calls every plugin that hears of `event`. With `SUITE_STRICT=1` what one raises is raised."""
        if event == STARTED:
            self._began = time.monotonic()
        if event == FINISHED and self._began is None:
            return
        for part in reversed(getattr(self._manager.hook, event).get_hookimpls()):  # pluggy's order: the last is first
            if part.plugin_name not in self._out:
                with self.counted(part.plugin_name, event):
                    part.function(*[_own(values[name]) for name in part.argnames])

    @contextmanager
    def counted(self, name: str, event: str) -> Iterator[None]:
        """Counts the block as a plugin's; what it raises is logged the first time."""
        began, failed = time.perf_counter(), False
        try:
            yield
        except Terminated:  # SIGTERM, which came just now
            raise
        except (Exception, SystemExit) as error:
            failed = True
            if os.environ.get("SUITE_STRICT") == "1":
                raise
            self._failed(name, event, error)
        finally:
            self.count(name, event, time.perf_counter() - began, failed)

    def count(self, name: str, event: str, seconds: float, failed: bool = False) -> None:
        """Adds a call to what an observer has spent."""
        with self._lock:
            spent = self.spent.setdefault(name, {}).setdefault(event, Spent())
            spent.calls, spent.failures = spent.calls + 1, spent.failures + failed
            spent.seconds += seconds

    def report(self) -> dict[str, dict[str, dict[str, float]]]:
        """Calls, seconds and failures by observer and event, as JSON holds them."""
        with self._lock:
            return {name: {event: asdict(spent) for event, spent in of.items()} for name, of in self.spent.items()}

    def slow(self) -> list[str]:
        """A sentence for each observer that took more than its share of the time since the run started."""
        elapsed = time.monotonic() - (self._began or time.monotonic())
        sentences = []
        for name, events in self.spent.items():
            seconds = sum(spent.seconds for spent in events.values())
            if seconds > max(SHARE * elapsed, LEAST):
                worst = max(events, key=lambda event: events[event].seconds)
                sentences.append(f"The {name} took {seconds:.1f} s beside {elapsed:.1f} s of the run, most in {worst}.")
        return sentences

    def _failed(self, name: str, event: str, error: BaseException) -> None:
        if event == STARTED:
            self._out.add(name)
        with self._lock:
            before = self.spent.get(name, {}).get(event, Spent()).failures
        if before:
            return
        reason = traceback.format_exception_only(error)[-1].strip()  # of an error that cannot be printed too
        sentence = f"The {name} failed in {event}: {reason}. It is said once; nothing else is harmed by it."
        warn(sentence)
        if self.note:
            with logged(f"Noting what the {name} raised"):
                self.note("\n".join([sentence, *traceback.format_exception(error)]).rstrip())


def _own(value: Any) -> Any:
    """Numbers, answers and options as a copy: what an observer changes, nobody else sees."""
    if isinstance(value, TrainConfig):
        return value.model_copy(deep=True)
    return dict(value) if isinstance(value, dict) else value


def _listed() -> str:
    return ", ".join(EVENTS)
