"""Writing predictions, comparing golden ones, and the one path from a run to an answer."""

from __future__ import annotations

import csv
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from suite_toy.domain import TOY
from suite_toy.model import ToyModel

from suite.domain.answers import close, inert, write_predictions
from suite.errors import SuiteError
from suite.evaluation.evaluate import evaluate
from suite.inference import loading
from suite.inference.answering import predict_all
from suite.inference.predictor import Predictor
from suite.runs import Run
from suite.training.train import train

PAIRS = [("a.x", {"text": "=1+1", "n": -2.5}), ("b.x", {"text": 'plain, "quoted"', "n": 3, "more": [1, {"k": "é"}]})]


@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_json_keeps_everything(tmp_path, ending):
    path = tmp_path / f"out.{ending}"
    write_predictions(PAIRS, path)
    text = path.read_text()
    records = json.loads(text) if ending == "json" else [json.loads(line) for line in text.splitlines()]
    assert records == [{"input": name, **prediction} for name, prediction in PAIRS]


def test_csv_makes_formulas_inert_and_leaves_numbers(tmp_path):
    write_predictions(PAIRS, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["text"] == "'=1+1" and float(rows[0]["n"]) == -2.5
    assert json.loads(rows[1]["more"]) == [1, {"k": "é"}]


@given(st.text())
def test_no_cell_begins_like_a_formula(text):
    assert not str(inert(text)).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(SuiteError, match="an ending of .json, .jsonl or .csv"):
        write_predictions(PAIRS, tmp_path / "out.xlsx")


def test_close_compares_structure_exactly_and_numbers_within_tolerance():
    value = {"text": "a", "scores": [0.5, 1000.0], "flag": True, "none": None}
    assert close(value, {"text": "a", "scores": [0.5004, 1000.4], "flag": True, "none": None}, tolerance=1e-3)
    for other in (
        {**value, "text": "b"},
        {**value, "scores": [0.5]},
        {**value, "scores": [0.6, 1000.0]},
        {**value, "flag": 1},
        {**value, "none": 0},
        {**value, "more": 1},
    ):
        assert not close(value, other, tolerance=1e-3)


@pytest.fixture
def apart(tmp_path):
    """The toy with a folder of runs of its own."""
    return TOY.task(output=tmp_path)


def test_making_a_predictor_costs_nothing_and_says_what_would_answer(apart):
    predictor = Predictor(apart)
    assert predictor.run is None and predictor.task is apart
    assert predictor.describe() == "**toy/letters**, not fine-tuned."


def test_the_starter_answers(apart):
    answers = Predictor(apart)([{"word": "area"}, {"word": "rhythm"}])
    assert [set(answer) for answer in answers] == [{"label", "vowels"}] * 2


def test_a_domain_that_needs_no_rows_is_given_none(tmp_path):
    given = []

    def load(source, config, data):
        given.append(data)
        return ToyModel.load(source, config, data)

    for needs_rows in (True, False):
        Predictor(replace(TOY, model=load, needs_rows=needs_rows).task(output=tmp_path)).answer("area")
    assert given[0] is not None and given[1] is None


def test_a_model_tuned_beforehand_answers_without_any_rows(tmp_path, monkeypatch):
    """Where the pretrained model alone has nothing to say; training starts from that one all the same."""
    asset = replace(TOY.starter.assets[0], name="toy/tuned")
    starter = replace(TOY.starter, tuned="toy/tuned", assets=(*TOY.starter.assets, asset))
    monkeypatch.setattr(loading, "load_splits", lambda task: pytest.fail("it needs no rows"))
    task = replace(TOY, starter=starter).task(output=tmp_path)
    predictor = Predictor(task)
    assert predictor.describe() == "**toy/tuned**, fine-tuned beforehand on toy-words."
    assert len(predictor([{"word": "area"}])) == 1
    assert Predictor(task, "toy/letters").describe() == "**toy/letters**, not fine-tuned."


def test_one_model_is_loaded_at_a_time(tmp_path):
    waiting, most = [], []

    def slow(source, config, data):
        waiting.append(source)
        most.append(len(waiting))
        time.sleep(0.05)
        waiting.remove(source)
        return ToyModel.load(source, config, data)

    task = replace(TOY, model=slow, needs_rows=False).task(output=tmp_path)
    predictors = [Predictor(task), Predictor(task)] * 2
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda predictor: predictor.model, predictors))
    assert most == [1, 1]  # each once, never two


def test_a_run_of_another_domain_is_refused(toy, tmp_path):
    run = Run.create(tmp_path, "other", "x")
    run.set_status("finished", "other")
    with pytest.raises(SuiteError, match="is a run of other, not of toy"):
        _ = Predictor(toy, str(run.path)).model


def test_a_runs_config_makes_another_task_and_what_was_asked_ranks_above_it(tmp_path):
    run = train(TOY.task(output=tmp_path, epochs=1, noise=0.4, batch_size=16))
    asked = TOY.task(batch_size=4)
    predictor = Predictor(asked, str(run.path))
    assert predictor.task is asked
    config = predictor.model.config
    assert (config.noise, config.batch_size, config.epochs) == (0.4, 4, 1)
    assert predictor.task.config is config and predictor.task.domain is TOY
    assert (asked.config.noise, asked.config.epochs) == (0.1, 4), "the task it was given is as it was"


def test_a_model_is_refreshed_once_when_it_is_loaded_and_answers_as_what_that_returned(tmp_path):
    @dataclass
    class Fresh(ToyModel):
        refreshes: int = 0

        def refreshed(self):
            assert not self.network.training and not torch.is_grad_enabled()
            return replace(self, refreshes=self.refreshes + 1)

        def infer(self, batch):
            return [{**answer, "refreshes": self.refreshes} for answer in super().infer(batch)]

    predictor = Predictor(replace(TOY, model=Fresh.load).task(output=tmp_path))
    for _ in range(2):
        (answer,) = predictor.answer("area")
        assert answer["refreshes"] == 1


class Headless(ToyModel):
    """Draws its head when it is loaded with training rows, as a pretrained model without one does."""

    heads: ClassVar[list[torch.Tensor]] = []

    @classmethod
    def load(cls, source, config, data):
        model = super().load(source, config, data)
        if data is not None:
            with torch.no_grad():
                model.network.head.weight.normal_()
            cls.heads.append(model.network.head.weight.detach().clone())
        return model


def test_before_fine_tuning_is_the_model_that_training_began_with_each_time(tmp_path):
    Headless.heads.clear()
    domain = replace(TOY, model=Headless.load)
    task = domain.task({"output": tmp_path, "max_steps": 2, "limit": 20})
    run = train(task)
    torch.manual_seed(99)
    evaluate(run, task)
    assert len(Headless.heads) == 3
    assert all(torch.equal(Headless.heads[0], head) for head in Headless.heads)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(TOY.task(max_steps=2, limit=20, output=tmp_path_factory.mktemp("runs")))


def test_the_newest_run_is_taken_aloud_and_every_answer_names_its_model(run, tmp_path, capsys):
    output = run.path.parents[1]
    predictor = Predictor(TOY.task(output=output))
    assert predictor.name == run.path.name
    predictor.answer("area")
    said = capsys.readouterr().err
    assert f"Answering: Fine-tuned in run {run.path.name}. It is the newest finished run of toy in {output}." in said
    written = tmp_path / "out.csv"
    predict_all(TOY.task(output=output), ("area",), model="", output=written, form="text")
    assert f",{run.path.name}\n" in written.read_text()
    predict_all(
        TOY.task(output=output), ("area",), model="toy/letters", output=written.with_suffix(".json"), form="text"
    )
    assert json.loads(written.with_suffix(".json").read_text())[0]["model"] == "toy/letters"


def test_a_general_starter_answers_unless_a_run_is_named(run, capsys):
    task = replace(TOY, general=True).task(output=run.path.parents[1])
    assert Predictor(task).run is None and Predictor(task).name == "toy/letters"
    assert Predictor(task, "latest").name == Predictor(task, run.path.name).name == run.path.name
    _ = Predictor(task).model
    assert f"To have run {run.path.name} answer, name it, or say latest." in capsys.readouterr().err
