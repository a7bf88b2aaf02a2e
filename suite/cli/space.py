"""The commands `suite space build`, `try` and `push`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from suite.cli.options import offline_option, quiet_option
from suite.console import duration, result, say
from suite.plugins.loader import load_plugins

SHOWN = 300  # characters of an answer: enough to see that it is one


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
@offline_option
@quiet_option
def build(
    domain: str,
    run: str,
    model: str,
    output: Path | None,
    hardware: str,
    licence: str,
    from_index: bool,
    plain: bool,
) -> None:
    """Write the folder of a Space: card, app.py, requirements, Suite's code, and the model of a run.

    \b
    suite space build DOMAIN
    suite space build DOMAIN --run latest
    """
    from suite.hub.spaces.build import Plan
    from suite.hub.spaces.build import build as write

    offer = load_plugins().find("suite_domains", domain)
    plan = Plan(offer, run, model, hardware, from_index, plain, licence)
    folder = write(plan, output or Path(f"{domain}-space"))
    result(str(folder))
    say(f"Look at it, then: suite space try {folder}")


@space.command("try")
@click.argument("folder", type=Path)
@click.option("--python", type=Path, help="Interpreter of an environment to use instead of a clean one.")
@quiet_option
def try_(folder: Path, python: Path | None) -> None:
    """Run a Space in a clean environment and ask it the domain's example."""
    from suite.hub.spaces.trying import try_space

    trial = try_space(folder, python=python)
    text = json.dumps(trial.answer, ensure_ascii=False)
    if trial.endpoint:
        result(f"{trial.endpoint}: {text if len(text) <= SHOWN else text[:SHOWN] + '…'}")
    say(f"It started in {duration(trial.started)} and answered in {trial.answered:.1f} s.")


@space.command(short_help="Send a folder to the Hub as a Space.")
@click.argument("folder", type=Path)
@click.option("--to", default="", metavar="OWNER/NAME", help="The Space; default is your own of the folder's name.")
@click.option("--public", is_flag=True, help="Everybody may open it; without this only you.")
@quiet_option
def push(folder: Path, to: str, public: bool) -> None:
    """Send a folder to the Hub, replacing what the Space held; needs 'hf auth login'."""
    from suite.hub.spaces.push import push as send

    result(send(folder, to=to, public=public))
