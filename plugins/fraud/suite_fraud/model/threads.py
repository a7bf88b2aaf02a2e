"""How many cores a fit may use."""

from __future__ import annotations

import os


def threads() -> int:
    """How many threads a fit may use: OMP_NUM_THREADS if set, else all cores."""
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
