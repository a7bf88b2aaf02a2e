"""What `suite runs verify` does."""

from __future__ import annotations

import json

import click

from suite.console import result
from suite.inference.predictor import read_config
from suite.plugins.loader import load_plugins
from suite.runs import Run
from suite.training.verify import verify as verify_run


def verify(run: Run, *, steps: int, kills: int, form: str) -> None:
    """Verifies a run and prints the verdict. Raises `SuiteError`, and click's `Exit` with 1 where bits differ."""
    domain = load_plugins().domain(run.domain)
    verdict = verify_run(run, domain, read_config(run, domain), steps=steps, kills=kills)
    result(json.dumps(verdict.as_json(), indent=2) if form == "json" else verdict.render())
    raise click.exceptions.Exit(0 if verdict.equal else 1)
