"""The example: one user's history, to learn from or to be answered. Light, because the page asks with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class History:
    """One user. `items` are ids or titles, oldest first; `target` the id that came next, "" where nobody knows.

    A training window is `items` with an `end`: places before it are learned from. `reasons` asks for them.
    """

    user: str
    items: Sequence[str]
    target: str = ""
    end: int | None = None
    chunk: int = 0
    reasons: bool = False
    numbers: np.ndarray | None = field(default=None, compare=False)
    """Item numbers in the catalogue of the model the example was prepared for; unknown items are left out."""
