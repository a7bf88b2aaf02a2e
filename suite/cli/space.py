"""The commands `suite space build`, `try` and `push`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from suite.cli.options import action


@click.group(no_args_is_help=True)
def space() -> None:
    """A domain's demo as a Hugging Face Space: build the folder, try it, push it."""


@space.command(short_help="Write the folder of a Space.")
@click.argument("domain")
@click.option("--run", default="", help="Finished run whose model answers: its folder, its name, or latest.")
@click.option("--model", default="", metavar="OWNER/NAME@COMMIT", help="Model of the hub that answers.")
@click.option("--output", type=Path, help="Folder to write; default is DOMAIN-space.")
@click.option("--hardware", default="cpu-basic", show_default=True, help="What the Space asks for, such as zero-a10g.")
@click.option("--licence", default="", metavar="ID", help="Of the run's model, as for 'suite push'.")
@click.option("--from-index", is_flag=True, help="Require Suite by version, once it is on a package index.")
@click.option("--plain", is_flag=True, help="Leave Suite's own code out: for its own repository.")
def build(**options: Any) -> None:
    """Write the folder of a Space: card, app.py, requirements, Suite's code, and the model of a run.

    \b
    suite space build DOMAIN
    suite space build DOMAIN --run latest
    """
    action("suite.cli.actions.spaces:build")(**options)


@space.command("try")
@click.argument("folder", type=Path)
@click.option("--python", type=Path, help="Interpreter of an environment to use instead of a clean one.")
def try_(**options: Any) -> None:
    """Run a Space in a clean environment and ask it the domain's example."""
    action("suite.cli.actions.spaces:try_")(**options)


@space.command(short_help="Send a folder to the Hub as a Space.")
@click.argument("folder", type=Path)
@click.option("--to", default="", metavar="OWNER/NAME", help="The Space; default is your own of the folder's name.")
@click.option("--public", is_flag=True, help="Everybody may open it; without this only you.")
def push(**options: Any) -> None:
    """Send a folder to the Hub, replacing what the Space held; needs 'hf auth login'."""
    action("suite.cli.actions.spaces:push")(**options)
