"""`suite export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from suite.cli.options import action, runs_option


@click.command()
@click.argument("run", default="latest")
@click.option("--onnx", "folder", type=Path, required=True, metavar="FOLDER", help="Folder to write model.onnx into.")
@runs_option
def export(**options: Any) -> None:
    """Write a finished run's model as ONNX, checked against the model on its golden samples.

    RUN is its folder or name; left out, the newest finished one that was trained.
    """
    action("suite.cli.actions.export:export")(**options)
