"""`suite fraud unlabelled`: a student taught what is odd, for a bank that has no labels yet."""

from __future__ import annotations

from pathlib import Path

import click

from suite import SuiteError
from suite_fraud.commands.options import columns_option, pairs, time_unit_option
from suite_fraud.config import FraudConfig

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
    from suite_fraud.serving.teach import teach_odd  # torch and scikit-learn: not for --help

    if output.exists():
        raise SuiteError(f"{output} exists already; give another folder with --output.")
    given = {"capacity": capacity, "columns": pairs(columns), "time_unit": time_unit, "seed": seed}
    student = teach_odd(file, FraudConfig.build(given), teacher)
    student.save(output)
    click.echo(
        f"{output}: learned from the {teacher}, whose order it follows to {student.about.fidelity['spearman']:.3f} "
        f"(Spearman). Odd is not fraud: look at the alerts, label them, then train.\n"
        f"suite fraud score {file} --model {output} --output alerts.csv"
    )
