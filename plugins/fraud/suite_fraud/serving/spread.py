"""How features are spread in training: what drift is measured against."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from suite import SuiteError, decoding

FILE = "drift.json"
"""In a student's folder."""


BINS = 10


@dataclass(frozen=True)
class Spread:
    """How the values of one column lay in training: no row of it, and edges of three digits, so that it may travel."""

    edges: list[float]
    """Upper ends of the bins but for the last one; the bins hold equal shares of what is known."""
    shares: list[float]
    """Of each bin, and of the missing ones. None without rows."""

    @classmethod
    def of(cls, values: np.ndarray, *, bins: int = BINS) -> Spread:
        """Of a sample (n,). Missing values, and those of which there are few, such as 0 and 1, get a bin each."""
        known = values[~np.isnan(values)]
        inner = np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1]) if len(known) else np.empty(0)
        edges = np.unique([float(f"{edge:.3g}") for edge in inner])  # a quantile may be the very amount of a row
        return cls(edges.tolist(), _shares(values, edges).tolist() if len(values) else [])

    def psi(self, actual: np.ndarray) -> float:
        """Population stability index of a sample (m,) against this one; NaN where either has no rows.

        The sum over bins of (p - q) log(p / q). Half a row is added to each bin, so that none is empty.
        """
        if not self.shares or not len(actual):
            return float("nan")
        q, p = np.array(self.shares), _shares(actual, np.array(self.edges))
        return float(np.sum((p - q) * np.log(p / q)))


@dataclass(frozen=True)
class Training:
    """What a student's training rows looked like."""

    features: dict[str, Spread]
    scores: Spread

    @classmethod
    def of(cls, names: Sequence[str], x: np.ndarray, score: np.ndarray) -> Training:
        """Of rows (n, len(names)) and the scores (n,) they were given."""
        return cls({name: Spread.of(x[:, place]) for place, name in enumerate(names)}, Spread.of(score))

    @classmethod
    def load(cls, folder: Path) -> Training:
        """Reads what `Student.save` wrote. Raises `SuiteError` for a student without it."""
        if not (folder / FILE).is_file():
            raise SuiteError(f"{folder} does not hold what its training looked like; train anew to tell drift.")
        with decoding(folder / FILE):
            kept = json.loads((folder / FILE).read_text("utf-8"))
            return cls({name: Spread(**spread) for name, spread in kept["features"].items()}, Spread(**kept["scores"]))


def _shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    missing = np.isnan(values)
    # A bin ends just above its edge, so that the edges' own values, which are common among counts, stay together.
    place = np.where(missing, len(edges) + 1, np.searchsorted(edges, values, side="left"))
    counts = np.bincount(place, minlength=len(edges) + 2) + 0.5
    return np.asarray(counts / counts.sum())
