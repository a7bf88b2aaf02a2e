"""Examples through the inference path, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device

from suite.data.examples import fetch
from suite.domain.base import Domain
from suite.domain.vocabulary import Batch, Example, Prediction


def predict_batches(
    domain: Domain,
    model: torch.nn.Module,
    examples: Sequence[Example],
    indices: Sequence[int],
    accelerator: Accelerator,
) -> Iterator[tuple[list[int], list[Example], Batch, list[Prediction]]]:
    """THE way predictions are made: collate, move, infer, in batches of the config's micro-batch size."""
    size = domain.config.micro_batch_size or min(domain.config.batch_size, 32)
    model.eval()
    with torch.no_grad():
        domain.before_evaluate(model)
        for start in range(0, len(indices), size):
            picked = list(indices[start : start + size])
            found = fetch(examples, picked)
            batch = send_to_device(domain.collate(found), accelerator.device)
            with accelerator.autocast():
                predictions = domain.infer(model, batch)
            if len(predictions) != len(found):
                raise ValueError(f"{domain.name}.infer gave {len(predictions)} predictions for {len(found)} examples.")
            yield picked, found, batch, predictions


def by_length(domain: Domain, examples: Sequence[Example]) -> list[int]:
    """Example indices, alike lengths side by side: less padding, the same answers."""
    lengths = domain.lengths(examples)
    return list(range(len(examples))) if lengths is None else [int(i) for i in np.argsort(lengths, kind="stable")]
