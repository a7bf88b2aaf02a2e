"""Rows: which are unusable. Examples: what a point is made of."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from suite import Data, Finding

if TYPE_CHECKING:
    from datasets import Dataset

NOISE = 8
"""Numbers that a point is made of."""


class PointData(Data):
    """A table of points."""

    def check(self, rows: Dataset) -> Iterable[Finding]:
        """Coordinates that are infinite."""
        for name in ("x", "y"):
            for index, value in enumerate(rows[name]):
                if value is not None and not math.isfinite(value):
                    yield Finding("error", f"{name} is {value}; give a finite number.", index)


def drawn(count: int, seed: int) -> list[dict[str, Any]]:
    """Examples that ask for `count` points: the same noise for the same place and seed."""
    return [{"noise": np.random.default_rng([seed, place]).standard_normal(NOISE)} for place in range(count)]
