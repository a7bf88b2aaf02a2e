"""The values that a domain and the core hand each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from datasets import Dataset

    from suite.assets.asset import Asset
    from suite.tables.columns import Finding


Example = Any
"""What `prepare` makes of rows and `collate` batches; the core only counts, orders and passes them on."""


Batch = dict[str, Any]
"""What `collate` returns; tensors in it, in its lists and dicts too, are moved to the model's device."""


Prediction = dict[str, Any]
"""One example's answer, in values JSON can hold."""


class Splits(dict[str, "Dataset"]):
    """Checked rows under the keys "train", "validation" and "test", and what parting them taught.

    `context` is the domain's own: what `Data.split` found and models or baselines need, such as the stream that the
    features of all splits were computed from. `findings` are told with those of the check: one that is an error refuses
    the data. `overlapping` says that splits share rows because it was asked for, so that nothing is said of it.
    """

    def __init__(
        self,
        rows: Mapping[str, Dataset],
        context: Any = None,
        *,
        findings: Sequence[Finding] = (),
        overlapping: bool = False,
    ) -> None:
        super().__init__(rows)
        self.context, self.findings, self.overlapping = context, tuple(findings), overlapping

    @property
    def training(self) -> TrainingData:
        """What a model may learn from."""
        return TrainingData(self["train"], self.context)


@dataclass(frozen=True)
class TrainingData:
    """What a model may learn from: the training rows, and the `context` of the splits they are of."""

    rows: Dataset
    context: Any = None


@dataclass(frozen=True)
class Baselines:
    """What a model must beat: each baseline's predictions for the test split's examples, in order, by its name.

    `context` is the domain's own: what its report wants to know of them; `elsewhere` is the same for the reports of
    other data sets, such as the rows that were trained on.
    """

    predictions: Mapping[str, list[Prediction]]
    context: Any = None
    elsewhere: Any = None
    settings: Mapping[str, str] = field(default_factory=dict)
    """How each baseline came to its settings, in a few words that stand behind its name wherever it is compared:
    "tuned on validation, 12 tries", "fixed settings", "nothing to tune". Who beats a rival that nobody tuned has to
    say so."""


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


Stacked = Mapping[str, "np.ndarray"]
"""Results of `Scores.score`, stacked: each array's first axis is the examples."""


@dataclass
class Scored:
    """A system's answers for a list of examples, in their order."""

    predictions: list[Prediction]
    references: list[Any]
    scores: Stacked
    units: Mapping[str, np.ndarray] = field(default_factory=dict)
    """What each example is of, by the name of the unit (a patient, a day): int codes (n,), -1 where it takes no part.
    Intervals resample whole units, those of the first name unless `Scores.unit` says otherwise; examples where there
    is none."""
