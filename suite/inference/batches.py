"""Examples through the inference path, batch by batch."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing

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
    for batch_indices, batch_examples, batch in _collated(model, examples, indices, accelerator):
        with torch.no_grad(), accelerator.autocast():
            predictions = model.infer(batch)
        _check_count(model, "infer", predictions, batch_examples)
        yield batch_indices, batch_examples, batch, predictions


def stream_batches(
    model: Model, examples: Sequence[Example], accelerator: Accelerator
) -> Generator[list[Prediction], None, None]:
    """The same predictions while they grow: of all batches so far, the last one's by `infer_stream`.

    Each piece may be asked for in another thread, whose torch knows nothing of modes set in the one before. Closing it
    closes the model's generator.
    """
    whole: list[Prediction] = []
    for _, batch_examples, batch in _collated(model, examples, range(len(examples)), accelerator):
        piece: list[Prediction] = []
        with closing(model.infer_stream(batch)) as pieces:
            while True:
                with torch.no_grad(), accelerator.autocast():
                    following = next(pieces, None)
                if following is None:
                    break
                piece = following
                _check_count(model, "infer_stream", piece, batch_examples)
                yield [*whole, *piece]
        _check_count(model, "infer_stream", piece, batch_examples)  # it may have given nothing at all
        whole += piece


def _collated(
    model: Model, examples: Sequence[Example], indices: Sequence[int], accelerator: Accelerator
) -> Iterator[tuple[list[int], list[Example], Batch]]:
    """Batches on the device, of the config's micro-batch size; nothing is left switched on between two of them."""
    size = batch_size(model)
    model.network.eval()
    for start in range(0, len(indices), size):
        batch_indices = list(indices[start : start + size])
        batch_examples = fetch(examples, batch_indices)
        with torch.no_grad():
            batch = send_to_device(model.collate(batch_examples), accelerator.device)
        yield batch_indices, batch_examples, batch


def _check_count(model: Model, method: str, predictions: Sequence[Prediction], examples: Sequence[Example]) -> None:
    if len(predictions) != len(examples):
        raise ValueError(
            f"{type(model).__name__}.{method} gave {len(predictions)} predictions for {len(examples)} examples."
        )


def batch_size(model: Model) -> int:
    """How many examples are answered at once."""
    size: int = model.config.micro_batch_size or min(model.config.batch_size, 32)
    return size


def by_length(model: Model, examples: Sequence[Example]) -> list[int]:
    """Example indices, alike lengths side by side: less padding, the same answers."""
    lengths = model.lengths(examples)
    return list(range(len(examples))) if lengths is None else [int(i) for i in np.argsort(lengths, kind="stable")]
