"""What successive weeks are summed up to; the trainings themselves are the contract's business."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from suite import SuiteError
from suite_fraud.commands import prequential as command
from suite_fraud.config import FraudConfig
from suite_fraud.evaluation import prequential


def fold(network: float | None, trees: float | None, winner: str) -> dict:
    def metrics(value: float | None) -> dict:
        names = ("average_precision", "roc_auc", "card_precision_at_100")
        return {name: {"value": value} for name in names}

    return {
        "systems": {"fine-tuned": metrics(network), "trees": metrics(trees)},
        "sections": [
            {"title": "Who wins", "values": {"champion": winner}},
            {"title": "Optimism meter", "values": {"through_time": 0.5, "random": 0.7}},
        ],
    }


def test_the_champion_of_each_fold_is_a_row_of_its_own():
    summary = prequential.summary([fold(0.6, 0.8, "trees"), fold(0.7, 0.5, "fine-tuned")])
    values = summary["metrics"]["average_precision"]
    assert values == {"fine-tuned": [0.6, 0.7], "trees": [0.8, 0.5], prequential.CHAMPION: [0.8, 0.7]}
    text = prequential.render(summary)
    assert f"| {prequential.CHAMPION} | 0.750 | 0.800 | 0.700 |" in text
    assert "0.500 through time, 0.700 on a random split (+0.200)" in text
    assert "Means alone, without intervals: 2 folds are too few for a claim (20 are needed)." in text


def test_a_fold_that_fails_says_why(tmp_path):
    arguments = ["--data", str(tmp_path / "none.csv"), "--end", "30", "--folds", "1", "--output", str(tmp_path)]
    done = CliRunner().invoke(command.prequential, arguments)
    assert isinstance(done.exception, SuiteError)
    assert "The fold that ends on day 30 failed: " in str(done.exception) and "none.csv" in str(done.exception)


def test_what_is_not_defined_in_a_fold_is_left_out_of_the_mean():
    summary = prequential.summary([fold(None, 0.8, "trees"), fold(0.7, None, "trees")])
    text = prequential.render(summary)
    assert "| fine-tuned | 0.700 | – | 0.700 |" in text and "| trees | 0.800 | 0.800 | – |" in text
    assert text.index("| trees") < text.index("| fine-tuned")


def test_columns_reach_each_training_together(monkeypatch):
    asked = []
    monkeypatch.setattr(command, "evaluation", lambda given, *_: asked.append(given) or fold(0.6, 0.8, "trees"))
    arguments = ["--end", "30", "--folds", "1", "--columns", "entity=card", "--columns", "label=verdict"]
    CliRunner().invoke(command.prequential, arguments, catch_exceptions=False)
    assert asked == [["--columns", "entity=card,label=verdict"]]


def test_an_unknown_system_is_refused():
    assert FraudConfig.build({"systems": ["LightGBM"]}).systems == ["LightGBM"]
    with pytest.raises(SuiteError, match="'LigthGBM' is none of logistic regression, "):
        FraudConfig.build({"systems": ["LigthGBM"]})
