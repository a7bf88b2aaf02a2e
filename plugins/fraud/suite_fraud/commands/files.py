"""`suite fraud score`, `suite fraud drift` and `suite fraud simulate`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import click
import pyarrow.compute as pc

from suite_fraud.commands.options import columns_option, format_option, newest, pairs, runs_option, time_unit_option
from suite_fraud.data import stream
from suite_fraud.starter import simulate as simulator


@click.command(help="Score a CSV or Parquet file of any size with a run's student, and write its alerts with reasons.")
@click.argument("file", type=Path)
@click.option("--output", type=Path, required=True, help="File to write: .csv, .jsonl or .parquet.")
@click.option("--model", default="", help="Run or student folder; empty takes the newest run that has a student.")
@runs_option
@click.option("--threshold", type=click.FloatRange(0, 1), help="Least probability of an alert; unset is the student's.")
@click.option("--capacity", type=click.IntRange(1), help="Instead of --threshold: so many alerts a day.")
@click.option("--all", "everything", is_flag=True, help="Write all rows, alerts marked.")
@click.option("--history", type=Path, help="The same portfolio's earlier transactions, so that habits are known.")
@columns_option
@time_unit_option
def score(
    file: Path,
    output: Path,
    model: str,
    runs: Path,
    threshold: float | None,
    capacity: int | None,
    everything: bool,
    history: Path | None,
    columns: tuple[str, ...],
    time_unit: str,
) -> None:
    """Prints how many alerts there are and how fast it went."""
    # LightGBM, with scikit-learn and SciPy: not for --help.
    from suite_fraud.serving import score as scoring
    from suite_fraud.serving.student import Student

    choice = scoring.Choice(threshold=threshold, capacity=capacity, everything=everything)
    student = Student.load(Path(model) if model else newest(runs))
    if time_unit != "auto":
        student = replace(student, about=replace(student.about, time_unit=time_unit))
    done = scoring.score(file, output, student, choice=choice, history=history, columns=pairs(columns))
    click.echo(f"{done.alerts:,} alerts among {done.rows:,} transactions, {done.speed:,.0f} a second: {output}")


@click.command(help="Make up a portfolio of card transactions with known frauds, as the ULB handbook describes them.")
@click.option("--output", type=Path, required=True, help="File to write: .csv or .parquet.")
@click.option("--customers", type=click.IntRange(1), default=5_000, show_default=True, help="How many cards.")
@click.option("--terminals", type=click.IntRange(1), default=10_000, show_default=True, help="How many shops.")
@click.option("--days", type=click.IntRange(1), default=183, show_default=True, help="How many, from 1 April 2018 on.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed makes another portfolio.")
@click.option("--scenarios", is_flag=True, help="Add the kind of each fraud: 1 amount, 2 terminal, 3 customer.")
def simulate(output: Path, customers: int, terminals: int, days: int, seed: int, scenarios: bool) -> None:
    """Prints how many transactions and frauds there are."""
    stream.check_output(output)
    portfolio = simulator.Portfolio(customers=customers, terminals=terminals, days=days, seed=seed)
    table = simulator.simulate(portfolio, scenarios=scenarios)
    with stream.writing(output, table.schema) as writer:
        writer.write(table)
    click.echo(f"{len(table):,} transactions, {pc.sum(table['fraud']).as_py() or 0:,} frauds: {output}")


@click.command(help="Tell week by week how far a file moved from what a run was trained on, and whether to train anew.")
@click.argument("file", type=Path)
@click.option("--model", default="", help="Run or student folder; empty takes the newest run that has a student.")
@runs_option
@click.option("--history", type=Path, help="The same portfolio's earlier transactions, so that habits are known.")
@columns_option
@format_option
def drift(file: Path, model: str, runs: Path, history: Path | None, columns: tuple[str, ...], form: str) -> None:
    """Prints the population stability index (PSI) of scores and features, alerts, and the advice."""
    from suite_fraud.serving import drift as drifts  # LightGBM, with scikit-learn and SciPy: not for --help

    folder = Path(model) if model else newest(runs)
    report, start = drifts.of_file(file, folder, history=history, columns=pairs(columns))
    click.echo(json.dumps(drifts.to_json(report, start), indent=2) if form == "json" else drifts.render(report, start))
