"""What `suite DOMAIN evaluate` does."""

from __future__ import annotations

import json
from pathlib import Path

from suite.api import evaluate_run
from suite.console import result
from suite.domain.description import Domain
from suite.inference.predictor import finished_run
from suite.plugins.offers import Offer


def evaluate(
    offer: Offer, *, run: str, data: tuple[str, ...], slice_by: str, output: Path, settings: tuple[str, ...], form: str
) -> None:
    """Scores a finished run and prints the tables, or `evaluation.json`. Raises `SuiteError`."""
    domain: Domain = offer.load()
    options = domain.Config.parse_settings(settings)
    evaluation = evaluate_run(finished_run(run, domain.task(output=output)), domain, data, slice_by, options)
    result(json.dumps(evaluation, indent=2, ensure_ascii=False) if form == "json" else str(evaluation))
