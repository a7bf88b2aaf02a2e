"""Options that several commands of the plugin share."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from suite_fraud.parsing import Unit

columns_option = click.option(
    "--columns", multiple=True, metavar="OURS=THEIRS", help="Which column holds what; may be given again."
)
time_unit_option = click.option(
    "--time-unit", type=click.Choice(get_args(Unit)), default="auto", help="Unit of times that are numbers."
)
runs_option = click.option("--runs", type=Path, default=Path("runs"), show_default=True, help="Folder the runs are in.")
format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Output form.",
)
