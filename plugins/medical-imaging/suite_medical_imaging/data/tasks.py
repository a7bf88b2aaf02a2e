"""What is asked of a picture: binary, multi-class, ordinal or multi-label; told from the rows or from the config."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from suite import SuiteError
from suite_medical_imaging.config import MedicalConfig

if TYPE_CHECKING:
    from datasets import Dataset

NEGATIVE = {
    "0",
    "absent",
    "benign",
    "control",
    "false",
    "healthy",
    "n",
    "negative",
    "no",
    "no finding",
    "none",
    "normal",
}
"""Names, in lower case, of what is not there: of two classes with one of these the other is the positive one."""
BETWEEN = "|"
"""What parts several findings in one cell, as in ChestX-ray14."""
_READ_BY = {
    "specificity": ("binary", "multi-label"),
    "prevalence": ("binary", "multi-label"),
    "coverage": ("binary", "multi-class", "ordinal"),
    "order": ("binary", "multi-class", "ordinal"),
}
"""Options that not every task reads."""
Reference = str | dict[str, float | None]


@dataclass(frozen=True)
class ImageTask:
    """Kind and classes. Of a binary task the second class is the positive one; an ordinal one's classes rise."""

    kind: str
    classes: tuple[str, ...]

    @property
    def many(self) -> bool:
        """Whether a picture may have several labels, each known or not."""
        return self.kind == "multi-label"

    def reference(self, row: Mapping[str, Any]) -> Reference:
        """A row's truth: its class, or per label 1, 0 or None. Raises `SuiteError` for a class never trained on."""
        if not self.many:
            return self._known(_named(row["label"]))
        if all(name in row for name in self.classes):
            return {name: _yes_or_no(row[name], name) for name in self.classes}
        present = {self._known(part) for part in _parts(row["label"])}
        return {name: float(name in present) for name in self.classes}

    def target(self, reference: Reference) -> list[float]:
        """A number per class: 1 for yes, 0 for no, NaN for unknown."""
        if isinstance(reference, dict):
            return [math.nan if (value := reference[name]) is None else value for name in self.classes]
        return [float(name == reference) for name in self.classes]

    def describe(self) -> str:
        """One sentence for the data check."""
        listed = ", ".join(self.classes[:12]) + (" …" if len(self.classes) > 12 else "")
        if self.kind == "binary":
            return f"Task: binary, {self.classes[1]!r} against {self.classes[0]!r}; other way round with order."
        meaning = {"ordinal": "in rising order", "multi-label": "each present or not"}.get(self.kind, "one of them")
        return f"Task: {self.kind}, {len(self.classes)} classes, {meaning}: {listed}."

    def to_json(self) -> dict[str, Any]:
        """As a model folder keeps it."""
        return {"kind": self.kind, "classes": list(self.classes)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ImageTask:
        """Back from `to_json`."""
        return cls(values["kind"], tuple(values["classes"]))

    def _known(self, name: str) -> str:
        if name not in self.classes:
            raise SuiteError(
                f"The class {name!r} is in the data to score but not in the training data, which have "
                f"{', '.join(self.classes)}; rename it, or put some of it into training."
            )
        return name


def task_of(rows: Dataset, config: MedicalConfig) -> ImageTask:
    """The task of labelled rows. Raises `SuiteError` when config and rows contradict each other."""
    task = _told(rows, config)
    for name, kinds in _READ_BY.items():
        value = getattr(config, name)
        if value != type(config).model_fields[name].get_default() and task.kind not in kinds:
            raise SuiteError(
                f"{name}={value} is for a task that is {' or '.join(kinds)}, and this one is {task.kind}; leave it out."
            )
    return task


def _told(rows: Dataset, config: MedicalConfig) -> ImageTask:
    if config.labels:
        return _of_columns(rows, config)
    names = labels_of(rows)
    several = config.task == "multi-label" or (not config.task and any(BETWEEN in name for name in names))
    if several:
        classes = {part for name in names for part in _parts(name)}
        if len(set(names)) < 2:
            raise _alone(min(names, default=""))
        return ImageTask("multi-label", tuple(_sorted(classes)))
    return _of_classes(set(names), config)


def refuse_unknown(rows: Dataset, task: ImageTask) -> None:
    """Raises `SuiteError` for a label that no row knows, since nothing could be learned about it."""
    if not task.many or "label" in rows.column_names:
        return
    for name in task.classes:
        if all(_yes_or_no(value, name) is None for value in rows[name]):
            raise SuiteError(
                f"The label column {name!r} is unknown in every training row; leave it out of labels, or fill some in."
            )


def labelled(rows: Dataset) -> Iterator[dict[str, Any]]:
    """The rows without their pictures, the label as text."""
    others = rows.remove_columns([name for name in ("image",) if name in rows.column_names])
    if "label" not in rows.column_names:
        yield from others
        return
    for row, label in zip(others, labels_of(rows), strict=True):
        yield row | {"label": label}


def labels_of(rows: Dataset) -> list[str]:
    """Each row's label as text; numbers of a hub data set's classes become the classes' names."""
    feature, values = rows.features["label"], rows["label"]
    if hasattr(feature, "int2str"):
        return [feature.int2str(value) for value in values]
    return [_named(value) for value in values]


def _of_columns(rows: Dataset, config: MedicalConfig) -> ImageTask:
    if config.task not in ("", "multi-label"):
        raise SuiteError(f"labels names columns of a multi-label table, but task={config.task}; drop one of the two.")
    if missing := [name for name in config.labels if name not in rows.column_names]:
        raise SuiteError(
            f"The data have no column {missing[0]!r}, named in labels; they have: {', '.join(rows.column_names)}."
        )
    return ImageTask("multi-label", tuple(config.labels))


def _of_classes(classes: set[str], config: MedicalConfig) -> ImageTask:
    listed = ", ".join(_sorted(classes))
    kind = config.task or ("ordinal" if len(config.order) > 2 else "binary" if len(classes) <= 2 else "multi-class")
    if len(classes) < 2:
        raise _alone(min(classes, default=""))
    if kind == "binary" and len(classes) > 2:
        raise SuiteError(
            f"task=binary, but the labels are {len(classes)}: {listed}; merge some, or set task=multi-class."
        )
    if config.order:
        return ImageTask(kind, _ordered(classes, config.order))
    if kind == "ordinal" and not all(_is_number(name) for name in classes):
        raise SuiteError(f"task=ordinal needs the classes' order: set order=[{listed}], from the least to the worst.")
    return ImageTask(kind, tuple(_sorted(classes, negative_first=kind == "binary")))


def _alone(label: str) -> SuiteError:
    return SuiteError(f"Every row has the label {label!r}: nothing to tell apart; give rows of a second class.")


def _ordered(classes: set[str], order: Sequence[str]) -> tuple[str, ...]:
    if unknown := classes - set(order):
        raise SuiteError(
            f"The class {min(unknown)!r} of the data is not in order={list(order)}; name every class once."
        )
    if len(set(order)) < len(order):
        raise SuiteError(f"order={list(order)} names a class twice; name every class once.")
    return tuple(name for name in order if name in classes)


def _sorted(names: Iterable[str], *, negative_first: bool = False) -> list[str]:
    """Numbers by value, words by alphabet; with `negative_first` what means "not there" leads."""

    def key(name: str) -> tuple[bool, bool, float, str]:
        positive = negative_first and name.lower() not in NEGATIVE
        return positive, not _is_number(name), float(name) if _is_number(name) else 0.0, name

    return sorted(names, key=key)


def _is_number(name: str) -> bool:
    try:
        return math.isfinite(float(name))
    except ValueError:
        return False


def _named(value: Any) -> str:
    """3 and 3.0 are one class."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _parts(value: Any) -> list[str]:
    return [part.strip() for part in str(value).split(BETWEEN) if part.strip()]


def _yes_or_no(value: Any, name: str) -> float | None:
    """1, 0 or unknown. CheXpert's -1 says uncertain, which is unknown here."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)) or value in (-1, "-1", "-1.0"):
        return None
    if str(value).strip().lower() in {"1", "1.0", "true"}:
        return 1.0
    if str(value).strip().lower() in {"0", "0.0", "false"}:
        return 0.0
    raise SuiteError(f"The label column {name!r} holds {value!r}; write 1 for yes, 0 for no, nothing for unknown.")


def answer(
    task: ImageTask, scores: Sequence[float], kept: Sequence[bool], thresholds: Sequence[float]
) -> dict[str, Any]:
    """One prediction from calibrated probabilities: what is called, how surely, and what cannot be ruled out.

    A binary task calls the positive class from its threshold on, a multi-label one each label, any other the most
    probable class. `confidence` is the probability of what was called; of labels, of the least sure call.
    """
    values = {name: round(float(score), 8) for name, score in zip(task.classes, scores, strict=True)}
    called = [score >= threshold for score, threshold in zip(scores, thresholds, strict=True)]
    if task.many:
        sure = min(score if yes else 1 - score for score, yes in zip(scores, called, strict=True))
        labels = [name for name, yes in zip(task.classes, called, strict=True) if yes]
        return {"label": labels, "probabilities": values, "confidence": round(float(sure), 8)}
    place = int(called[1]) if task.kind == "binary" else max(range(len(scores)), key=lambda c: scores[c])
    label = task.classes[place]
    left = [name for name, held in zip(task.classes, kept, strict=True) if held]
    return {"label": label, "probabilities": values, "confidence": values[label], "set": left}
