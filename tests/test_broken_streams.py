"""The promises of the contract about streams and losses by name, broken by a toy."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from suite_toy.domain import TOY
from suite_toy.model import ToyModel

from suite.testing import DomainContract

MODEL = Path(__file__).parent / "toy" / "suite_toy" / "starter" / "model"
ROWS = [{"word": "rhythm", "label": "consonants"}, {"word": "audio", "label": "vowels"}]


class Contract(DomainContract):
    """The contract, without a process of its own."""

    __test__ = False


def loaded(kind):
    """The toy with another model, as the contract's fixture gives it."""
    task = replace(TOY, model=kind.load).task()
    model = task.load(MODEL, None)
    model.network.eval()
    return task, model, ROWS


class Streaming(ToyModel):
    """Streams the answers twice, the first time half."""

    def infer_stream(self, batch):
        yield [{**answer, "vowels": 0.0} for answer in self.infer(batch)]
        yield self.infer(batch)


class Diverging(ToyModel):
    """Streams another answer than it gives."""

    def infer_stream(self, batch):
        yield [{**answer, "vowels": 2.0} for answer in self.infer(batch)]


class Runaway(Streaming):
    """Works on in a thread that nobody stops."""

    def infer_stream(self, batch):
        worker = threading.Thread(target=lambda: [(self.infer(batch), time.sleep(0.05)) for _ in range(10)])
        worker.start()
        yield self.infer(batch)
        worker.join()
        yield self.infer(batch)


@pytest.mark.parametrize(
    ("kind", "promised"),
    [(Diverging, "the last piece is what infer answers"), (Runaway, "a closed stream ends its work\n    seen: ")],
)
def test_a_broken_stream_is_told(kind, promised):
    with pytest.raises(pytest.fail.Exception) as caught:
        Contract().test_a_stream_ends_as_infer_answers(loaded(kind))
    assert promised in str(caught.value) and "read: suite.Model.infer_stream" in str(caught.value)
    Contract().test_a_stream_ends_as_infer_answers(loaded(Streaming))


def test_a_model_that_does_not_stream_has_nothing_to_keep():
    with pytest.raises(pytest.skip.Exception):
        Contract().test_a_stream_ends_as_infer_answers(loaded(ToyModel))


class Several(ToyModel):
    """Losses by name, of which one is minimised."""

    def loss(self, network, batch):
        loss = super().loss(network, batch)
        return {"loss": loss, "summed": loss * len(batch["labels"])}


def test_the_promise_of_the_loss_is_of_the_one_that_is_minimised():
    Contract().test_loss_is_a_mean_over_count(loaded(Several))
    assert torch.is_grad_enabled()
