"""What only this domain knows: its windows, its scale, its figures."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from datasets import Dataset
from suite import SuiteError, resolve_model

from suite_forecasting.answers import steps
from suite_forecasting.config import Options
from suite_forecasting.domain import FORECASTING
from suite_forecasting.model import ForecastModel
from suite_forecasting.starter import MODEL
from suite_forecasting.windows import example, moment, ordered, windows


@pytest.fixture(scope="module")
def pretrained():
    """The starter's folder."""
    return resolve_model(MODEL.name, [MODEL])


def rows(count):
    return [{"series": "a", "time": time, "value": float(time)} for time in range(count)]


def test_a_window_is_what_came_before_and_what_came_after():
    series = ordered([*reversed(rows(7)), {"series": "b", "time": 0, "value": 1.0}])
    samples = list(windows(series, context=3, horizon=2, stride=2, least=2))
    assert [sample["history"] for sample in samples] == [[0.0, 1.0], [1.0, 2.0, 3.0]]
    assert [sample["future"] for sample in samples] == [[2.0, 3.0], [4.0, 5.0]]
    assert [(sample["series"], sample["time"], sample["end"]) for sample in samples] == [("a", 2, 3), ("a", 4, 5)]


def test_times_are_in_order_whoever_read_them():
    assert sorted(["10", "9", "-1"], key=moment) == ["-1", "9", "10"]
    assert sorted(["2014-01-10", "2014-01-09"], key=moment) == ["2014-01-09", "2014-01-10"]


def test_nothing_that_is_forecast_is_in_two_splits():
    task = FORECASTING.task(horizon=5, stride=1, validation_share=0.1, test_share=0.2)
    splits = task.data.split(Dataset.from_list(rows(200)))
    seen = {name: {value for future in part["future"] for value in future} for name, part in splits.items()}
    assert seen["train"] == set(range(32, 140))
    assert seen["validation"] == set(range(140, 160)) and seen["test"] == set(range(160, 200))


def test_too_short_a_series_is_refused():
    with pytest.raises(SuiteError, match="No series is long enough"):
        FORECASTING.task(horizon=14).data.split(Dataset.from_list(rows(60)))


def test_a_batch_is_scaled_by_its_history():
    model = ForecastModel(SimpleNamespace(width=64), Options(context=40))
    values = [10.0, 20.0] * 30
    batch = model.collate([example("a", values) | {"future": [25.0, 5.0]}])
    assert batch["observed"].sum().item() == 40 and batch["values"][0, -2:].tolist() == [0.0, 1.0]
    assert batch["scales"].tolist() == [[10.0, 10.0]] and batch["labels"].tolist() == [[1.5, -0.5]]
    assert "labels" not in model.collate([example("a", values)])


def test_errors_are_measured_in_steps_of_the_history():
    scores = FORECASTING.task().scores(None)
    reference = scores.reference({"history": [0.0, 2.0, 0.0], "future": [4.0, 8.0]})
    assert reference["step"] == 2.0
    prediction = {"series": "a", "low": [2.0, 2.0], "median": [2.0, 6.0], "high": [6.0, 6.0]}
    score = scores.score(prediction, reference)
    assert score == pytest.approx({"error": 1.0, "pinball": 0.4, "inside": 0.5})
    assert scores.metrics({key: np.array([value, value]) for key, value in score.items()})["mase"] == 1.0


def test_baselines_repeat_what_was():
    history = [float(value) for value in range(1, 41)]
    task = FORECASTING.task(horizon=3, season=4)
    model = ForecastModel(None, task.config)
    beaten = task.baselines(model, {}, [{"series": "a", "history": history}]).predictions
    assert {name: prediction["median"] for name, (prediction,) in beaten.items()} == {
        "last value": [40.0] * 3,
        "recent mean": [39.0] * 3,
        "season before": [37.0, 38.0, 39.0],
    }


def test_the_answers_are_fracasts_own_and_a_saved_model_loads_without_suite(pretrained, tmp_path):
    from fracast import FracastModel

    model = FORECASTING.task(horizon=5).load(pretrained, None)
    model.network.eval()
    wave = [float(10 + 5 * np.sin(step * np.pi / 12)) for step in range(120)]
    with torch.inference_mode():
        (ours,) = model.infer(model.collate([example("wave", wave)]))
    model.save(tmp_path / "model")
    theirs = FracastModel.from_pretrained(tmp_path / "model", weights="fp32").forecast(np.array(wave), horizon=5)
    assert ours["median"] == pytest.approx(np.sort(theirs, -1)[:, 4], abs=1e-4)
    assert ours["low"] == pytest.approx(np.sort(theirs, -1)[:, 0], abs=1e-4)
    assert FORECASTING.task(horizon=9).load(tmp_path / "model", None).network.horizon == 5  # what it was trained for


def test_a_csv_file_is_answered_series_by_series(tmp_path):
    lines = [f"{name},{time},{time}" for time in range(40) for name in ("b", "a")]
    (tmp_path / "two.csv").write_text("\n".join(["series,time,value", *lines]))
    first, second = ForecastModel(None, Options()).inputs(str(tmp_path / "two.csv"))
    assert (first["series"], second["series"]) == ("b", "a") and first["history"][-1] == 39.0
    prediction = {"series": "b", "low": [1.0], "median": [2.0], "high": [3.0]}
    FORECASTING.task().answers.write([("two.csv", prediction)], tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[1].endswith("b,1,1.0,2.0,3.0")
    assert steps(prediction) == [{"series": "b", "step": 1, "low": 1.0, "median": 2.0, "high": 3.0}]


@pytest.mark.parametrize("argument", ["missing.csv", "1, 2, 3", "1 2 e", ", ,"])
def test_what_is_no_series_is_refused(argument):
    with pytest.raises(SuiteError):
        ForecastModel(None, Options()).inputs(argument)
