"""`suite push`."""

from __future__ import annotations

from typing import Any

import click

from suite.cli.options import action, runs_option


@click.command()
@click.argument("run", default="latest")
@click.option("--to", default="", metavar="OWNER/NAME", help="Repository; else yours, called after domain and run.")
@click.option("--public", is_flag=True, help="Let everybody see it; else it is private.")
@click.option("--licence", default="", metavar="ID", help="The Hub's word for a licence; else that of the base model.")
@runs_option
def push(**options: Any) -> None:
    """Push a finished run's model to the Hugging Face Hub, private unless told otherwise.

    RUN is its folder or name; left out, the newest finished one that was trained.

    The model folder, its card with the results, the config without paths and, where they may travel, the golden
    samples. It is downloaded again afterwards and must give the answers it gave here.
    """
    action("suite.cli.actions.push:push")(**options)
