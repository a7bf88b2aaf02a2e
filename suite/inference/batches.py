"""Examples through the inference path, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device

from suite.data.examples import fetch
from suite.domain.parts import Model
from suite.domain.vocabulary import Batch, Example, Prediction


def predict_batches(
    model: Model, examples: Sequence[Example], indices: Sequence[int], accelerator: Accelerator
) -> Iterator[tuple[list[int], list[Example], Batch, list[Prediction]]]:
    """THE way predictions are made: collate, move, infer, in batches of the config's micro-batch size.

    `indices` are numbers of `examples`, in the order in which they are to be answered. Each batch gives its indices,
    its examples, the batch on the device, and a prediction for each example. The caller has moved the network to the
    device and keeps what `refreshed` returned.
    """
    size = batch_size(model)
    model.network.eval()
    with torch.no_grad():
        for start in range(0, len(indices), size):
            batch_indices = list(indices[start : start + size])
            batch_examples = fetch(examples, batch_indices)
            batch = send_to_device(model.collate(batch_examples), accelerator.device)
            with accelerator.autocast():
                predictions = model.infer(batch)
            if len(predictions) != len(batch_examples):
                raise ValueError(
                    f"{type(model).__name__}.infer gave {len(predictions)} predictions for {len(batch_examples)} "
                    "examples."
                )
            yield batch_indices, batch_examples, batch, predictions


def batch_size(model: Model) -> int:
    """How many examples are answered at once."""
    size: int = model.config.micro_batch_size or min(model.config.batch_size, 32)
    return size


def by_length(model: Model, examples: Sequence[Example]) -> list[int]:
    """Example indices, alike lengths side by side: less padding, the same answers."""
    lengths = model.lengths(examples)
    return list(range(len(examples))) if lengths is None else [int(i) for i in np.argsort(lengths, kind="stable")]
