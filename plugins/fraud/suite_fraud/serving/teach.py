"""A run's best system as a small LightGBM: taught at the end of each training, exported by `suite fraud student`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from suite_fraud.config import FraudConfig
    from suite_fraud.data.rows import Portfolio
    from suite_fraud.model.loading import Network
    from suite_fraud.serving.student import Student


def teach(network: Network, portfolio: Portfolio, config: FraudConfig) -> Student:
    """The champion's student, taught on rows that no system was trained on, and calibrated on the validation rows.

    A teacher's answers on its own training rows would be those of one who knows the answers.
    """
    from suite_fraud.data.rows import NUMBER
    from suite_fraud.evaluation import champion, report
    from suite_fraud.model.decisions import Platt, Thresholds, log_odds
    from suite_fraud.model.inputs import matrix
    from suite_fraud.serving import drift
    from suite_fraud.serving import student as trees

    contest, _ = report.compete(network, portfolio.splits, config)
    name = contest.champion
    numbers = tuple(network.config.extras)
    about = trees.About(
        windows=tuple(config.windows), delay=float(config.delay_days), numbers=numbers, columns=dict(config.columns),
        time_unit=portfolio.time_unit, teacher=name if name != champion.NETWORK else "network",
    )  # fmt: skip
    columns = [*network.config.features, *(NUMBER + one for one in numbers)]
    answers = contest.answer(
        name, report.numbers(portfolio.spare)[0], report.network_probabilities(network, portfolio.spare)
    )
    found = trees.Student.teach(matrix(portfolio.spare, columns), answers, about, seed=config.seed)
    raw = found.predict(matrix(portfolio.splits["validation"], columns))
    line = Platt.fit(log_odds(raw), contest.label)
    share = min(config.capacity / max(portfolio.per_day, 1.0), 1.0)
    found.about = replace(about, slope=line.slope, intercept=line.intercept)
    chance = found.predict(matrix(portfolio.splits["validation"], columns))
    chosen = Thresholds.choose(chance, contest.label, contest.amount, review_cost=config.review_cost, share=share)
    test = portfolio.splits["test"]
    fidelity = trees.fidelity(
        contest.test(name), found.predict(matrix(test, columns)), np.asarray(test.with_format("numpy")["label"])
    )
    found.about = replace(found.about, threshold=chosen.cost, fidelity=fidelity)
    x = matrix(portfolio.splits["train"], columns)
    found.training = drift.Training.of(found.about.names, x, found.predict(x))
    return found
