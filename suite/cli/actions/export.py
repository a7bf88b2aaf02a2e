"""What `suite export` does."""

from __future__ import annotations

from pathlib import Path

from suite.console import result
from suite.inference.onnx import export_onnx
from suite.inference.predictor import latest_run
from suite.runs import Run


def export(*, run: str, folder: Path, output: Path) -> None:
    """Writes a run's model as ONNX and prints how far its outputs are from the model's. Raises `SuiteError`."""
    difference = export_onnx(latest_run(output) if run == "latest" else Run.open(run, output), folder)
    result(f"{folder / 'model.onnx'}: outputs differ from the model's by at most {difference:.1e}.")
