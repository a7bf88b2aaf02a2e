"""SIGTERM and Ctrl-C ask for a checkpoint and an orderly end; the loop looks at step boundaries."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType


class Stopped(Exception):  # noqa: N818 - not an error: the user or the scheduler asked for it
    """Training was asked to stop and has; the checkpoint is written. `signum` decides the exit status."""

    def __init__(self, signum: int, step: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name} at step {step}")
        self.signum, self.step = signum, step


class Terminated(SystemExit):
    """SIGTERM came inside `ended_in_order`; told apart from a `sys.exit` of somebody's code."""


@contextmanager
def held_back() -> Iterator[None]:
    """Processes started inside never get SIGTERM or SIGINT, from their first instruction on.

    A signal to the process group would take the loader's workers away, and with them the checkpoint. Blocked signals
    are inherited; ignoring them in the worker would come too late for one that is just starting.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def ended_in_order() -> Iterator[None]:
    """SIGTERM ends the program by an exception, as Ctrl-C does, so that what is held is written on the way out."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(signum: int, frame: FrameType | None) -> None:
        raise Terminated(128 + signum)  # as shells have it

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def noted_signals() -> Iterator[list[int]]:
    """The SIGTERMs and SIGINTs that arrive inside, each handled as before, too.

    Tells somebody's Ctrl-C from a `KeyboardInterrupt` that a module raises by itself.
    """
    arrived: list[int] = []
    before: dict[int, Callable[[int, FrameType | None], object]] = {}

    def note(signum: int, frame: FrameType | None) -> None:
        arrived.append(signum)
        before[signum](signum, frame)

    if threading.current_thread() is threading.main_thread():
        for signum in (signal.SIGTERM, signal.SIGINT):
            handler = signal.getsignal(signum)
            if callable(handler):  # else the system's own: it ends the process, or ignores the signal
                before[signum] = handler
                signal.signal(signum, note)
    try:
        yield arrived
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is note:  # a module that set its own keeps it
                signal.signal(number, handler)


class StopSignal:
    """While entered, notes the first SIGTERM or SIGINT instead of dying; a second Ctrl-C interrupts at once."""

    def __init__(self) -> None:
        self.signum: int | None = None

    def __enter__(self) -> StopSignal:
        # Python delivers signals to the main thread only; elsewhere (a notebook's worker) there is nothing to catch.
        main = threading.current_thread() is threading.main_thread()
        self.before = {s: signal.signal(s, self._note) for s in (signal.SIGTERM, signal.SIGINT)} if main else {}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        if self.signum is not None and signum == signal.SIGINT:
            raise KeyboardInterrupt
        self.signum = self.signum or signum
