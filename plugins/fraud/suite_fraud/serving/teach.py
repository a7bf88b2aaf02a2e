"""A small LightGBM that answers like something dearer: a run's best system, or, without labels, what is odd."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.stats import rankdata, spearmanr

from suite import column, log_odds
from suite_fraud.config import FraudConfig
from suite_fraud.data import features
from suite_fraud.data.rows import MOST_SPARE, NUMBER, Portfolio, read_file
from suite_fraud.evaluation import champion, report
from suite_fraud.model import classical
from suite_fraud.model.decisions import Thresholds, rising_line
from suite_fraud.model.inputs import matrix
from suite_fraud.model.loading import Network
from suite_fraud.serving.spread import Training
from suite_fraud.serving.student import About, Student, fidelity


def teach(network: Network, portfolio: Portfolio, config: FraudConfig) -> Student:
    """The champion's student, taught on rows that no system was trained on, and calibrated on the validation rows.

    A teacher's answers on its own training rows would be those of one who knows the answers.
    """
    contest = report.compete(network, portfolio.splits, config)
    name = contest.champion
    numbers = tuple(network.config.extras)
    columns = [*network.config.features, *(NUMBER + number for number in numbers)]
    x = {split: matrix(rows, columns) for split, rows in {**portfolio.splits, "spare": portfolio.spare}.items()}
    answers = contest.answer(
        name, report.numbers(portfolio.spare)[0], report.network_probabilities(network, portfolio.spare)
    )
    about = About(
        windows=tuple(config.windows), delay=float(config.delay_days), numbers=numbers, columns=dict(config.columns),
        time_unit=portfolio.time_unit, teacher=name if name != champion.NETWORK else "network",
    )  # fmt: skip
    student = Student.teach(x["spare"], answers, about, seed=config.seed)
    line = rising_line(log_odds(student.predict(x["validation"])), contest.label)
    student = replace(student, about=replace(about, slope=line.slope, intercept=line.intercept))
    share = min(config.capacity / max(portfolio.per_day, 1.0), 1.0)
    chosen = Thresholds.choose(
        student.predict(x["validation"]), contest.label, contest.amount, review_cost=config.review_cost, share=share
    )
    label = column(portfolio.splits["test"], "label").to_numpy()
    alike = fidelity(contest.test(name), student.predict(x["test"]), label)
    return replace(
        student,
        about=replace(student.about, threshold=chosen.cost, fidelity=alike),
        training=Training.of(about.names, x["train"], student.predict(x["train"])),
    )


def teach_odd(file: Path, config: FraudConfig, teacher: str) -> Student:
    """Trees that answer with the share of transactions less odd than this one; alerts are as many as the capacity.

    `teacher` names a system that needs no labels; those of the file are not looked at. The fidelity is that on every
    tenth row, which the student did not learn from.
    """
    rows = read_file(file, config, config.columns)
    rows = replace(rows, label=np.full(len(rows), -1, np.int8))  # the risk features would tell of labels
    values = np.nan_to_num(features.compute(rows, windows=config.windows, delay=config.delay_days))
    x = values[:: max(1, -(-len(values) // MOST_SPARE))]
    odd = classical.fit(teacher, x, np.zeros(len(x)), seed=config.seed).predict(x)
    share = rankdata(odd) / (len(odd) + 1)
    kept = np.arange(len(x)) % 10 != 0
    per_day = max(len(rows) / (int(rows.days[-1]) + 1), 1.0)
    about = About(
        windows=tuple(config.windows),
        delay=float(config.delay_days),
        columns=dict(config.columns),
        time_unit=rows.time_unit,
        teacher=teacher,
    )
    student = Student.teach(x[kept], share[kept], about, seed=config.seed)
    answers = student.predict(x)
    threshold = float(np.quantile(answers, max(0.0, 1 - config.capacity / per_day)))
    alike = {"spearman": float(spearmanr(odd[~kept], answers[~kept]).statistic)}
    return replace(student, about=replace(about, threshold=threshold, fidelity=alike))
