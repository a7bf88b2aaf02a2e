"""What a result depends on besides its config."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from suite.plugins.builtin import DISTRIBUTION

PACKAGES = (DISTRIBUTION, "torch", "transformers", "datasets", "accelerate", "peft", "numpy", "safetensors")


def environment(fingerprint: str) -> dict[str, Any]:
    """Versions, commit, hardware and the data's fingerprint: what a result depends on besides its config."""
    cuda = torch.cuda.is_available()
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "commit": _commit(),
        "threads": torch.get_num_threads(),
        "devices": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if cuda else ["cpu"],
        "processes": int(os.environ.get("WORLD_SIZE", "1")),
        "data": fingerprint,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
