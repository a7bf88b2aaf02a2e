"""Predictions and scores of a set of examples: each example once, on one process or many, by one inference path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from suite.console import bar
from suite.domain.base import Domain
from suite.domain.vocabulary import Example, Prediction, Scored, Scores
from suite.inference.batches import by_length, predict_batches


def score_examples(
    domain: Domain, model: torch.nn.Module, examples: Sequence[Example], accelerator: Accelerator, description: str
) -> Scored:
    """Predicts and scores all examples on this process."""
    found: dict[int, tuple[Prediction, Any]] = {}
    with bar(description=description, total=len(examples), unit="ex") as progress:
        order = by_length(domain, examples)
        for indices, batch_examples, _, predictions in predict_batches(domain, model, examples, order, accelerator):
            for index, example, prediction in zip(indices, batch_examples, predictions, strict=True):
                found[index] = (prediction, domain.reference(example))
            progress.update(len(indices))
    pairs = [found[index] for index in range(len(examples))]
    return scored(domain, [prediction for prediction, _ in pairs], [reference for _, reference in pairs])


def scored(domain: Domain, predictions: list[Prediction], references: list[Any]) -> Scored:
    """Scores predictions made elsewhere, such as a baseline's."""
    rows = [domain.score(p, r) for p, r in zip(predictions, references, strict=True)]
    return Scored(predictions, references, stack(rows))


def stack(rows: Iterable[Mapping[str, Any]]) -> Scores:
    """One array per key from one dict per example."""
    held = list(rows)
    return {key: np.asarray([row[key] for row in held]) for key in held[0]} if held else {}


def validate(
    domain: Domain,
    model: torch.nn.Module,
    examples: Sequence[Example],
    accelerator: Accelerator,
    stop: Callable[[], bool],
) -> dict[str, float] | None:
    """Metrics and mean loss over all examples, shared out over the ranks; None when `stop()` cut it short.

    Every example is scored by exactly one rank; sums are taken over everything, so the number of ranks is not felt.
    """
    mine = by_length(domain, examples)[accelerator.process_index :: accelerator.num_processes]
    rows: list[tuple[int, Mapping[str, Any]]] = []
    losses: list[tuple[float, int]] = []
    for indices, found, batch, predictions in predict_batches(domain, model, examples, mine, accelerator):
        for index, example, prediction in zip(indices, found, predictions, strict=True):
            rows.append((index, domain.score(prediction, domain.reference(example))))
        if "labels" in batch:
            with torch.no_grad(), accelerator.autocast():
                losses.append((domain.loss(model, batch).item(), domain.count(batch)))
        if stop():
            break
    if accelerator.num_processes > 1:
        rows, losses = gather_object(rows), gather_object(losses)
    if len(rows) < len(examples):
        return None
    metrics = domain.metrics(stack(row for _, row in sorted(rows, key=lambda row: row[0])))
    items = sum(count for _, count in losses)
    if items:
        metrics = {"loss": sum(loss * count for loss, count in losses if count) / items} | metrics
    return metrics
