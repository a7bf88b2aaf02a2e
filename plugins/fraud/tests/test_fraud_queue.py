"""The analyst's queue and the page around it, with a toy in the model's place."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import numpy as np
from datasets import Dataset

from suite import Corrections
from suite_fraud import demo, queue
from suite_fraud.domain import FraudDomain
from suite_fraud.queue import Queue


def toy(label=(1, 0, 1, 0)) -> Queue:
    rows = Dataset.from_dict(
        {
            "time": [0.0, 60.0, 86_400.0, 86_460.0],
            "day": [0, 0, 1, 1],
            "entity": ["a", "b", "c", "d"],
            "amount": [100.0, 10.0, 50.0, 5.0],
            "label": list(label),
        }
    )
    return Queue(rows, "toy", np.array([0.3, 0.9, 0.8, 0.1]))


def test_the_first_of_each_day_come_with_the_most_suspicious_first():
    assert toy().first(1).tolist() == [1, 2]
    assert toy().first(2).tolist() == [1, 2, 0, 3]


def test_what_a_capacity_saves_and_misses():
    found = toy().outcome(1, review_cost=2)
    assert (found.money_saved, found.frauds_missed, found.money_missed) == (50 - 4, 1, 100)
    assert "**46 saved** by 1 looks a day" in demo._money(toy(), 1, 2)


def test_without_labels_nothing_is_promised():
    assert toy((-1,) * 4).outcome(1, review_cost=2) is None
    assert demo._money(toy((-1,) * 4), 1, 2) == "2 alerts. Without labels nobody can say what they save."


def test_a_decision_is_stored_with_what_was_said_before(tmp_path):
    domain = FraudDomain(FraudDomain.Config.build({"output": tmp_path}))
    predictor = SimpleNamespace(domain=domain, run=None)
    queue.decide(predictor, toy((-1, 0, 1, 0)), 0, fraud=True)
    (kept,) = Corrections("fraud", tmp_path).read()
    assert kept.row == {"time": "1970-01-01T00:00:00", "entity": "a", "amount": 100.0}
    assert (kept.before, kept.after) == ({"label": None, "probability": 0.3}, {"label": 1})
    assert (kept.source, kept.model) == ("toy", "fraud-network")


def test_the_page_is_built_without_a_model_and_without_a_warning():
    import gradio as gr

    with warnings.catch_warnings(), gr.Blocks() as page:
        warnings.simplefilter("error", UserWarning)
        demo.build(FraudDomain(), SimpleNamespace())
    names = {function.fn.__name__ for function in page.fns.values()}
    assert {"open_example", "open_file", "shown", "pick", "say_fraud", "say_fine"} <= names
