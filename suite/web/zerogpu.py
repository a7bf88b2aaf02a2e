"""ZeroGPU of Hugging Face Spaces: a GPU that is lent for the length of a call."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any


def lend_gpu(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` with a GPU lent to each of its calls; itself wherever the platform lends none.

    The platform sets `SPACES_ZERO_GPU` and installs the package `spaces`, which must be imported before torch uses a
    GPU. A call runs in a forked process: arguments and answer are pickled, whatever else it changes is lost, and a
    model it uses must be loaded before.
    """
    if os.environ.get("SPACES_ZERO_GPU", "").lower() not in ("1", "t", "true"):
        return function
    try:
        return importlib.import_module("spaces").GPU(function)
    except ImportError:
        return function
