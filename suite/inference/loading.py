"""A model brought onto the device, checked against the golden samples stored with it, and ready to answer."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from accelerate import Accelerator

from suite.accelerator import make_accelerator
from suite.assets.resolve import resolve_model
from suite.data.load import load_splits
from suite.decoders import decoding
from suite.domain.description import MODEL, Task
from suite.domain.parts import Model
from suite.domain.vocabulary import Example, Prediction
from suite.inference import golden
from suite.inference.batches import predict_batches, stream_batches
from suite.runs import Run


@dataclass(frozen=True)
class LoadedModel:
    """A model on its device, with the task whose options it answers by."""

    task: Task
    model: Model
    accelerator: Accelerator

    def batches(self, examples: Sequence[Example]) -> Iterator[list[Prediction]]:
        """Predictions for `examples`, in order, batch by batch."""
        for *_, predictions in predict_batches(self.model, examples, range(len(examples)), self.accelerator):
            yield predictions

    def stream(self, examples: Sequence[Example]) -> Generator[list[Prediction], None, None]:
        """The same predictions while they grow."""
        return stream_batches(self.model, examples, self.accelerator)


def load_run(run: Run, own: Task, asked: Any, *, lent: Callable[..., Any]) -> LoadedModel:
    """The model of a finished run, answering by the options of `own`, the run's, and above them those `asked` for.

    Golden samples are compared before what is asked counts, where `lent` lends the device. Raises `SuiteError` where
    the model answers otherwise.
    """
    accelerator = make_accelerator(own.config)
    model = ready(own.load(run.model, None), accelerator)
    with decoding(f"The model in {run.path}", MODEL):  # a damaged one may load, and fail at its first answer
        lent(lambda: golden.check(run.path / "golden", own, model, accelerator))()
    config = own.config.model_copy(update={name: getattr(asked, name) for name in asked.model_fields_set})
    return LoadedModel(replace(own, config=config), model.with_config(config), accelerator)


def load_source(source: str, task: Task) -> LoadedModel:
    """A model that is no run's, by its name on the hub, its folder or a starter's name.

    It may lack labels or a catalogue: they come from the config's data, or the starter's.
    """
    accelerator, starter = make_accelerator(task.config), task.domain.starter
    known = source == starter.tuned or not task.domain.needs_rows
    data = None if known else load_splits(task)[1].training
    model = ready(task.load(resolve_model(source, starter.assets), data), accelerator)
    return LoadedModel(task, model, accelerator)


def ready(model: Model, accelerator: Accelerator) -> Model:
    """The model as it answers: in eval mode on the accelerator's device, and refreshed."""
    model.network.to(accelerator.device).eval()
    with torch.no_grad(), decoding("The model", MODEL):
        return model.refreshed()
