"""`suite jobs run`: a training on Hugging Face's machines."""

from __future__ import annotations

from typing import Any

import click

from suite.cli.options import (
    Decorator,
    TrainingFlags,
    action,
    processes_option,
    training_options,
)
from suite.errors import SuiteError

IMAGE = "ghcr.io/astral-sh/uv:python3.12-bookworm"
"""What the hub's own client runs Python jobs in: Python and uv, no CUDA, which PyTorch's wheels bring themselves."""


def _refused(flag: str, why: str, **kind: Any) -> Decorator:
    """A flag of `train` that means nothing in a job; who gives it is told why instead of that it is unknown."""

    def refuse(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value is not None:
            raise SuiteError(f"{why}: leave out {flag}.")

    return click.option(flag, hidden=True, expose_value=False, callback=refuse, **kind)


@click.group(no_args_is_help=True)
def jobs() -> None:
    """Train on Hugging Face's machines, which are paid for by the minute."""


@jobs.command(short_help="Submit a training as a job.")
@click.argument("domain")
@click.argument("verb", type=click.Choice(["train"]), expose_value=False)
@training_options("DOMAIN")
@processes_option
@_refused("--resume", "A job begins a new run on one machine", is_flag=False, flag_value="latest")
@_refused("--rendezvous", "A job begins a new run on one machine")
@_refused("--nodes", "A job is one machine, which may have several GPUs", type=int)
@click.option("--flavor", default="a10g-small", show_default=True, help="Machine; 'hf jobs hardware' lists them.")
@click.option("--timeout", default="2h", show_default=True, help="When it is stopped: a number with s, m, h or d.")
@click.option(
    "--to",
    default="",
    metavar="OWNER/NAME",
    help="Private repository the model is pushed to.",
)
@click.option("--licence", default="", metavar="ID", help="As for 'suite push'.")
@click.option(
    "--install",
    multiple=True,
    metavar="REQUIREMENT",
    help="What is installed there, Suite or plugin; may be given again.",
)
@click.option("--image", default=IMAGE, show_default=True, help="Docker image with Python and uv.")
@click.option("--dry-run", is_flag=True, help="Show what would be submitted; submit nothing.")
def run(flags: TrainingFlags, **options: Any) -> None:
    """Submit `suite DOMAIN train …` as a job, with the options of that command.

    \b
    suite jobs run DOMAIN train --data owner/name --epochs 3 --timeout 2h
    """
    action("suite.cli.actions.jobs:run")(flags, **options)
