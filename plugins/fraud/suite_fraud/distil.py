"""A run's best system as a small LightGBM: taught at the end of each training, exported by `suite fraud student`."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from suite import SuiteError, log_odds
from suite_fraud.options import format_option, runs_option

if TYPE_CHECKING:
    from suite_fraud.config import FraudConfig
    from suite_fraud.network import Network
    from suite_fraud.rows import Portfolio
    from suite_fraud.student import Student


def teach(network: Network, portfolio: Portfolio, config: FraudConfig) -> Student:
    """The champion's student, taught on rows that no system was trained on, and calibrated on the validation rows.

    A teacher's answers on its own training rows would be those of one who knows the answers.
    """
    from suite_fraud import champion, drift, report
    from suite_fraud import student as trees
    from suite_fraud.blocks import matrix
    from suite_fraud.decisions import Thresholds, rising_line
    from suite_fraud.rows import NUMBER

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
    line = rising_line(log_odds(raw), contest.label)
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


@click.command(help="Export a run's student: the best system of its report as a small LightGBM in text form.")
@click.option("--model", type=Path, help="Finished run; unset takes the newest that has a student.")
@runs_option
@click.option("--output", type=Path, help="New folder to copy it to; without, it is only described.")
@format_option
def student(model: Path | None, runs: Path, output: Path | None, form: str) -> None:
    """Prints how far its answers are its teacher's."""
    from suite_fraud.commands import newest
    from suite_fraud.student import Student, find

    folder = find(model) if model else newest(runs)
    about = Student.load(folder).about
    if output is not None:
        if output.exists():
            raise SuiteError(f"{output} exists already; give another folder with --output.")
        shutil.copytree(folder, output)
    if form == "json":
        click.echo(json.dumps({"folder": str(output or folder), **asdict(about)}, indent=2, ensure_ascii=False))
        return
    kept = about.fidelity
    click.echo(
        f"{output or folder}: learned from {about.teacher}. On the test days its order agrees with the teacher's to "
        f"{kept['spearman']:.3f} (Spearman), {kept['overlap_top_1']:.0%} of the most suspicious 1 % are the same; "
        f"average precision {kept['student_average_precision']:.3f}, the teacher's "
        f"{kept['teacher_average_precision']:.3f}."
    )
