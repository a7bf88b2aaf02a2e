"""`suite fraud unlabelled`: a student taught what is odd, for a bank that has no labels yet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from suite import SuiteError
from suite_fraud.commands.options import columns_option, pairs, time_unit_option

if TYPE_CHECKING:
    from suite_fraud.config import FraudConfig
    from suite_fraud.serving.student import Student

TEACHERS = ("isolation forest", "autoencoder")


@click.command(help="Learn what is odd in a file without labels; score files with what it writes.")
@click.argument("file", type=Path)
@click.option("--output", type=Path, required=True, help="New folder for the student.")
@click.option(
    "--teacher", type=click.Choice(TEACHERS), default=TEACHERS[0], show_default=True, help="What finds the odd ones."
)
@click.option("--capacity", type=click.IntRange(1), default=100, show_default=True, help="Alerts looked at per day.")
@columns_option
@time_unit_option
@click.option("--seed", type=int, default=42, show_default=True, help="Decides the teacher's random cuts or weights.")
def unlabelled(
    file: Path, output: Path, teacher: str, capacity: int, columns: tuple[str, ...], time_unit: str, seed: int
) -> None:
    """Prints how far the student's order is the teacher's, and how to go on."""
    from suite_fraud.config import FraudConfig

    if output.exists():
        raise SuiteError(f"{output} exists already; give another folder with --output.")
    given = {"capacity": capacity, "columns": pairs(columns), "time_unit": time_unit, "seed": seed}
    config = FraudConfig.build(given)
    found = teach(file, config, teacher)
    found.save(output)
    click.echo(
        f"{output}: learned from the {teacher}, whose order it follows to {found.about.fidelity['spearman']:.3f} "
        f"(Spearman). Odd is not fraud: look at the alerts, label them, then train.\n"
        f"suite fraud score {file} --model {output} --output alerts.csv"
    )


def teach(file: Path, config: FraudConfig, teacher: str) -> Student:
    """Trees that answer with the share of transactions less odd than this one; alerts are as many as the capacity.

    Labels of the file are not looked at. The fidelity is that on every tenth row, which the student did not learn from.
    """
    from scipy.stats import rankdata, spearmanr

    from suite_fraud.data import features
    from suite_fraud.data.rows import MOST_SPARE
    from suite_fraud.model import classical
    from suite_fraud.model import inputs as blocks
    from suite_fraud.serving import student as trees

    rows = blocks.read(file, config, config.columns)
    rows = replace(rows, label=np.full(len(rows), -1, np.int8))  # the risk features would tell of labels
    values = np.nan_to_num(features.compute(rows, windows=config.windows, delay=config.delay_days))
    x = values[:: max(1, -(-len(values) // MOST_SPARE))]
    odd = classical.fit(teacher, x, np.zeros(len(x)), seed=config.seed).predict(x)
    share = rankdata(odd) / (len(odd) + 1)
    kept = np.arange(len(x)) % 10 != 0
    per_day = max(len(rows) / (int(rows.days[-1]) + 1), 1.0)
    about = trees.About(
        windows=tuple(config.windows),
        delay=float(config.delay_days),
        columns=dict(config.columns),
        time_unit=rows.time_unit,
        teacher=teacher,
    )
    found = trees.Student.teach(x[kept], share[kept], about, seed=config.seed)
    answers = found.predict(x)
    threshold = float(np.quantile(answers, max(0.0, 1 - config.capacity / per_day)))
    fidelity = {"spearman": float(spearmanr(odd[~kept], answers[~kept]).statistic)}
    found.about = replace(about, threshold=threshold, fidelity=fidelity)
    return found
