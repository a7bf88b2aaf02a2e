"""`suite export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite.cli.options import offline_option, quiet_option
from suite.console import result
from suite.inference.onnx import export_onnx

if TYPE_CHECKING:
    pass


@click.command()
@click.argument("run", default="latest")
@click.option("--onnx", "folder", type=Path, required=True, metavar="FOLDER", help="Folder to write model.onnx into.")
@click.option("--output", type=Path, default=Path("runs"), show_default=True, help="Folder the runs are in.")
@quiet_option
@offline_option
def export(run: str, folder: Path, output: Path) -> None:
    """Write a finished run's model as ONNX, checked against the model on its golden samples.

    RUN is its folder or name; left out, the newest finished one that was trained.
    """
    from suite.inference.predictor import latest_run
    from suite.runs import Run

    difference = export_onnx(latest_run(output) if run == "latest" else Run.open(run, output), folder)
    result(f"{folder / 'model.onnx'}: outputs differ from the model's by at most {difference:.1e}.")
