"""What a domain is, in values that cost nothing to import: its names, its columns, and where its parts are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from suite.config import TrainConfig
from suite.console import aside
from suite.decoders import decoding
from suite.decoders.model_files import check_layers
from suite.domain import parts
from suite.domain.vocabulary import Baselines, Section, Space, Splits, Starter, TrainingData
from suite.errors import SuiteError
from suite.tables.columns import Columns

if TYPE_CHECKING:
    from datasets import Dataset

    from suite.domain.vocabulary import Example, Scored

MODEL = "it may be damaged, or made by another version; SUITE_STRICT=1 shows where it failed."
"""What is said of every model that fails to load, whatever library failed over it."""
Part = str | Callable[..., Any]
"""Where a part is, "package.module:name", imported when it is first wanted; or the part itself."""


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A whole application: a light description, and the names of the parts that do its work.

    The path of an example: `data` or the core's readers give raw rows, `columns` maps them, `data` checks and parts
    them; `model` prepares, varies and batches examples. Training goes on to its `loss`; evaluation, prediction, demo
    and API all go through its `infer`, and `scores` says what a prediction is worth.
    """

    name: str
    """The domain's word on the command line; equals its `Entry`'s name."""
    title: str
    """The name people read, such as "Weather forecasts"."""
    columns: Columns
    """What a row holds: kinds, which are required, what groups rows, orders them in time and identifies one."""
    metric: str
    """Key of `Scores.metrics` that picks the best checkpoint."""
    starter: Starter
    """Model and data that every command takes when none is given."""
    limits: str
    """Markdown: what it is not for and where it fails. Shown in the model card and the About tab."""

    model: Part
    """The function that loads a model: `load(source, config, data) -> Model`.

    `source` (Path) is a local folder: a pretrained model (hub snapshot or starter) or the `model/` of a finished run.
    `data` (`TrainingData`) is there for what a pretrained model lacks (label set, vocabulary, catalogue); it is None
    for the folder of a finished run, and where an answer is wanted and `needs_rows` is False. Raises `SuiteError`.
    """
    scores: Part
    """What predictions are worth: a class like `Scores`, made with (config, model)."""
    demo: Part
    """The function that builds the Demo tab inside an open `gr.Blocks`: `build(predictor)`. Its module may import
    gradio, and imports torch in its handlers only: a page is built before anybody asks."""

    data: Part = parts.Data
    """How rows are read, checked and split: a class like `Data`, made with (domain, config)."""
    answers: Part = parts.Answers
    """How predictions are printed, written and compared: a class like `Answers`, made with (config)."""
    baselines: Part | None = None
    """What the model must beat: `baselines(model, splits, examples) -> Baselines`, for the test split's examples."""
    report: Part | None = None
    """Tables and figures beyond the metrics, for one data set whose checked rows are `rows`:
    `report(model, systems, rows, context) -> Iterable[Section]`. `systems` (a mapping of `Scored`) are named as in the
    table: "fine-tuned", "before fine-tuning", and the baselines on the test split; `context` is the `Baselines`' own,
    their `elsewhere` (None unless set) for other data sets than the test split."""
    demo_call: Part | None = None
    """An endpoint of the demo (a handler's `api_name`) and arguments that any model of this domain answers:
    `demo_call(predictor) -> (endpoint, arguments)`. They are sent over the network as any program would send them, a
    `Path` as a file. `suite space try` asks it, and the contract sees that the answer comes from `infer`. Without one
    both only start the demo."""

    Config: type[TrainConfig] = TrainConfig
    """The options of its runs: a subclass of `TrainConfig` where it has some of its own."""
    greater_is_better: bool = True
    """Whether a larger `metric` is the better one."""
    library: str = "transformers"
    """What loads a model folder without Suite, as the Hub names it."""
    pipeline_tag: str = ""
    """The Hub's word for the task, such as image-classification; "" where it has none."""
    needs_rows: bool = True
    """Whether a pretrained model lacks what only training rows can tell (labels, a catalogue) before it answers."""
    general: bool = False
    """Whether its starter is meant for anybody's files, and a run for those of one project: then the starter answers
    unless a run is named. Else the newest finished run does."""
    space: Space = field(default_factory=Space)
    """How a Space of the domain presents itself, and whether it asks for a lent GPU."""
    lora_targets: tuple[str, ...] = ()
    """Names of modules that get low-rank adapters; empty means the domain offers no LoRA."""

    def task(self, *layers: Mapping[str, Any], **options: Any) -> Task:
        """The domain with the options of `layers`, later ones above earlier ones, and `options` above all.

        Raises `SuiteError` for an option that won't do.
        """
        return Task(self, self.Config.build(*layers, options))


@dataclass(frozen=True)
class Task:
    """A domain with the options of one run: what training, evaluation and answering are given. Makes the parts."""

    domain: Domain
    config: Any

    @cached_property
    def data(self) -> parts.Data:
        """How rows are read, checked and split."""
        return _part(self.domain.data)(self.domain, self.config)

    @cached_property
    def answers(self) -> parts.Answers:
        """How predictions are printed, written and compared."""
        return _part(self.domain.answers)(self.config)

    @property
    def columns(self) -> Columns:
        """What a row holds."""
        return self.data.columns

    def load(self, source: Path, data: TrainingData | None) -> parts.Model:
        """The model of the folder `source`; with training rows what a pretrained one lacks is learnt from them."""
        load = _part(self.domain.model)
        with decoding(f"The model in {source}", MODEL):
            check_layers(source)
            model = load(source, self.config, data)
            absent = [name for name, weights in model.network.named_parameters() if weights.is_meta]
            if absent:  # diffusers leaves those that a file lacks without numbers
                raise SuiteError(f"The model in {source} lacks {', '.join(absent[:3])}; {MODEL}")
            return model

    def scores(self, model: parts.Model) -> parts.Scores:
        """What the answers of `model` are worth."""
        return _part(self.domain.scores)(self.config, model)

    def baselines(self, model: parts.Model, splits: Splits, examples: Sequence[Example]) -> Baselines:
        """What `model` must beat on `examples`, the test split's; none where the domain names none."""
        if self.domain.baselines is None:
            return Baselines({})
        return _part(self.domain.baselines)(model, splits, examples)

    def report(
        self, model: parts.Model, systems: Mapping[str, Scored], rows: Dataset, context: Any
    ) -> Iterable[Section]:
        """Sections beyond the table of metrics; none where the domain names no report."""
        if self.domain.report is None:
            return ()
        return _part(self.domain.report)(model, systems, rows, context)

    def demo(self, predictor: Any) -> None:
        """Builds the Demo tab inside an open `gr.Blocks`."""
        _part(self.domain.demo)(predictor)

    def demo_call(self, predictor: Any) -> tuple[str, Sequence[Any]]:
        """An endpoint of the demo and arguments it answers; an empty name where the domain names none."""
        return _part(self.domain.demo_call)(predictor) if self.domain.demo_call is not None else ("", ())


def _part(named: Part) -> Any:
    """The part itself, imported where it is named; a module that prints as it is imported spoils no answer."""
    if not isinstance(named, str):
        return named
    with aside():
        return resolve_name(named)
