"""The model and the data that work with no argument and no hub: both are made, in a second."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from suite import Asset, Starter

MODEL = Asset(
    name="points-network",
    kind="model",
    summary="generator and discriminator with random weights; they have seen no point",
    licence="CC0-1.0",
    url="https://example.org/suite-points",
    convert="suite_points.network:make_model",
)
DATA = Asset(
    name="points-ring",
    kind="data",
    summary="3,000 simulated points in eight heaps on a ring",
    licence="CC0-1.0",
    url="https://example.org/suite-points",
    convert="suite_points.starter:make_data",
)
STARTER = Starter(model=MODEL.name, data=DATA.name, assets=(MODEL, DATA))


def make_data(wheels: Sequence[Path], out: Path) -> None:
    """Writes metadata.csv, the same every time. `wheels` is empty: nothing is downloaded."""
    with (out / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["x", "y"])
        writer.writerows(np.round(ring(np.random.default_rng(0), 3000), 4).tolist())


def ring(generator: np.random.Generator, count: int) -> np.ndarray:
    """Points (count, 2) of eight heaps, each a round one of deviation 0.15, on a ring of radius 2."""
    angles = generator.integers(0, 8, count) * np.pi / 4
    return 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1) + generator.normal(0, 0.15, (count, 2))
