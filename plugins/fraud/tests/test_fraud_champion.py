"""The contest: who is crowned, what ensembles are made of, and that the report says who won."""

from __future__ import annotations

import numpy as np
import pytest

from suite import Interval, sigmoid
from suite_fraud.evaluation import champion
from suite_fraud.evaluation.champion import NETWORK, Contest

LABEL = np.array([1, 1, 0, 0, 0, 0])
GOOD = np.array([0.9, 0.8, 0.3, 0.2, 0.1, 0.1])
FAIR = np.array([0.9, 0.2, 0.3, 0.2, 0.1, 0.1])
POOR = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])


def contest() -> Contest:
    rivals = Contest(LABEL, np.ones(6))
    rivals.enter(NETWORK, FAIR, FAIR)
    rivals.enter("trees", GOOD, POOR)
    rivals.enter("line", POOR, GOOD)
    return rivals


def test_validation_alone_crowns():
    rivals = contest()
    assert rivals.champion == "trees"
    assert rivals.scores["trees"] == 1.0
    assert rivals.ranking() == ["trees", NETWORK, "line"]


def test_ensembles_are_means_of_calibrated_log_odds_of_the_best():
    rivals = contest()
    rivals.join()
    assert rivals.members("best 2 joined") == ["trees", NETWORK]
    mean = (rivals.answers["trees"].validation + rivals.answers[NETWORK].validation) / 2
    assert rivals.answers["best 2 joined"].validation == pytest.approx(mean)
    assert rivals.champion == "trees"  # an ensemble that is no better takes no crown


def test_other_rows_are_answered_as_the_test_rows_were():
    rivals = contest()
    rivals.fits = {"trees": lambda x: POOR, "line": lambda x: GOOD}
    rivals.join()
    for name in ("trees", NETWORK, "best 3 joined"):
        assert rivals.answer(name, np.zeros((6, 1)), FAIR) == pytest.approx(rivals.test(name))
    assert sigmoid(rivals.answers["trees"].test) == pytest.approx(rivals.test("trees"))


def test_all_systems_are_fitted_on_the_training_rows_only():
    seen = {}

    def fit(name, x, y):
        seen[name] = (x.shape, y.tolist())
        return lambda asked: asked[:, 0]

    rivals = champion.hold(
        fit, ("a", "b"), (np.ones((2, 1)), np.array([0, 1])), (GOOD[:, None], LABEL, np.ones(6)), POOR[:, None],
        {"validation": FAIR, "test": FAIR},
    )  # fmt: skip
    assert seen == {"a": ((2, 1), [0, 1]), "b": ((2, 1), [0, 1])}
    assert set(rivals.answers) == {NETWORK, "a", "b", "best 2 joined", "best 3 joined"}


def test_the_verdict_is_honest_when_it_is_not_the_network():
    tested = {NETWORK: 0.6, "trees": 0.5, "line": 0.7}
    sure = champion.verdict(contest(), tested, Interval(-0.1, -0.2, 0.05))
    assert "(-0.100, 95 % interval -0.200 to +0.050 for the champion)" in sure
    text = champion.verdict(contest(), tested, Interval(-0.1, np.nan, np.nan))
    assert "crowns **trees**: average precision 1.000 there, 0.500 on the test days" in text
    assert "network alone has 0.600 on the test days (-0.100 for the champion)" in text
    assert "line would have been best there (0.700)" in text
    assert text.index("| trees |") < text.index(f"| {NETWORK} |") < text.index("| line |")
