"""What a training run can be told: one typed model behind flags, YAML, `--set`, forms and docs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from suite.decoders import decoding
from suite.errors import SuiteError, unknown


def only_with(*given: str, **values: Sequence[str]) -> dict[str, Any]:
    """For `Field(json_schema_extra=…)`: the option is read only where the options `given` are set, and where those
    named in `values` have one of the values. Elsewhere it is an error to give it.

    >>> only_with("lora")
    {'only_with': {'lora': []}}
    >>> only_with(objective=["sampled", "gbce"])
    {'only_with': {'objective': ['sampled', 'gbce']}}
    """
    return {"only_with": {name: [] for name in given} | {name: list(listed) for name, listed in values.items()}}


class TrainConfig(BaseModel):
    """Everything that decides a run. A domain subclasses it to add knobs of its own."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    changeable: ClassVar[frozenset[str]] = frozenset(
        {"also_evaluate", "callbacks", "workers", "log_every", "save_every", "keep_checkpoints", "max_rejected"}
    )
    """Options that a stopped run may be given anew when it goes on, for no weight depends on them. A domain adds those
    of its own that only scoring, reports and answers read: `changeable = TrainConfig.changeable | {…}`."""
    replaced: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Options of every run that this domain does not read, each with the one of its own that stands in its place."""

    model: str = Field("", description="Model to start from: hub id, local folder, finished run; empty is the starter.")
    data: str = Field("", description="Data to learn from: hub id, folder, file or starter name; empty is the starter.")
    columns: dict[str, str] = Field({}, description="Which column of the data holds what, such as text=sentence.")
    output: Path = Field(Path("runs"), description="Folder that receives the run's own folder.")
    name: str = Field("", description="Name of the run, added to its time stamp.")
    seed: int = Field(42, ge=0, description="Decides splits, order of examples, dropout and augmentation.")

    epochs: float = Field(3.0, gt=0, description="Passes over the training examples.")
    max_steps: int | None = Field(None, ge=1, description="Stop after so many optimizer steps, whatever the epochs.")
    batch_size: int = Field(16, ge=1, description="Examples per optimizer step, over all processes.")
    micro_batch_size: int | None = Field(
        None, ge=1, description="Examples per forward pass and process; unset means the whole batch's share."
    )
    learning_rate: float = Field(1e-4, gt=0, description="Peak learning rate of AdamW.")
    schedule: Literal["cosine", "linear", "constant"] = Field("cosine", description="Learning rate after the warm-up.")
    warmup: float = Field(0.1, ge=0, lt=1, description="Share of the steps over which the learning rate rises.")
    weight_decay: float = Field(0.01, ge=0, description="AdamW's decoupled weight decay; none on biases and norms.")
    clip_norm: float = Field(1.0, gt=0, description="Largest gradient norm; larger ones are scaled down to it.")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="Arithmetic of forward and backward; auto is bf16 on a GPU that has it, else fp32."
    )
    ema: float = Field(0.0, ge=0, lt=1, description="Decay of the averaged weights that are kept; 0 keeps the last.")
    freeze: list[str] = Field([], description="Parameters left as they are: name patterns such as model.encoder.*.")
    gradient_checkpointing: bool = Field(False, description="Trade a third more time for much less memory.")
    compile: bool = Field(False, description="Compile the model with torch.compile.")
    deterministic: bool = Field(
        False, description="The same bits each time on a GPU too, where that costs time; a CPU repeats itself always."
    )

    lora: bool = Field(False, description="Train low-rank adapters instead of all weights.")
    lora_rank: int = Field(32, ge=1, json_schema_extra=only_with("lora"), description="Rank of the adapters.")
    lora_alpha: float = Field(
        64.0,
        gt=0,
        json_schema_extra=only_with("lora"),
        description="Scale of the adapters; the update is alpha / rank.",
    )
    lora_dropout: float = Field(
        0.05, ge=0, lt=1, json_schema_extra=only_with("lora"), description="Dropout before the adapters."
    )
    lora_targets: list[str] = Field(
        [],
        json_schema_extra=only_with("lora"),
        description="Modules that get adapters; empty takes the domain's choice.",
    )

    validation_share: float = Field(0.1, gt=0, lt=0.5, description="Share of the data that picks the checkpoint.")
    test_share: float = Field(0.1, gt=0, lt=0.5, description="Share of the data that is only scored at the end.")
    also_evaluate: list[str] = Field(
        [], description="Other data scored before and after, to see what was forgotten or carries over."
    )
    limit: int | None = Field(None, ge=2, description="Use only so many rows of each split: for a quick try.")
    max_rejected: float = Field(0.1, ge=0, le=1, description="Share of unusable rows above which a run won't start.")
    evaluate_every: int = Field(0, ge=0, description="Steps between evaluations; 0 evaluates after each epoch.")
    save_every: int = Field(0, ge=0, description="Steps between checkpoints besides those at evaluations; 0 for none.")
    log_every: int = Field(10, ge=1, description="Steps between lines in metrics.jsonl.")
    patience: int = Field(0, ge=0, description="Evaluations without improvement before stopping; 0 never stops early.")
    keep_checkpoints: int = Field(2, ge=2, description="Checkpoints kept besides the best one.")
    workers: int = Field(0, ge=0, description="Processes that load examples; 0 loads in the training process.")
    callbacks: list[str] | None = Field(
        None, description="Callbacks and trackers by name; unset is trackio where it is installed, [] nobody."
    )

    @classmethod
    def build(cls, *layers: Mapping[str, Any]) -> Self:
        """Merges `layers`, later ones first in rank, and checks the result.

        Raises `SuiteError` with a sentence for each option that won't do: the nearest field for an unknown key, the
        reason for a bad value.
        """
        values = {key: value for layer in layers for key, value in layer.items()}
        problems = _unknown_options([key for key in values if key not in cls.model_fields], cls.model_fields)
        try:
            config = cls(**{key: value for key, value in values.items() if key in cls.model_fields})
        except ValidationError as error:
            problems += [_problem(details) for details in error.errors()]
        else:
            problems += config._unread()
        if problems:
            raise SuiteError(" ".join(problems))
        return config

    def _unread(self) -> list[str]:
        """A sentence for each option that is given, and that nothing would read beside the others."""
        problems, values = [], dict(self)
        for name, field in type(self).model_fields.items():
            extra: Any = field.json_schema_extra or {}
            own = values[name]
            if own == field.get_default(call_default_factory=True):
                continue
            if name in self.replaced:
                problems.append(f"{name}={own!r} is not read here; give {self.replaced[name]} instead.")
            for other, listed in extra.get("only_with", {}).items():
                beside = values[other]
                if beside not in listed if listed else not beside:
                    wanted = f"{other}={' or '.join(listed)}" if listed else f"{other} set"
                    problems.append(
                        f"{name}={own!r} is read only with {wanted}, and {other} is {beside!r}; change that, or leave "
                        f"{name} out."
                    )
        return problems

    @classmethod
    def from_file(cls, path: Path) -> dict[str, Any]:
        """The values in a YAML file, unchecked. Raises `SuiteError` if it is not a YAML mapping."""
        with decoding(f"The config {path}", "give lines such as 'epochs: 3', in YAML."):
            values = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
        if values is None:
            return {}
        if not isinstance(values, dict):
            raise SuiteError(f"The config {path} holds a {type(values).__name__}; give lines such as 'epochs: 3'.")
        return values

    @classmethod
    def parse_settings(cls, settings: Sequence[str]) -> dict[str, Any]:
        """Turns `["epochs=3", "freeze=[a,b]"]` into values; each right side is read as YAML."""
        values: dict[str, Any] = {}
        for setting in settings:
            key, equals, text = setting.partition("=")
            if not equals:
                raise SuiteError(f"--set {setting!r} has no '='; write --set epochs=3.")
            values[key.strip()] = text
            with suppress(SuiteError), decoding(setting):  # what is no YAML is a text
                values[key.strip()] = yaml.safe_load(text)
        return values

    def to_yaml(self) -> str:
        """The whole config as YAML; `from_file` of it rebuilds the same config."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _unknown_options(names: Sequence[str], known: Iterable[str]) -> list[str]:
    """A sentence for each unknown name; only the last is followed by all that are known."""
    sentences = [str(unknown("option", name, known)) for name in names]
    return [sentence.partition(" Known: ")[0] for sentence in sentences[:-1]] + sentences[-1:]


def _problem(details: ErrorDetails) -> str:
    """One of pydantic's findings as a sentence: which option, what was given, and the reason in its own words."""
    option = ".".join(str(part) for part in details["loc"])
    given = f"{option}={details['input']!r}" if option else "These options together"
    reason = details["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{given} won't do: {reason}."
