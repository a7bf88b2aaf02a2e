"""What only this domain knows: its data, its rows, its figures."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from suite import SuiteError

from suite_forecasting.domain import ForecastingDomain as Tested
from suite_forecasting.domain import example
from suite_forecasting.model import NetworkConfig
from suite_forecasting.starter import shells

ROW = {"length": "6.1", "width": "3.2", "weight": "17", "place": "shore"}


def test_the_starter_has_as_many_of_each_kind():
    rows = list(shells(np.random.default_rng(0)))
    assert Counter(row[-1] for row in rows) == {"mussel": 120, "oyster": 120, "cockle": 120}
    weights = {kind: np.median([row[2] for row in rows if row[-1] == kind]) for kind in ("oyster", "cockle")}
    assert 50 < weights["oyster"] < 70 and 13 < weights["cockle"] < 17


def test_a_row_becomes_numbers_and_places():
    domain = Tested()
    domain.network = NetworkConfig(categories={"place": ["rocks", "shore"]}, labels=["cockle", "mussel"])
    batch = domain.collate([example(ROW) | {"label": "mussel"}, example(ROW | {"place": "moon"}) | {"label": "cockle"}])
    assert batch["numbers"].tolist()[0] == pytest.approx([6.1, 3.2, 17.0])
    assert batch["categories"].tolist() == [[2], [0]]
    assert batch["labels"].tolist() == [1, 0]


def test_metrics_are_means_over_examples():
    domain = Tested()
    sure = {"label": "mussel", "probabilities": {"mussel": 0.75, "oyster": 0.25}}
    scores = [domain.score(sure, "mussel"), domain.score(sure, "oyster")]
    stacked = {key: np.array([score[key] for score in scores]) for key in scores[0]}
    assert domain.metrics(stacked) == {"accuracy": 0.5, "confidence": 0.5}


@pytest.mark.parametrize("argument", ["missing.csv", "length=6.1", "length=x, width=3, weight=1, place=shore"])
def test_what_is_no_row_is_refused(argument):
    with pytest.raises(SuiteError):
        Tested().inputs(argument)
