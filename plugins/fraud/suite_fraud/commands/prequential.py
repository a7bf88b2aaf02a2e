"""`suite fraud prequential`: the model scored fold after fold, as time passes."""

from __future__ import annotations

import json
from pathlib import Path

import click

from suite_fraud.commands.options import columns_option, format_option
from suite_fraud.config import FraudConfig
from suite_fraud.evaluation.prequential import evaluation, render, summary


@click.command(help="Train and test on successive weeks (prequential folds), all systems beside each other.")
@click.option("--data", default="", help="Data to learn from; empty is the starter.")
@columns_option
@click.option("--folds", type=click.IntRange(1, 52), default=4, show_default=True, help="How many weeks to test on.")
@click.option(
    "--end",
    type=click.IntRange(1),
    required=True,
    help="Day, counted from the first transaction, at which the last test ends.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any option of 'suite fraud options'; may be given again.",
)
@click.option("--output", type=Path, default=Path("runs"), show_default=True, help="Folder that receives the runs.")
@format_option
def prequential(
    data: str, columns: tuple[str, ...], folds: int, end: int, settings: tuple[str, ...], output: Path, form: str
) -> None:
    """Prints each metric's mean and its value in each fold, and what a random split would have made believe."""
    days = FraudConfig.build(FraudConfig.parse_settings(settings)).test_days
    given = ["--columns", ",".join(columns)] if columns else []
    given += [part for setting in settings for part in ("--set", setting)] + (["--data", data] if data else [])
    result = summary([evaluation(given, end - back * days, output) for back in range(folds - 1, -1, -1)])
    click.echo(json.dumps(result, indent=2) if form == "json" else render(result))
