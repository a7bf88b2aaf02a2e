"""What a task must say to become an application: everything the core cannot know."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from suite.config import TrainConfig
from suite.domain.vocabulary import Batch, Example, Prediction, Section, Space, Splits, Starter
from suite.errors import SuiteError
from suite.tables.columns import Columns, Finding

if TYPE_CHECKING:
    import numpy as np
    import torch
    from datasets import Dataset

    from suite.domain.vocabulary import Scored
    from suite.inference.predictor import Predictor


class Domain(ABC):
    """A whole application. One instance serves one config; `load_model` may keep a processor on it.

    The path of an example: `read` or the core's readers give raw rows, `columns` maps them, `check` rejects some,
    `split` parts them, `prepare` makes examples, `augment` varies them, `collate` makes a batch. Training goes on
    to `loss`; evaluation, prediction, demo and API all go through `infer`.
    """

    name: ClassVar[str]
    """The domain's word on the command line; equals its `Entry`'s name."""
    title: ClassVar[str]
    """The name people read, such as "Weather forecasts"."""
    Config: ClassVar[type[TrainConfig]] = TrainConfig
    """The options of its runs: a subclass of `TrainConfig` where it has some of its own."""
    columns: ClassVar[Columns]
    """What a row holds: kinds, which are required, what groups rows, orders them in time and identifies one."""
    metric: ClassVar[str]
    """Key of `metrics()` that picks the best checkpoint."""
    greater_is_better: ClassVar[bool] = True
    """Whether a larger `metric` is the better one."""
    starter: ClassVar[Starter]
    """Model and data that every command takes when none is given."""
    library: ClassVar[str] = "transformers"
    """What loads a model folder without Suite, as the Hub names it."""
    pipeline_tag: ClassVar[str] = ""
    """The Hub's word for the task, such as image-classification; "" where it has none."""
    needs_rows: ClassVar[bool] = True
    """Whether a pretrained model lacks what only training rows can tell (labels, a catalogue) before it answers."""
    limits: ClassVar[str]
    """Markdown: what it is not for and where it fails. Shown in the model card and the About tab."""
    space: ClassVar[Space] = Space()
    """How a Space of the domain presents itself, and whether it asks for a lent GPU."""
    lora_targets: ClassVar[tuple[str, ...]] = ()
    """Names of modules that get low-rank adapters; empty means the domain offers no LoRA."""
    __test__ = False  # told to pytest, which takes a class for tests if it is called TestMatchesDomain

    def __init__(self, config: TrainConfig | None = None) -> None:
        self.config: Any = config if config is not None else self.Config()

    # ---- to write ------------------------------------------------------------------------------------------------

    @abstractmethod
    def load_model(self, source: Path, data: Dataset | None) -> torch.nn.Module:
        """Loads a model folder, and whatever processor belongs to it onto `self`.

        `source` is a local folder: a pretrained model (hub snapshot or starter) or the `model/` of a finished run.
        `data`, the training rows, is there for what a pretrained model lacks (label set, vocabulary, catalogue);
        it is None for the folder of a finished run, and where an answer is wanted and `needs_rows` is False.
        """

    @abstractmethod
    def collate(self, examples: Sequence[Example]) -> Batch:
        """Batches examples; labels are in the batch when the examples have references."""

    @abstractmethod
    def infer(self, model: torch.nn.Module, batch: Batch) -> list[Prediction]:
        """THE inference path: one prediction per example, in order. Called in eval mode, without gradients."""

    @abstractmethod
    def reference(self, example: Example) -> Any:
        """What a prediction for this example is compared with."""

    @abstractmethod
    def score(self, prediction: Prediction, reference: Any) -> Mapping[str, float | Sequence[float]]:
        """One example's numbers (error counts, hits, a probability and its label), the same keys each time."""

    @abstractmethod
    def metrics(self, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Metrics over any set of examples, from their stacked scores; called again for every bootstrap resample.

        Means are sum / count over the set, never means of means. Each array's first axis is the examples.
        """

    @abstractmethod
    def inputs(self, argument: str) -> list[Example]:
        """Examples without reference from one argument of `predict`: mostly a file's path, perhaps text.

        Raises `SuiteError` if the argument cannot be read.
        """

    @abstractmethod
    def demo(self, predictor: Predictor) -> None:
        """Builds the Demo tab inside an open `gr.Blocks`. Import gradio here, and torch only in the handlers."""

    # ---- defaults to override where wrong ------------------------------------------------------------------------

    def read(self, path: Path) -> Dataset | None:
        """Raw rows of a file or folder in a format only this domain knows; None lets the core read it."""
        return None

    def check(self, rows: Dataset) -> Iterable[Finding]:
        """Findings beyond missing values, duplicates and leaks between splits: unreadable files, empty labels."""
        return ()

    def split(self, rows: Dataset) -> Splits:
        """By the rows' own split column, else by group, else by time, else at random.

        Where an example is made of several rows, a split may hold other rows than it was given, one an example, and
        `prepare` then gets rows of either sort: data of `also_evaluate` are checked and not split.
        """
        from suite.tables.splits import split_rows

        return split_rows(rows, self.columns, self.config)

    def prepare(self, rows: Dataset, model: torch.nn.Module, *, training: bool) -> Sequence[Example]:
        """Examples from checked rows; what is dear and never changes (a frozen encoder's output) is done here."""
        return rows

    def lengths(self, examples: Sequence[Example]) -> Sequence[int] | None:
        """Length of each example, so that batches hold alike ones; None when all cost the same."""
        return None

    def augment(self, example: Example, generator: np.random.Generator) -> Example:
        """A random variation for training. Draw only from `generator`: it makes a resumed run exact."""
        return example

    def loss(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Scalar mean of the loss over `count(batch)` items."""
        return model(**batch).loss

    def count(self, batch: Batch) -> int:
        """How many items the loss is a mean over: labels that are not -100, or rows where labels are 1-D."""
        labels = batch["labels"]
        return int((labels != -100).sum()) if labels.ndim > 1 else len(labels)

    def optimizer_groups(self, model: torch.nn.Module) -> list[dict[str, Any]]:
        """Parameter groups for AdamW: matrices decay, biases and norms do not."""
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        return [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": self.config.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]

    def baselines(self, splits: Splits, examples: Sequence[Example]) -> dict[str, list[Prediction]]:
        """What the model must beat: each baseline's predictions for `examples`, the test split's, in order."""
        return {}

    def calibrate(self, model: torch.nn.Module, predictions: Sequence[Prediction], references: Sequence[Any]) -> None:
        """Called once after training with the validation split's answers of the weights that are kept.

        What must not be chosen on the test split is chosen here: temperatures, thresholds. Keep it on `self` or the
        model; `save_model` writes it, `load_model` of a finished run reads it back, and `infer` uses it.
        """

    def analyse(self, systems: Mapping[str, Scored], rows: Dataset) -> Iterable[Section]:
        """Tables and figures beyond the metrics, for one data set whose checked rows are `rows`.

        `systems` are named as in the table: "fine-tuned", "before fine-tuning", and the baselines on the test split.
        """
        return ()

    def preview(self, model: torch.nn.Module, step: int, folder: Path) -> None:
        """Writes into `folder` what a person wants to see of the weights of a step, such as samples of fixed seeds.

        Called on the main process after each evaluation, that of step 0 included, in eval mode and without gradients,
        with the weights that were scored.
        """

    def before_evaluate(self, model: torch.nn.Module) -> None:
        """Called before each evaluation and before saving: rebuild an index, refresh cached item vectors."""

    def save_model(self, model: torch.nn.Module, path: Path) -> None:
        """Writes a folder that loads without Suite; default is `save_pretrained` of model and processor.

        `path` is not there yet: make it.
        """
        model.save_pretrained(path, safe_serialization=True)  # type: ignore[operator]  # a PreTrainedModel's
        processor = getattr(self, "processor", None)
        if processor is not None:
            processor.save_pretrained(path)

    def save_adapter(self, model: torch.nn.Module, path: Path) -> None:
        """Writes trained low-rank adapters in further formats into `path`, which holds peft's own already.

        `model` is peft's, the adapters not merged yet.
        """

    def portable(self, row: dict[str, Any]) -> dict[str, Any]:
        """One row as it may travel with a model: without what identifies anybody; its files as bytes.

        `row` is a checked row, whose file columns hold a path or a dict of bytes and path; what is still a path
        afterwards is replaced by the file's bytes. The model must answer the row as before.
        """
        return row

    def demo_call(self, predictor: Predictor) -> tuple[str, Sequence[Any]]:
        """An endpoint of the demo (a handler's `api_name`) and arguments that any model of this domain answers.

        They are sent over the network as any program would send them, a `Path` as a file. `suite space try` asks it,
        and the contract sees that the answer comes from `infer`. Without one (an empty name) both only start the demo.
        """
        return "", ()

    def write(self, predictions: Sequence[tuple[str, Prediction]], path: Path) -> None:
        """Writes (input name, prediction) pairs; the ending of `path` picks the format: json, jsonl or csv."""
        from suite.domain.answers import write_predictions

        write_predictions(predictions, path)

    def check_output(self, path: Path) -> None:
        """Raises `SuiteError` if `write` can't write such a file; asked before the work, not after it."""
        if path.suffix not in (".json", ".jsonl", ".csv"):
            raise SuiteError(f"Cannot write {path.name}: give --output an ending of .json, .jsonl or .csv.")

    def appends(self, path: Path) -> bool:
        """Whether `write` adds to what is at `path`: then each batch is written when it is made, and not at the end."""
        return False

    def speed(self, predictions: Sequence[Prediction], seconds: float) -> str:
        """What `predict` adds after the time an input took, such as a real-time factor; begins with a comma."""
        return ""

    def render(self, prediction: Prediction) -> str:
        """One prediction as `predict` prints it."""
        import json

        return json.dumps(prediction, ensure_ascii=False)

    def same(self, expected: Prediction, found: Prediction) -> bool:
        """Whether a golden prediction is reproduced: equal, floats within 1e-3 (bf16 keeps 3 digits)."""
        from suite.domain.answers import close

        return close(expected, found, tolerance=1e-3)


__all__ = ["Batch", "Domain", "Example", "Finding", "Prediction", "Section", "Space", "Splits", "Starter", "SuiteError"]
