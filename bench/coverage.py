"""How often an interval stated at 95 % holds the truth, by what is measured and over how many units: of simulated sets
whose truth is known. LEAST in `suite/evaluation/units.py` is chosen by its table.

    python bench/coverage.py [--sets 1500]

A minute on one core. A bootstrap's sample of units is drawn as how often each comes, which for a mean gives what the
core gets by drawing rows; percentiles and their widening are the core's own.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

import numpy as np

from suite.domain.vocabulary import Scored
from suite.evaluation.intervals import RESAMPLES, bounded, share_interval

COUNTS = (5, 7, 10, 15, 20, 30, 50)
SIZE = 8
"""Examples of a unit, on average."""
Units = Callable[[np.random.Generator, np.ndarray], np.ndarray]
"""From the number of examples of each unit to the sum of their values."""


def normal(generator: np.random.Generator, sizes: np.ndarray) -> np.ndarray:
    """Numbers that vary as much from unit to unit as within one; their mean is 0."""
    return sizes * generator.normal(size=len(sizes)) + np.sqrt(sizes) * generator.normal(size=len(sizes))


def right(mean: float, alike: float) -> Units:
    """Right or wrong, with a chance of its own for each unit: Beta(mean · alike, (1 - mean) · alike)."""
    return lambda generator, sizes: generator.binomial(
        sizes, generator.beta(mean * alike, (1 - mean) * alike, len(sizes))
    )


KINDS = {
    "mean": (normal, 0.0),
    "share of .8, units differ much": (right(0.8, 1.6), 0.8),
    "share of .95": (right(0.95, 3.0), 0.95),
}


def simulated(units: Units, count: int, sets: int, *, uneven: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Sizes and sums of the units of each set; uneven ones are mostly small, and some five times the mean."""
    generator = np.random.default_rng(count)
    for _ in range(sets):
        sizes = generator.geometric(1 / SIZE, count) if uneven else np.full(count, SIZE)
        yield sizes, np.asarray(units(generator, sizes), float)


def held(sizes: np.ndarray, sums: np.ndarray, truth: float, seed: int) -> tuple[bool, bool]:
    """Whether the core's interval holds the truth, and whether plain percentiles would."""
    often = np.random.default_rng(seed).multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), RESAMPLES)
    drawn = (often @ sums) / (often @ sizes)
    ours = bounded(sums.sum() / sizes.sum(), drawn, sizes.sum() ** 2 / (sizes**2).sum())
    low, high = np.quantile(drawn, [0.025, 0.975])
    return ours.low <= truth <= ours.high, bool(low <= truth <= high)


def of_a_share(sizes: np.ndarray, sums: np.ndarray, truth: float) -> bool:
    """Whether `share_interval` holds the truth."""
    codes, places = np.repeat(np.arange(len(sizes)), sizes), np.concatenate([np.arange(size) for size in sizes])
    hits = (places < sums[codes]).astype(float)
    interval = share_interval(Scored([{}] * len(hits), [None] * len(hits), {}, {"unit": codes}), hits)
    return interval.low <= truth <= interval.high


def main() -> None:
    """Prints a table of coverages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=1500, help="Simulated sets a cell; 1,500 tell .95 within .006.")
    sets = parser.parse_args().sets
    print(f"| {sets:,} sets a cell | {' | '.join(f'{count} units' for count in COUNTS)} |")
    print("| --- " * (len(COUNTS) + 1) + "|")
    for name, (units, truth) in KINDS.items():
        for uneven in (False, True):
            rows: dict[str, list[str]] = {"": [], ", plain percentiles": [], ", share_interval": []}
            for count in COUNTS:
                drawn = list(simulated(units, count, sets, uneven=uneven))
                pairs = np.array([held(*drew, truth, seed) for seed, drew in enumerate(drawn)])
                rows[""].append(f"{pairs[:, 0].mean():.2f}")
                rows[", plain percentiles"].append(f"{pairs[:, 1].mean():.2f}")
                if truth:
                    rows[", share_interval"].append(f"{np.mean([of_a_share(*drew, truth) for drew in drawn]):.2f}")
            for how, cells in rows.items():
                if cells:
                    print(f"| {name}{', uneven' if uneven else ''}{how} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
