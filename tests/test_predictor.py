"""Writing predictions, comparing golden ones, and the one path from a run to an answer."""

from __future__ import annotations

import csv
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from suite.domain.answers import close, inert, write_predictions
from suite.errors import SuiteError
from suite.inference.predictor import Predictor

PAIRS = [("a.x", {"text": "=1+1", "n": -2.5}), ("b.x", {"text": 'plain, "quoted"', "n": 3, "more": [1, {"k": "é"}]})]


@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_json_keeps_everything(tmp_path, ending):
    path = tmp_path / f"out.{ending}"
    write_predictions(PAIRS, path)
    text = path.read_text()
    found = json.loads(text) if ending == "json" else [json.loads(line) for line in text.splitlines()]
    assert found == [{"input": name, **prediction} for name, prediction in PAIRS]


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


def test_making_a_predictor_costs_nothing_and_says_what_would_answer(toy, tmp_path):
    toy.config.output = tmp_path
    predictor = Predictor(toy)
    assert predictor.run is None
    assert predictor.describe() == "**toy/letters**, not fine-tuned."


def test_the_starter_answers(toy, tmp_path):
    toy.config.output = tmp_path
    answers = Predictor(toy)([{"word": "area"}, {"word": "rhythm"}])
    assert [set(answer) for answer in answers] == [{"label", "vowels"}] * 2


def test_a_domain_that_needs_no_rows_is_given_none(toy, monkeypatch):
    given = []
    load = type(toy).load_model
    monkeypatch.setattr(
        type(toy), "load_model", lambda self, source, data: given.append(data) or load(self, source, data)
    )
    Predictor(toy)(toy.inputs("area"))
    monkeypatch.setattr(type(toy), "needs_rows", False)
    Predictor(toy)(toy.inputs("area"))
    assert given[0] is not None and given[1] is None


def test_a_model_tuned_beforehand_answers_without_any_rows(toy, tmp_path, monkeypatch):
    """Where the pretrained model alone has nothing to say; training starts from that one all the same."""
    from dataclasses import replace

    asset = replace(toy.starter.assets[0], name="toy/tuned")
    starter = replace(toy.starter, tuned="toy/tuned", assets=(*toy.starter.assets, asset))
    monkeypatch.setattr(type(toy), "starter", starter)
    monkeypatch.setattr(Predictor, "_training_rows", lambda self: pytest.fail("it needs no rows"))
    toy.config.output = tmp_path
    predictor = Predictor(toy)
    assert predictor.describe() == "**toy/tuned**, fine-tuned beforehand on toy-words."
    assert len(predictor([{"word": "area"}])) == 1
    assert Predictor(toy, "toy/letters").describe() == "**toy/letters**, not fine-tuned."


def test_one_model_is_loaded_at_a_time(toy, monkeypatch):
    loading, most = [], []

    def slow(predictor):
        loading.append(predictor)
        most.append(len(loading))
        time.sleep(0.05)
        loading.remove(predictor)
        predictor._model = torch.nn.Identity()

    monkeypatch.setattr(Predictor, "_load", slow)
    predictors = [Predictor(toy), Predictor(type(toy)())] * 2
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda predictor: predictor.model, predictors))
    assert most == [1, 1]  # each once, never two


def test_a_run_of_another_domain_is_refused(toy, tmp_path):
    from suite.runs import Run

    run = Run.create(tmp_path, "other", "x")
    run.set_status("finished", "other")
    with pytest.raises(SuiteError, match="is a run of other, not of toy"):
        _ = Predictor(toy, str(run.path)).model
