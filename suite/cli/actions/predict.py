"""What `suite DOMAIN predict` does."""

from __future__ import annotations

from pathlib import Path

import click

from suite.domain.description import Domain
from suite.inference.answering import predict_all
from suite.plugins.offers import Offer


def predict(
    offer: Offer, *, inputs: tuple[str, ...], model: str, output: Path | None, settings: tuple[str, ...], form: str
) -> None:
    """Answers each input. What could not be answered is said at the end, with the status of a user's mistake."""
    domain: Domain = offer.load()
    task = domain.task(domain.Config.parse_settings(settings))
    failures = predict_all(task, inputs, model=model, output=output, form=form)
    for failure in failures:
        click.echo(f"Error: {failure}", err=True)
    if failures:
        raise click.exceptions.Exit(2)
