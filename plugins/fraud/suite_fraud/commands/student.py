"""`suite fraud student`: a small model taught by the network, for the scorer."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import click

from suite import SuiteError
from suite_fraud.commands.options import format_option, newest, runs_option


@click.command(help="Export a run's student: the best system of its report as a small LightGBM in text form.")
@click.option("--model", type=Path, help="Finished run; unset takes the newest that has a student.")
@runs_option
@click.option("--output", type=Path, help="New folder to copy it to; without, it is only described.")
@format_option
def student(model: Path | None, runs: Path, output: Path | None, form: str) -> None:
    """Prints how far its answers are its teacher's."""
    from suite_fraud.serving.student import Student, find  # LightGBM, with scikit-learn and SciPy: not for --help

    folder = find(model) if model else newest(runs)
    about = Student.load(folder).about
    if output is not None:
        if output.exists():
            raise SuiteError(f"{output} exists already; give another folder with --output.")
        shutil.copytree(folder, output)
    if form == "json":
        click.echo(json.dumps({"folder": str(output or folder), **asdict(about)}, indent=2, ensure_ascii=False))
        return
    kept = about.fidelity
    click.echo(
        f"{output or folder}: learned from {about.teacher}. On the test days its order agrees with the teacher's to "
        f"{kept['spearman']:.3f} (Spearman), {kept['overlap_top_1']:.0%} of the most suspicious 1 % are the same; "
        f"average precision {kept['student_average_precision']:.3f}, the teacher's "
        f"{kept['teacher_average_precision']:.3f}."
    )
