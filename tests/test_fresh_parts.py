"""Results travel as values: with parts that forget after each call, every figure is the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from suite_toy.domain import TOY
from suite_toy.model import ToyModel
from suite_toy.parts import ToyData, ToyScores

from suite import Answers
from suite.testing.fresh import FreshPart, fresh, keep_results, train_fresh
from suite.training.train import train

SETTINGS = {"epochs": 2, "ema": 0.9, "micro_batch_size": 3, "workers": 1}


def compare(domain, folder, **settings):
    """Trains twice, plainly and with parts that forget, and compares all that is left."""
    task = domain.task(SETTINGS, settings)
    config = task.config.model_copy(update={"output": folder / "plain"})
    plain = train(replace(task, config=config)).path
    keep_results(plain, train_fresh(task, folder / "fresh"), task)


@pytest.mark.parametrize("settings", [{}, {"lora": True, "also_evaluate": ["toy-words"]}])
def test_the_toy_trains_calibrates_evaluates_and_answers_alike(tmp_path, settings):
    compare(TOY, tmp_path, **settings)


class Counting(ToyModel):
    """Leaves on itself how often it varied an example, and lets the next variation depend on it."""

    varied = 0

    def augment(self, example, generator):
        self.varied += 1
        return super().augment(example, generator) if self.varied % 2 else example


class Hoarding(ToyModel):
    """Prepares rows once and answers with what it kept."""

    prepared = None

    def prepare(self, rows, stage):
        self.prepared = len(rows)
        return super().prepare(rows, stage)

    def infer(self, batch):
        answers = super().infer(batch)
        return [{**answer, "label": "vowels"} for answer in answers] if self.prepared else answers


class Reading(ToyData):
    """Splits otherwise once it has checked."""

    checked = False

    def check(self, rows):
        self.checked = True
        return super().check(rows)

    def split(self, rows):
        return super().split(rows.select(range(len(rows) // (2 if self.checked else 1))))


class Adding(ToyScores):
    """Counts what it scored, and divides by that."""

    scored = 0

    def score(self, prediction, reference):
        self.scored += 1
        return super().score(prediction, reference)

    def metrics(self, scores):
        return {"accuracy": float(scores["right"].sum()) / max(self.scored, 1)}


class Numbering(Answers):
    """Numbers the answers it prints."""

    number = 0

    def render(self, prediction):
        self.number += 1
        return f"{self.number}: {prediction['label']}"


@pytest.mark.parametrize(
    "parts",
    [
        {"model": Counting.load},
        {"model": Hoarding.load},
        {"data": Reading},
        {"scores": Adding},
        {"answers": Numbering},
    ],
    ids=lambda parts: getattr(next(iter(parts.values())), "__qualname__", ""),
)
def test_what_one_call_leaves_for_the_next_is_seen(tmp_path, parts):
    with pytest.raises(pytest.fail.Exception, match="with every method in a fresh instance"):
        compare(replace(TOY, **parts), tmp_path, workers=0)


def test_a_part_stands_for_itself_and_cannot_be_changed_from_outside(toy, toy_model, toy_rows):
    model = FreshPart(toy_model)
    assert model.network is toy_model.network and model.config is toy_model.config
    assert model.collate(toy_rows[:2]).keys() == {"input_ids", "labels"}
    assert isinstance(model.calibrate([1, 2], []), FreshPart) and model.calibrate([1, 2], []).validated == 2
    assert model.validated is None
    with pytest.raises(AttributeError, match="ToyModel.config is set from outside"):
        model.config = None
    assert fresh(TOY).task().columns is TOY.columns
