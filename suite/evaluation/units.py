"""What is resampled: examples, or what several of them are of (a patient, a user, a day), and whether it is enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from suite.domain.vocabulary import Scored, Stacked

EXAMPLE = "example"
LEAST = 20
"""Units of equal size from which on an interval may carry a claim. Of 1,500 simulated sets each, intervals stated at
95 % over 5, 7, 10, 15 and 20 units covered 87, 89, 92, 93 and 95 % where the truth was a share of .8 that differs much
from unit to unit; plain percentiles over 5 covered 78 %. Of a share of .95, the hardest case, it is 87 % at 20, and
65 % at 5. `bench/coverage.py` prints the table."""
NOWHERE = -1
"""The unit of an example that takes no part."""


@dataclass(frozen=True, eq=False)
class Units:
    """Which unit each of n examples is of."""

    name: str
    """What one is, such as "patient"."""
    codes: np.ndarray
    """int (n,), from 0 without gaps; -1 for an example that takes no part."""

    @classmethod
    def of(cls, scored: Scored, name: str = "") -> Units:
        """A system's units of that name; without one its first, and its examples where it has none.

        Raises `ValueError` for a name that its examples do not have.
        """
        named = name or next(iter(scored.units), EXAMPLE)
        if named in scored.units:
            return cls(named, dense(scored.units[named]))
        if named != EXAMPLE:
            raise ValueError(
                f"Scores.unit names {named!r}; Scores.belongs names {', '.join(scored.units) or 'nothing'}."
            )
        return cls(named, np.arange(len(scored.predictions)))

    def __len__(self) -> int:
        return len(self.sizes)

    @cached_property
    def sizes(self) -> np.ndarray:
        """How many examples each unit has, (units,)."""
        return np.bincount(self.codes[self.codes != NOWHERE])

    @cached_property
    def ordered(self) -> np.ndarray:
        """The examples that take part, by their places, one unit behind the other."""
        return np.argsort(self.codes, kind="stable")[int((self.codes == NOWHERE).sum()) :]

    @cached_property
    def starts(self) -> np.ndarray:
        """Where in `ordered` each unit begins, (units,)."""
        return np.cumsum(self.sizes) - self.sizes

    @cached_property
    def worth(self) -> float:
        """How many units of equal size tell as much (Kish 1965): a patient with most of the pictures is most of it."""
        return float(self.sizes.sum() ** 2 / (self.sizes**2).sum()) if len(self) else 0.0

    @property
    def enough(self) -> bool:
        """Whether an interval over them covers about what it states."""
        return self.worth >= LEAST - 1e-9

    def __str__(self) -> str:
        said = f"{len(self):,} {self.name if len(self) == 1 else _plural(self.name)}"
        uneven = len(self) >= LEAST and not self.enough
        return f"{said} (of such sizes that they are worth {self.worth:.0f})" if uneven else said

    def too_few(self) -> str:
        """What to say where they are not enough, such as "4 folds are too few for a claim (20 are needed)"."""
        return f"{self} {'is' if len(self) == 1 else 'are'} too few for a claim ({LEAST} are needed)"

    def to_json(self) -> dict[str, Any]:
        """As `evaluation.json` keeps them."""
        few = "" if self.enough else self.too_few()
        return {"name": self.name, "count": len(self), "worth": self.worth, "few": few}

    def draws(self, count: int, seed: int) -> Iterator[Draw]:
        """Bootstrap samples of whole units, alike each time they are gone through; one is held at a time."""
        generator = np.random.default_rng(seed)
        for _ in range(count):
            picked = generator.integers(0, len(self), len(self))
            yield Draw(self, picked)


@dataclass(frozen=True, eq=False)
class Draw:
    """One bootstrap sample: as many units as there are, some of them several times."""

    units: Units
    picked: np.ndarray

    @cached_property
    def places(self) -> np.ndarray:
        """The examples of all units drawn, one unit behind the other."""
        units = self.units
        if len(units) == len(units.ordered):
            return units.ordered[self.picked]
        sizes = units.sizes[self.picked]
        ends = np.cumsum(sizes)
        return units.ordered[np.arange(ends[-1]) + np.repeat(units.starts[self.picked] - ends + sizes, sizes)]

    def of(self, stacked: Stacked) -> dict[str, np.ndarray]:
        """The scores of the sample. An array named like the unit has another number for each time one was drawn, so
        that a day drawn twice is two days."""
        sample = {key: values[self.places] for key, values in stacked.items()}
        if self.units.name in sample:
            sample[self.units.name] = np.repeat(np.arange(len(self.picked)), self.units.sizes[self.picked])
        return sample


def _plural(name: str) -> str:
    if name.endswith("s"):
        return name
    return f"{name[:-1]}ies" if name.endswith("y") and name[-2:-1] not in "aeiou" else f"{name}s"


def dense(codes: np.ndarray) -> np.ndarray:
    """The codes renumbered from 0 without gaps; -1 stays."""
    taking = codes != NOWHERE
    numbered = np.full(len(codes), NOWHERE)
    numbered[taking] = np.unique(codes[taking], return_inverse=True)[1]
    return numbered


def coded(values: Sequence[Any]) -> np.ndarray:
    """A number for each different value, int (n,); a missing one is a unit of its own, since nobody knows whose."""
    known: dict[Any, int] = {}
    keys = (("missing", place) if _missing(value) else value for place, value in enumerate(values))
    return np.array([known.setdefault(key, len(known)) for key in keys], dtype=int)


def coded_each(belongs: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Codes by the name of the unit from what each example says it is of; -1 where one does not name the unit."""
    units = {}
    for name in dict.fromkeys(name for said in belongs for name in said):
        taking = np.array([name in said for said in belongs], dtype=bool)
        codes = np.full(len(belongs), NOWHERE)
        codes[taking] = coded([said[name] for said in belongs if name in said])
        units[name] = codes
    return units


def _missing(value: Any) -> bool:
    return value is None or value == "" or value != value  # NaN differs from itself
