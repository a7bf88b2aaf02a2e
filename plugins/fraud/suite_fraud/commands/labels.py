"""`suite fraud labels`: a transaction table with what the analysts said of it, to train on."""

from __future__ import annotations

from pathlib import Path

import click

from suite_fraud.commands.options import columns_option, pairs


@click.command(help="Write a transaction table anew, with the labels that analysts gave in the demo; then train on it.")
@click.option("--data", "file", type=Path, required=True, help="The table the decisions are about: .csv or .parquet.")
@click.option("--output", type=Path, required=True, help="File to write: .csv or .parquet.")
@click.option("--runs", type=Path, default=Path("runs"), show_default=True, help="Folder that holds the decisions.")
@columns_option
def labels(file: Path, output: Path, runs: Path, columns: tuple[str, ...]) -> None:
    """Prints how many labels were new, and what to do next."""
    from suite_fraud.serving.labels import merge  # datasets and pandas: not for --help

    decided, changed = merge(file, output, runs, pairs(columns))
    click.echo(
        f"{decided:,} decisions found in {file.name}, {changed:,} of which changed a label: {output}. "
        f"Train on it with: suite fraud train --data {output}"
    )
