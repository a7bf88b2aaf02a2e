"""The values that a domain and the core hand each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from datasets import Dataset

    from suite.assets.asset import Asset


Example = Any
"""What `prepare` makes of rows and `collate` batches; the core only counts, orders and passes them on."""


Batch = dict[str, Any]
"""What `collate` returns; tensors in it are moved to the model's device."""


Prediction = dict[str, Any]
"""One example's answer, in values JSON can hold."""


Splits = dict[str, "Dataset"]
"""Checked rows under the keys "train", "validation" and "test"."""


@dataclass(frozen=True)
class Starter:
    """Model and data that work with no argument and no hub; `assets` says how each name can be had.

    `tuned` names a model that was fine-tuned on `data` beforehand, where `model` alone has no answer worth showing:
    it answers while there is no run; training starts from `model` all the same.
    """

    model: str
    data: str
    assets: tuple[Asset, ...] = ()
    tuned: str = ""

    @property
    def answering(self) -> str:
        """The name of the model that answers while there is no run."""
        return self.tuned or self.model


@dataclass(frozen=True)
class Space:
    """How a domain looks in the lists of Hugging Face Spaces, where a title alone is easily overlooked."""

    description: str = ""
    """At most 60 characters, the Hub's limit; empty takes the title."""
    emoji: str = "🧩"
    colours: tuple[str, str] = ("indigo", "blue")
    """Of the card, from and to: red, yellow, green, blue, indigo, purple, pink or gray."""
    zero_gpu: bool = False
    """Whether the demo uses its model through the predictor alone, which ZeroGPU needs: a GPU is lent by the call."""


@dataclass(frozen=True)
class Section:
    """A part of a report beyond the table of metrics: a calibration plot, what a threshold costs."""

    title: str
    text: str
    """Markdown: what is seen and what follows."""
    values: Any = None
    """The same as numbers JSON can hold, for scripts."""
    figure: bytes = b""
    """A PNG."""
    quotes: bool = False
    """Whether text or figure show rows of the data: then it is on the card only where everybody may have them."""


Scores = dict[str, np.ndarray]
"""Stacked `Domain.score` results: each array's first axis is the examples."""


@dataclass
class Scored:
    """A system's answers for a list of examples, in their order."""

    predictions: list[Prediction]
    references: list[Any]
    scores: Scores
