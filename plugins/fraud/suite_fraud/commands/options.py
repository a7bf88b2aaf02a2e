"""Options that several commands of the plugin share."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from suite import SuiteError
from suite_fraud.config import Unit
from suite_fraud.data.columns import COLUMNS

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


def pairs(given: tuple[str, ...]) -> dict[str, str]:
    """OURS=THEIRS, one a text or several between commas, as a mapping.

    Raises `SuiteError` for what is none, or is no column of ours.
    """
    parts = [part.partition("=") for text in given for part in text.split(",")]
    mapping = {ours.strip(): theirs.strip() for ours, _, theirs in parts}
    for ours, theirs in mapping.items():
        if ours not in COLUMNS.names or not theirs:
            known = ", ".join(COLUMNS.names)
            raise SuiteError(f"--columns {ours}={theirs} is not OURS=THEIRS; ours are {known}.")
    return mapping


def newest(runs: Path) -> Path:
    """The newest run below `runs` that has a student, named aloud. Raises `SuiteError` if there is none."""
    from suite_fraud.serving.student import ABOUT  # LightGBM, with scikit-learn and SciPy: not for --help

    made = {path.parent: path.stat().st_mtime for path in runs.glob(f"fraud/*/**/{ABOUT}")}
    if not made:
        raise SuiteError(
            f"No run in {runs} has a student model; make one with: suite fraud student, or name one with --model."
        )
    folder = max(made, key=lambda folder: made[folder])
    click.echo(f"Taking the newest student: {folder}.", err=True)
    return folder
