"""Imports what plugins bring: what that prints, raises and lacks is the plugin's, and ends nobody else's work."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Set
from contextlib import contextmanager
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, version
from types import FunctionType, ModuleType

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from suite.console import aside
from suite.errors import SuiteError
from suite.plugins.builtin import DISTRIBUTION
from suite.signals import noted_signals

HEAVY = (
    "accelerate", "cv2", "datasets", "diffusers", "faiss", "gradio", "jax", "matplotlib", "onnxruntime", "pandas",
    "peft", "scipy", "sklearn", "tensorflow", "torch", "torchaudio", "torchvision", "transformers",
)  # fmt: skip
"""Packages whose import every command would wait for: from a fifth of a second to seven seconds each."""

SLOW = 1.0
"""Seconds that an import may take untold. The six plugins of this repository take a hundredth each."""


class Escaped(Exception):  # noqa: N818 - stands for an exception that is none, such as SystemExit
    """What was raised by an import and is no `Exception`: it would have ended the program."""


@contextmanager
def contained() -> Iterator[None]:
    """What is imported inside prints on stderr, and raises nothing but an `Exception`.

    `sys.exit`, `KeyboardInterrupt` and whatever else ends programs becomes `Escaped`, unless somebody did press Ctrl-C
    or sent SIGTERM; with SUITE_STRICT=1 it stays as it is.
    """
    with aside(), noted_signals() as signals:
        try:
            yield
        except Exception:
            raise
        except BaseException as error:
            if signals or strict():
                raise
            raise Escaped(describe(error)) from error


def strict() -> bool:
    """Whether a plugin's error is raised instead of told: SUITE_STRICT=1."""
    return os.environ.get("SUITE_STRICT") == "1"


def describe(error: BaseException) -> str:
    """An exception's name and the first line of what it says."""
    text = str(error).strip().splitlines()
    if isinstance(error, Escaped):
        return text[0]
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def refuse_unmet(dist: Distribution | None) -> None:
    """Raises `SuiteError` unless everything that a plugin's distribution requires is here, in a version it takes."""
    for text in (dist.requires or ()) if dist else ():
        try:
            required = Requirement(text)
        except InvalidRequirement:
            raise SuiteError(f"it requires {text!r}, which is no requirement; its metadata are damaged") from None
        if required.marker and not required.marker.evaluate({"extra": ""}):
            continue
        if canonicalize_name(required.name) == "suite":
            raise SuiteError(
                f"it requires {text!r}, which is somebody else's distribution; install a version of it that requires "
                f"{DISTRIBUTION}"
            )
        if seen := _unmet(required):
            plain = f"{required.name}{required.specifier}"
            raise SuiteError(f"it requires {plain} and {seen}; run: pip install '{plain}'")


def _unmet(required: Requirement) -> str:
    installed = _installed(required.name)
    if installed is None:
        return "that is not installed"
    return "" if required.specifier.contains(installed, prereleases=True) else f"{installed} is installed"


@cache
def _installed(name: str) -> str | None:
    """The version of a distribution; asked once, for plugins require much the same and each look-up reads a file."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def heavy(root: str, before: Set[str]) -> list[str]:
    """Packages of `HEAVY` that importing the package `root` brought; the modules in `before` were there already.

    What another plugin had imported first is seen by its names in the modules of this one: whoever comes second waits
    for nothing, but would, were it alone.
    """
    brought = {name: module for name, module in list(sys.modules.items()) if name not in before}
    names = {name.partition(".")[0] for name in brought}
    own = [module for name, module in brought.items() if module and (name == root or name.startswith(f"{root}."))]
    for value in (value for module in own for value in list(vars(module).values())):
        if isinstance(value, ModuleType):
            names.add(value.__name__.partition(".")[0])
        elif isinstance(value, type | FunctionType):
            names.add(str(value.__module__).partition(".")[0])
    return sorted(names & set(HEAVY) - {root})
