"""The core's small commands: `list`, `runs`, `fetch`, `push`."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from suite.cli.options import format_option, offline_option, quiet_option
from suite.console import duration, plain, result, say, table
from suite.errors import SuiteError
from suite.plugins.loader import load_plugins


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
    rows = [
        [i.name, i.distribution, i.version, i.error or ", ".join(h.removeprefix("suite_") for h in i.hooks)]
        for i in plugins.infos
    ]
    result("\n" + table(["plugin", "distribution", "version", "offers, or why it is broken"], rows))


@click.group(no_args_is_help=True)
def runs() -> None:
    """List training runs, show one, or go on with one."""


@runs.command("list")
@click.option("--output", type=Path, default=Path("runs"), show_default=True, help="Folder the runs are in.")
@format_option
def list_runs_(output: Path, form: str) -> None:
    """Every run: state, best metric, time."""
    from suite.runs import list_runs

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
@click.option("--output", type=Path, default=Path("runs"), show_default=True, help="Folder the runs are in.")
@quiet_option
@offline_option
@click.pass_context
def resume(ctx: click.Context, run: str, output: Path) -> None:
    """Go on with a stopped run, exactly where it was.

    RUN is its folder or name; left out, the newest that was stopped.
    """
    from suite.cli.verbs import train
    from suite.runs import Run, newest_unfinished

    found = newest_unfinished(output) if run == "latest" else Run.open(run, output)
    if not found:
        raise SuiteError(f"No stopped run in {output}; 'suite runs list' shows what there is.")
    offer = load_plugins().find("suite_domains", found.domain)
    ctx.invoke(train(offer), resume=str(found.path))


@runs.command()
@click.argument("run", default="latest")
@click.option("--output", type=Path, default=Path("runs"), show_default=True, help="Folder the runs are in.")
@format_option
def show(run: str, output: Path, form: str) -> None:
    """One run: what it was told, where it stands, how well it did.

    RUN is its folder or name; left out, the newest that was trained.
    """
    from suite.runs import Run

    found = Run.open(run, output)
    status, history = found.status(), found.history()
    if form == "json":
        content = {"path": str(found.path), **status, "state": found.state(), "history": history}
        result(json.dumps(content | {"evaluation": found.evaluation()}, indent=2))
        return
    since = datetime.fromtimestamp(status["heartbeat"], UTC).strftime("%Y-%m-%d %H:%M")
    ago = duration(max(time.time() - status["heartbeat"], 0))
    copied = f", a copy of {found.copy_of}" if found.copy_of else ""
    result(f"{found.path}\n{found.domain}, {found.state()}{copied}, last written {since} UTC ({ago} ago)")
    for key in ("cause", "next"):
        if key in status:
            result(f"{key}: {status[key]}")
    validations = [line for line in history if any(key.startswith("validation/") for key in line)]
    if validations:
        names = [key for key in validations[-1] if key.startswith("validation/")]
        rows = [[line["step"], *(line.get(name) for name in names)] for line in validations]
        result("\n" + table(["step", *(name.removeprefix("validation/") for name in names)], rows))
    card = found.path / "README.md"
    if card.is_file():
        result("\n" + plain(card.read_text().split("---", 2)[-1].strip()))


@click.command()
@click.argument("domains", nargs=-1)
@quiet_option
@offline_option
def fetch(domains: tuple[str, ...]) -> None:
    """Fetch the starter model and data of every domain, or of those named."""
    from suite.assets.resolve import fetch_all

    plugins = load_plugins()
    assets: list[Any] = []
    failures: list[str] = []
    for name in domains or sorted(plugins.domains):
        try:
            assets += plugins.domain(name).starter.assets
        except SuiteError as error:
            if domains:
                raise
            failures.append(str(error))
    fetch_all(list(dict.fromkeys(assets)))
    for failure in failures:
        say(f"Left out: {failure}")


def _summary(run: Any) -> dict[str, Any]:
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


@click.command()
@click.argument("run", default="latest")
@click.option("--to", default="", metavar="OWNER/NAME", help="Repository; else yours, called after domain and run.")
@click.option("--public", is_flag=True, help="Let everybody see it; else it is private.")
@click.option("--licence", default="", metavar="ID", help="The Hub's word for a licence; else that of the base model.")
@click.option("--output", type=Path, default=Path("runs"), show_default=True, help="Folder the runs are in.")
@quiet_option
@offline_option
def push(run: str, to: str, public: bool, licence: str, output: Path) -> None:
    """Push a finished run's model to the Hugging Face Hub, private unless told otherwise.

    RUN is its folder or name; left out, the newest finished one that was trained.

    The model folder, its card with the results, the config without paths and, where they may travel, the golden
    samples. It is downloaded again afterwards and must give the answers it gave here.
    """
    from suite.hub.push import push as push_run
    from suite.inference.predictor import latest_run, read_config
    from suite.runs import Run

    found = latest_run(output) if run == "latest" else Run.open(run, output)
    cls = load_plugins().find("suite_domains", found.domain).load()
    done = push_run(found, cls(read_config(found, cls())), to=to, public=public, licence=licence)
    result(f"{done.url} at commit {done.commit}")
    say(f"Next: suite {found.domain} predict … --model {done.name}")
