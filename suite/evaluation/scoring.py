"""Predictions and scores of a set of examples: each example once, on one process or many, by one inference path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from suite.console import bar
from suite.domain.losses import TOTAL, means, split_loss
from suite.domain.parts import Model, Scores
from suite.domain.vocabulary import Example, Prediction, Scored, Stacked
from suite.evaluation.units import coded_each
from suite.inference.batches import by_length, predict_batches


def score_examples(
    model: Model, scores: Scores, examples: Sequence[Example], accelerator: Accelerator, description: str
) -> Scored:
    """Predicts and scores all examples on this process, and notes what each is of."""
    answers: dict[int, tuple[Prediction, Any, Mapping[str, Any]]] = {}
    with bar(description=description, total=len(examples), unit="ex") as progress:
        order = by_length(model, examples)
        for indices, batch_examples, _, predictions in predict_batches(model, examples, order, accelerator):
            for index, example, prediction in zip(indices, batch_examples, predictions, strict=True):
                answers[index] = (prediction, scores.reference(example), scores.belongs(example))
            progress.update(len(indices))
    ordered = [answers[index] for index in range(len(examples))]
    result = scored(scores, [prediction for prediction, _, _ in ordered], [reference for _, reference, _ in ordered])
    return replace(result, units=coded_each([belongs for _, _, belongs in ordered]))


def scored(scores: Scores, predictions: list[Prediction], references: list[Any]) -> Scored:
    """Scores predictions made elsewhere, such as a baseline's."""
    rows = [scores.score(prediction, reference) for prediction, reference in zip(predictions, references, strict=True)]
    return Scored(predictions, references, stack(rows))


def stack(rows: Iterable[Mapping[str, Any]]) -> Stacked:
    """One array per key from one dict per example: of lists of several lengths one of arrays, an example each."""
    dicts = list(rows)
    return {key: _stacked([np.asarray(row[key]) for row in dicts]) for key in dicts[0]} if dicts else {}


def _stacked(values: list[np.ndarray]) -> np.ndarray:
    if len({value.shape for value in values}) == 1:
        return np.asarray(values)
    stacked = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):  # at once NumPy would look for a shape that they share in part
        stacked[place] = value
    return stacked


def validate(
    model: Model,
    scores: Scores,
    examples: Sequence[Example],
    accelerator: Accelerator,
    stop: Callable[[], bool],
) -> dict[str, float] | None:
    """Metrics and mean losses over all examples, shared out over the ranks; None when `stop()` cut it short.

    Every example is scored by exactly one rank; sums are taken over everything, so the number of ranks is not felt.
    """
    indices_here = by_length(model, examples)[accelerator.process_index :: accelerator.num_processes]
    rows: list[tuple[int, Mapping[str, Any]]] = []
    losses: list[tuple[dict[str, float], int]] = []
    for indices, batch_examples, batch, predictions in predict_batches(model, examples, indices_here, accelerator):
        for index, example, prediction in zip(indices, batch_examples, predictions, strict=True):
            rows.append((index, scores.score(prediction, scores.reference(example))))
        if "labels" in batch:
            with torch.no_grad(), accelerator.autocast():
                loss, named = split_loss(model.loss(model.network, batch))
            losses.append(({TOTAL: loss.item()} | {name: n.item() for name, n in named.items()}, model.count(batch)))
        if stop():
            break
    if accelerator.num_processes > 1:
        rows, losses = gather_object(rows), gather_object(losses)
    if len(rows) < len(examples):
        return None
    stacked = stack(row for _, row in sorted(rows, key=lambda row: row[0]))
    metrics = scores.metrics(scores.joint(Scored([], [], stacked)))
    sums: dict[str, tuple[float, int]] = {}
    for numbers, count in losses:
        for name, number in numbers.items() if count else ():
            total, items = sums.get(name, (0.0, 0))
            sums[name] = (total + number * count, items + count)
    return means(sums) | metrics
