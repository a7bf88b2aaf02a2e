"""The promise of the contract about verdicts, broken in the evaluation of a run that keeps it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from suite_toy.domain import TOY
from suite_toy.parts import ToyScores

from suite import Scored
from suite.evaluation.report import TUNED, strict, summarise
from suite.testing.runs import RunPromises


def summary():
    """What `evaluation.json` holds of a model and a baseline."""
    task = TOY.task()
    right = {"right": np.arange(40) % 2.0}
    systems = {name: Scored([{}] * 40, [None] * 40, right) for name in (TUNED, "majority")}
    return summarise(task, ToyScores(task.config, None), systems, None, "", {"majority": "nothing to tune"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda test: test["settings"].clear(), "how ['majority'] came to their settings"),
        (lambda test: test["settings"].update(majority=" "), "how ['majority'] came to their settings"),
        (lambda test: test["systems"]["majority"]["accuracy"].update(low=2, high=3), "holds accuracy of majority"),
        (lambda test: test["units"].clear(), "what every metric is resampled by"),
        (lambda test: test["watched"].update(speed=True), "the watched metrics in the table\n    seen: no ['speed']"),
    ],
)
def test_a_verdict_that_does_not_say_what_it_rests_on_is_told(tmp_path, change, said):
    evaluation = {"test": strict(summary())}
    (tmp_path / "evaluation.json").write_text(json.dumps(evaluation))
    RunPromises().test_verdicts_say_what_they_rest_on(tmp_path)
    change(evaluation["test"])
    (tmp_path / "evaluation.json").write_text(json.dumps(evaluation))
    with pytest.raises(pytest.fail.Exception) as caught:
        RunPromises().test_verdicts_say_what_they_rest_on(tmp_path)
    assert said in str(caught.value)
