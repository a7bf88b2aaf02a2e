"""The parts of a domain: what each must do, and what it does where it says nothing else.

Each is a small object that holds what it was made with and nothing that one call left for another: what a step makes
is returned and handed on. A part inherits from its protocol here to take the defaults; anything that has the methods
will do. Modules of parts are imported when a part is first wanted, so they import what they need at their top.
"""

from __future__ import annotations

import copy
import json
import math
from abc import abstractmethod
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from suite.domain.answers import close, write_predictions
from suite.domain.vocabulary import Batch, Example, Prediction, Scored, Splits
from suite.errors import SuiteError
from suite.tables.columns import Columns, Finding

if TYPE_CHECKING:
    import numpy as np
    import torch
    from datasets import Dataset

    from suite.domain.description import Domain

Stage = Literal["train", "validation", "test"]
"""What rows are prepared for: to learn from, to choose by while learning, to be answered."""


class Data(Protocol):
    """Rows: how a format only this domain knows is read, what is wrong with some, how they are parted.

    A domain without this part is read, checked and split by the core's rules alone.
    """

    domain: Domain
    config: Any

    def __init__(self, domain: Domain, config: Any) -> None:
        self.domain, self.config = domain, config

    @property
    def columns(self) -> Columns:
        """What a row holds: the domain's columns, or others where the config says so."""
        return self.domain.columns

    def read(self, path: Path) -> Dataset | None:
        """Raw rows of a file or folder in a format only this domain knows; None lets the core read it.

        `located` adds to the rows which file and which of its lines each is from, which findings then name.
        """
        return None

    def reads(self, file: Path) -> bool:
        """Whether a file of a folder was read though no row is of it or names it: a caption beside a picture.

        All others are told as left unread.
        """
        return False

    def check(self, rows: Dataset) -> Iterable[Finding]:
        """Findings beyond missing values, duplicates and leaks between splits: unreadable files, empty labels."""
        return ()

    def split(self, rows: Dataset) -> Splits:
        """By the rows' own split column, else by group, else by time, else at random.

        Where an example is made of several rows, a split may hold other rows than it was given, one an example, and
        `Model.prepare` then gets rows of either sort: data of `also_evaluate` are checked and not split.
        """
        from suite.tables.splits import split_rows  # NumPy and Arrow: not for who only lists domains

        return Splits(split_rows(rows, self.columns, self.config))

    def portable(self, row: dict[str, Any], model: Model) -> dict[str, Any]:
        """One row as it may travel with `model`: without what identifies anybody; its files as bytes.

        `row` is a checked row, whose file columns hold a path or a dict of bytes and path; what is still a path
        afterwards is replaced by the file's bytes. The model must answer the row as before.
        """
        return row


class Model(Protocol):
    """A loaded network with all that belongs to it (processor, label set, catalogue): it trains and it answers.

    The function that a domain names as its `model` makes one: `load(source, config, data)`. What a model comes to
    know later (a calibration, an index) makes a new one: `calibrate`, `refreshed`, `with_config`.
    """

    network: torch.nn.Module
    """What is trained, moved to a device and saved; the same object for the life of a run."""
    config: Any
    """The options it is asked with: those of the run, or others (`with_config`)."""
    processor: Any = None
    """Tokenizer, feature extractor or image processor, saved beside the weights by the default `save`."""

    # ---- to write ------------------------------------------------------------------------------------------------

    @abstractmethod
    def collate(self, examples: Sequence[Example]) -> Batch:
        """Batches examples; `labels` are in the batch when the examples have references."""

    @abstractmethod
    def infer(self, batch: Batch) -> list[Prediction]:
        """THE inference path: one prediction per example, in order. Called in eval mode, without gradients."""

    @abstractmethod
    def inputs(self, argument: str) -> list[Example]:
        """Examples without reference from one argument of `predict`: mostly a file's path, perhaps text.

        Raises `SuiteError` if the argument cannot be read.
        """

    # ---- defaults to override where wrong ------------------------------------------------------------------------

    def prepare(self, rows: Dataset, stage: Stage) -> Sequence[Example]:
        """Examples from checked rows; what is dear and never changes (a frozen encoder's output) is done here."""
        return rows

    def lengths(self, examples: Sequence[Example]) -> Sequence[int] | None:
        """Length of each example, so that batches hold alike ones; None when all cost the same."""
        return None

    def pieces(self, example: Example) -> int:
        """In how many pieces an example is answered, each as long as one of training: many for a long recording."""
        return 1

    def augment(self, example: Example, generator: np.random.Generator) -> Example:
        """A random variation for training. Draw only from `generator`: it makes a resumed run exact."""
        return example

    def loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor | Mapping[str, torch.Tensor]:
        """Scalar mean of the loss over `count(batch)` items.

        `network` is what to call: `self.network`, or what stands for it while several processes train. Where several
        losses make one, a mapping: its `loss` is what is minimised, every other scalar is only logged, as `loss/NAME`:
        the mean over the items of the batches that name it.
        """
        return network(**batch).loss

    def count(self, batch: Batch) -> int:
        """How many items the loss is a mean over: labels that are not -100, or rows where labels are 1-D or a list."""
        labels = batch["labels"]
        if isinstance(labels, list | tuple):  # targets of several sizes, one for each example
            return len(labels)
        return int((labels != -100).sum()) if labels.ndim > 1 else len(labels)

    def optimizer_groups(self, network: torch.nn.Module) -> list[dict[str, Any]]:
        """Parameter groups for the default `optimizer`: matrices decay, biases and norms do not."""
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        return [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": self.config.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]

    def optimizer(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        """What changes the weights at the end of a step: AdamW over `optimizer_groups`.

        Any optimizer will do whose `step` needs no closure, over parameters of `network`, which may be a sharded copy
        of `self.network`. The `lr` of each group is its peak: a step takes that times `schedule`. What `state_dict`
        gives is kept in checkpoints, without pickle: tensors, numbers, texts, and lists, tuples and dicts of them.
        """
        import torch  # not for who only lists domains

        return torch.optim.AdamW(self.optimizer_groups(network), lr=self.config.learning_rate, fused=True)

    def schedule(self, step: int, total: int) -> float:
        """Share of the peak learning rate at a step, from 0 to `total` - 1: linear warm-up, then the config's way down.

        It depends on its arguments and the config alone, or a resumed run will differ.
        """
        warmup = round(self.config.warmup * total)
        if step < warmup:
            return (step + 1) / (warmup + 1)
        done = (step - warmup) / max(total - warmup, 1)
        shares = {"cosine": 0.5 * (1 + math.cos(math.pi * done)), "linear": 1 - done, "constant": 1.0}
        return shares[self.config.schedule]

    def infer_stream(self, batch: Batch) -> Generator[list[Prediction], None, None]:
        """The answers of `infer` while they grow: each piece has one prediction per example, the last is what `infer`
        gives.

        Called as `infer` is, each piece asked for in its turn and perhaps in another thread. A reader who goes away
        closes the generator: start nothing that works on without it. A terminal shows an answer growing where what
        `Answers.render` makes of a piece begins with what it made of the one before.
        """
        yield self.infer(batch)

    def refreshed(self) -> Self:
        """This model, or one that follows the weights as they are now.

        For what is computed from weights and kept, such as an index of item vectors. Called in eval mode and without
        gradients, with the network on its device: once when a model is loaded to answer, and before each evaluation
        during training, and before saving. The caller goes on with the model that is returned.
        """
        return self

    def calibrate(self, predictions: Sequence[Prediction], references: Sequence[Any]) -> Self:
        """The model to keep, given the validation split's answers of the weights that are kept; once, after training.

        What must not be chosen on the test split is chosen here: temperatures, thresholds. `save` writes it, loading
        the saved folder reads it back, and `infer` uses it.
        """
        return self

    def with_config(self, config: Any) -> Self:
        """The same model asked with other options."""
        twin = copy.copy(self)
        twin.config = config
        return twin

    def preview(self, step: int, folder: Path, examples: Sequence[Example]) -> None:
        """Writes into `folder` what a person wants to see of the weights of a step, such as samples of fixed seeds.

        Called on the main process after each evaluation, that of step 0 included, in eval mode and without gradients,
        with the weights that were scored; `examples` are those trained on.
        """
        return  # mypy takes a protocol's method without a statement for an abstract one

    def save(self, path: Path) -> None:
        """Writes a folder that loads without Suite; default is `save_pretrained` of network and processor.

        `path` is not there yet: make it.
        """
        self.network.save_pretrained(path, safe_serialization=True)  # type: ignore[operator]  # a PreTrainedModel's
        if self.processor is not None:
            self.processor.save_pretrained(path)

    def save_adapter(self, adapted: torch.nn.Module, path: Path) -> None:
        """Writes trained low-rank adapters in further formats into `path`, which holds peft's own already.

        `adapted` is peft's model around the network, the adapters not merged yet.
        """
        return


class Scores(Protocol):
    """What a prediction is worth: its numbers beside a reference, and metrics of any set of them."""

    config: Any
    model: Any

    def __init__(self, config: Any, model: Model) -> None:
        self.config, self.model = config, model

    @abstractmethod
    def reference(self, example: Example) -> Any:
        """What a prediction for this example is compared with."""

    @abstractmethod
    def score(self, prediction: Prediction, reference: Any) -> Mapping[str, float | Sequence[float]]:
        """One example's numbers (error counts, hits, a probability and its label), the same keys each time.

        A number may be a list, and as long as this example needs: a confidence for each thing that was predicted.
        """

    @abstractmethod
    def metrics(self, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Metrics over any set of examples, from their stacked scores; called again for every bootstrap resample.

        Means are sum / count over the set, never means of means. Each array's first axis is the examples. Lists that
        are not all of one length come as an array of arrays: `np.concatenate(list(scores[key]))` takes either.
        """

    # ---- defaults to override where wrong ------------------------------------------------------------------------

    def belongs(self, example: Example) -> Mapping[str, Any]:
        """What an example is of, by name: its series, its day. The first is what intervals resample whole.

        The value of the columns' `group` need not be here where examples are rows. An example that does not name a
        unit takes no part in the metrics resampled by it; None as its value makes it one of its own.
        """
        return {}

    def unit(self, metric: str) -> str:
        """What the intervals of a metric resample, one of the names in `belongs`; "" is the columns' `group`, or the
        first name, or the examples.

        A metric of the best k a day is one of days. In a resample the array of the scores that is named like the unit
        holds another number each time a unit was drawn: a day drawn twice is two days.
        """
        return ""

    def joint(self, scored: Scored) -> Mapping[str, np.ndarray]:
        """The stacked scores with what several examples make together, such as a rank among those of a day.

        Called once for all examples of a set; `metrics` then gets the result, or resamples of it. In validation during
        training `scored` has scores alone, without predictions and references.
        """
        return scored.scores

    def watched(self) -> Mapping[str, bool]:
        """Metrics beside the domain's own that people care for, and whether greater is better.

        Where one moves the other way than the domain's metric, the verdict says it in the same sentence.
        """
        return {}


class Answers(Protocol):
    """How predictions are printed, written and compared. A domain without this part prints and writes JSON."""

    config: Any

    def __init__(self, config: Any) -> None:
        self.config = config

    def render(self, prediction: Prediction) -> str:
        """One prediction as `predict` prints it."""
        return json.dumps(prediction, ensure_ascii=False)

    def speed(self, predictions: Sequence[Prediction], seconds: float) -> str:
        """What `predict` adds after the time an input took, such as a real-time factor; begins with a comma."""
        return ""

    def check_output(self, path: Path) -> None:
        """Raises `SuiteError` if `write` can't write such a file; asked before the work, not after it."""
        if path.suffix not in (".json", ".jsonl", ".csv"):
            raise SuiteError(f"Cannot write {path.name}: give --output an ending of .json, .jsonl or .csv.")

    def appends(self, path: Path) -> bool:
        """Whether `write` adds to what is at `path`: then each batch is written when it is made, and not at the end."""
        return False

    def write(self, predictions: Sequence[tuple[str, Prediction]], path: Path) -> None:
        """Writes (input name, prediction) pairs; the ending of `path` picks the format: json, jsonl or csv."""
        write_predictions(predictions, path)

    def same(self, expected: Prediction, actual: Prediction) -> bool:
        """Whether a golden prediction is reproduced: equal, floats within 1e-3 (bf16 keeps 3 digits)."""
        return close(expected, actual, tolerance=1e-3)


def overrides(model: Model, name: str) -> bool:
    """Whether a model has a method `name` of its own instead of the default: else what it would need is not made."""
    return getattr(getattr(model, name), "__func__", None) is not getattr(Model, name)
