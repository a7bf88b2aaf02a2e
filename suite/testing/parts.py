"""What a domain names must be there, and take what the core gives it."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pkgutil import resolve_name
from typing import Any

import torch

from suite.domain.description import Domain
from suite.domain.parts import Answers, Data, Model, Scores

GIVEN: dict[str, tuple[str, ...]] = {
    "model": ("source", "config", "data"),
    "data": ("domain", "config"),
    "answers": ("config",),
    "scores": ("config", "model"),
    "baselines": ("model", "splits", "examples"),
    "report": ("model", "systems", "rows", "context"),
    "demo": ("predictor",),
    "demo_call": ("predictor",),
}
"""What the core calls each part with, in order."""
CLASSES: dict[str, type] = {"data": Data, "answers": Answers, "scores": Scores}
"""The parts that are classes: whose methods they have."""


def after_closing(model: Model, pieces: Generator[Any, None, None]) -> str:
    """What goes on after the first piece of a stream was read and the rest was not wanted; "" for nothing."""
    calls: list[int] = []
    threads = {*threading.enumerate()}
    with hooked(model.network, calls):
        next(pieces)
        pieces.close()
        before = len(calls)
        time.sleep(0.2)  # a thread that goes on would make its next token by then
    left = [thread.name for thread in threading.enumerate() if thread not in threads]
    return f"{len(calls) - before} calls of the network, threads {left}" if left or len(calls) > before else ""


@contextmanager
def hooked(network: torch.nn.Module, calls: list[int]) -> Iterator[None]:
    """`calls` gets a number for each call of the network, or of any module in it."""
    handles = [module.register_forward_pre_hook(lambda *given: calls.append(1)) for module in network.modules()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def faults(domain: Domain) -> Iterator[str]:
    """A sentence for each part of a domain that is not there, or does not take what the core gives it."""
    for name, given in GIVEN.items():
        named = getattr(domain, name)
        if named is None:
            continue
        try:
            part = resolve_name(named) if isinstance(named, str) else named
        except (ImportError, AttributeError, ValueError) as error:
            yield f"{name}={named!r}: {type(error).__name__}: {error}"
            continue
        problems = _misfits(part, given)
        if name in CLASSES:
            problems += lacks(part, CLASSES[name])
        yield from (f"{name}={named!r} {problem}" for problem in problems)


def lacks(kind: type, protocol: type) -> list[str]:
    """What a class has not of a protocol's public methods, and which of them take something else."""
    problems: list[str] = []
    for name, promised in vars(protocol).items():
        if name.startswith("_") or not (inspect.isfunction(promised) or isinstance(promised, property)):
            continue
        method = getattr(kind, name, None)
        if method is None or getattr(method, "__isabstractmethod__", False):
            problems.append(f"has no {name}")
        elif inspect.isfunction(promised):
            problems += [
                f"{name} {misfit}" for misfit in _misfits(method, tuple(inspect.signature(promised).parameters))
            ]
    return problems


def _misfits(function: Callable[..., Any], given: Sequence[str]) -> list[str]:
    """That the function cannot be called with the arguments `given`, in order; nothing if it can."""
    try:
        inspect.signature(function).bind(*given)
    except TypeError as error:
        return [f"does not take ({', '.join(given)}): {error}"]
    return []
