"""The command `suite doctor`: what this machine and installation have, what is wrong, and the cure of each thing."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from suite.cli.checkup import examine, render
from suite.cli.options import format_option
from suite.console import result, say


@click.command()
@format_option
def doctor(form: str) -> None:
    """Check this machine and installation; each finding with its cure.

    Exits with 0 when nothing is broken, with 1 otherwise.
    """
    say("Looking at the installation; importing everything takes some 10 s.")
    checks = list(examine())
    if form == "json":
        result(json.dumps([asdict(check) for check in checks], indent=2))
    else:
        result(render(checks))
    if any(check.state == "broken" for check in checks):
        raise click.exceptions.Exit(1)
