"""The commands that only look: `suite list` and `suite runs`."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from suite.cli.options import (
    action,
    force_option,
    format_option,
    runs_option,
)
from suite.console import duration, plain, result, say, table
from suite.decoders import decoding
from suite.errors import SuiteError
from suite.plugins.loader import load_plugins
from suite.runs import Run, list_runs, newest_unfinished


@click.command("list")
@format_option
def list_(form: str) -> None:
    """Domains, plugins, versions, and what is broken and why."""
    plugins = load_plugins()
    domains = [
        {"name": name, "summary": offer.entry.summary, "plugin": offer.plugin.name, "version": offer.plugin.version}
        for name, offer in sorted(plugins.domains.items())
    ]
    if form == "json":
        result(json.dumps({"domains": domains, "plugins": [asdict(info) for info in plugins.infos]}, indent=2))
        return
    if domains:
        shown = [[d[k] for k in ("name", "plugin", "version", "summary")] for d in domains]
        result(table(["domain", "plugin", "version", "summary"], shown))
    else:
        result("No domain is here yet: pip install a plugin, or write one with 'suite new NAME'.")
    rows = [[info.name, info.distribution, info.version, info.about] for info in plugins.infos]
    result("\n" + table(["plugin", "distribution", "version", "offers, or why it is broken"], rows))


@click.group(no_args_is_help=True)
def runs() -> None:
    """List training runs, show, resume or verify one."""


@runs.command("list")
@runs_option
@format_option
def list_runs_(output: Path, form: str) -> None:
    """Every run: state, best metric, time."""
    rows = [_summary(run) for run in list_runs(output)]
    if form == "json":
        result(json.dumps(rows, indent=2))
    elif not rows:
        say(f"No runs in {output} yet. 'suite list' shows the domains; 'suite DOMAIN train' makes a run.")
    else:
        result(
            table(
                ["run", "domain", "state", "step", "result"],
                [[r[k] for k in ("run", "domain", "state", "step", "result")] for r in rows],
            )
        )


@runs.command()
@click.argument("run", default="latest")
@runs_option
@force_option
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option that no weight depends on; may be given again.",
)
def resume(run: str, output: Path, force: bool, settings: tuple[str, ...]) -> None:
    """Go on with a stopped run, exactly where it was.

    RUN is its folder or name; left out, the newest that was stopped. Options that no weight depends on may be given
    anew, such as --set also_evaluate=[] where a further data set has gone.
    """
    stopped = newest_unfinished(output) if run == "latest" else Run.open(run, output)
    if not stopped:
        raise SuiteError(f"No stopped run in {output}; 'suite runs list' shows what there is.")
    offer = load_plugins().find("suite_domains", stopped.domain)
    layers = [offer.load().Config.parse_settings(settings)]
    action("suite.cli.actions.train:train")(offer, layers, resume=str(stopped.path), force=force)


@runs.command()
@click.argument("run", default="latest")
@click.option("--steps", type=click.IntRange(1), default=20, show_default=True, help="How many steps to train again.")
@click.option("--kills", type=click.IntRange(1), default=3, show_default=True, help="How often to kill and resume it.")
@runs_option
@format_option
def verify(run: str, output: Path, steps: int, kills: int, form: str) -> None:
    """Does this machine repeat a run to the bit, killed and resumed too?

    Trains the first steps of RUN again from its own config and data, in a scratch folder: twice without a stop, then
    killed at random steps and resumed. Exits with 0 where all bits are equal, else with 1. RUN is its folder or name;
    left out, the newest that was trained. The run itself is only read.
    """
    action("suite.cli.actions.verify:verify")(Run.open(run, output), steps=steps, kills=kills, form=form)


@runs.command()
@click.argument("run", default="latest")
@runs_option
@format_option
def show(run: str, output: Path, form: str) -> None:
    """One run: what it was told, where it stands, how well it did.

    RUN is its folder or name; left out, the newest that was trained.
    """
    chosen = Run.open(run, output)
    with decoding(chosen.path):
        _show(chosen, form)


def _show(chosen: Run, form: str) -> None:
    status, history = chosen.status(), chosen.history()
    if form == "json":
        content = {"path": str(chosen.path), **status, "state": chosen.state(), "history": history}
        result(json.dumps(content | {"evaluation": chosen.evaluation()}, indent=2))
        return
    beat = chosen.heartbeat()
    since = datetime.fromtimestamp(beat, UTC).strftime("%Y-%m-%d %H:%M")
    ago = duration(max(time.time() - beat, 0))
    copied = f", a copy of {chosen.copy_of}" if chosen.copy_of else ""
    result(f"{chosen.path}\n{chosen.domain}, {chosen.state()}{copied}, last written {since} UTC ({ago} ago)")
    for key in ("cause", "next"):
        if key in status:
            result(f"{key}: {status[key]}")
    validations = [line for line in history if any(key.startswith("validation/") for key in line)]
    if validations:
        names = [key for key in validations[-1] if key.startswith("validation/")]
        rows = [[line["step"], *(line.get(name) for name in names)] for line in validations]
        result("\n" + table(["step", *(name.removeprefix("validation/") for name in names)], rows))
    card = chosen.path / "README.md"
    if card.is_file():
        result("\n" + plain(card.read_text().split("---", 2)[-1].strip()))


def _summary(run: Run) -> dict[str, Any]:
    """A line of the list; of a run with a damaged file it says which, as the others are no worse for it."""
    try:
        with decoding(run.path):
            return _read_summary(run)
    except SuiteError as error:
        return {"run": run.path.name, "domain": run.domain, "state": "damaged", "step": None, "result": str(error)}


def _read_summary(run: Run) -> dict[str, Any]:
    status, evaluation = run.status(), run.evaluation()
    values = {
        "run": run.path.name,
        "domain": run.domain,
        "state": run.state(),
        "step": status.get("step", max((line.get("step", 0) for line in run.history()), default=None)),
        "result": f"copy of {run.copy_of}" if run.copy_of else None,
    }
    if evaluation and "test" in evaluation:
        metric = evaluation["test"]["metric"]
        value = evaluation["test"]["systems"]["fine-tuned"][metric]["value"]
        values["result"] = f"{metric} –" if value is None else f"{metric} {value:.4g}"
    return values
