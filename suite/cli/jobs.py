"""`suite jobs run`: a training on Hugging Face's machines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from suite.cli.options import offline_option, parse_columns, quiet_option
from suite.cli.verbs import train
from suite.console import result, say
from suite.errors import SuiteError
from suite.hub.jobs import IMAGE, Job, _checked, _line, _pinned, _refuse_local, _requirements
from suite.plugins.loader import Offer, load_plugins

if TYPE_CHECKING:
    from suite.config import TrainConfig


_HERE_ONLY = ("resume", "config", "dry_run", "nodes", "rendezvous", "file", "settings", "output")
"""Parameters of `train` that are turned into settings, or that a job on another machine has no use for."""


@click.group(no_args_is_help=True)
def jobs() -> None:
    """Train on Hugging Face's machines, which are paid for by the minute."""


@jobs.command(short_help="Submit a training as a job.", context_settings={"ignore_unknown_options": True})
@click.argument("domain")
@click.argument("verb", type=click.Choice(["train"]))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
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
@offline_option
@quiet_option
def run(
    domain: str,
    verb: str,
    arguments: tuple[str, ...],
    flavor: str,
    timeout: str,
    to: str,
    licence: str,
    install: tuple[str, ...],
    image: str,
    dry_run: bool,
) -> None:
    """Submit `suite DOMAIN train …` as a job, with the options of that command.

    \b
    suite jobs run DOMAIN train --data owner/name --epochs 3 --timeout 2h
    """
    from suite.hub.push import api, full_name, token, told
    from suite.provenance.licence import granted
    from suite.provenance.origin import consent, model_origin

    offer = load_plugins().find("suite_domains", domain)
    given, processes = _asked(offer, list(arguments))
    cls = offer.load()
    made = cls(cls.Config.build(given))
    _refuse_local(made, given)
    if not re.fullmatch(r"\d+(\.\d+)?[smhd]?", timeout):
        raise SuiteError(f"--timeout {timeout!r} is no time; write a number with s, m, h or d, such as 90m or 2h.")
    requirements = [_checked(one) for one in install] or _requirements(offer)
    hub = api()
    name = full_name(hub, to, f"{domain}-{made.config.name or 'job'}")
    base = model_origin(made)  # what would forbid the push at the end is said before a machine is paid for
    granted(base.name, base.licence, asked=licence, consent=consent(made))
    with_commits = given | _pinned(made, given)
    line = _line(domain, with_commits, processes, ["--to", name, *(["--licence", licence] if licence else [])])
    uses = [part for requirement in requirements for part in ("--with", requirement)]
    job = Job(["uv", "run", "--no-project", *uses, "bash", "-c", line], image, flavor, timeout, name)
    if dry_run:
        result(job.render())
        return
    secrets = {"HF_TOKEN": token()}  # never in the command, which everybody in the organisation may read
    with told(f"run a job on {flavor}"):
        done = hub.run_job(image=image, command=job.command, secrets=secrets, flavor=flavor, timeout=timeout)
    result(f"{done.id}\n{done.url}")
    say(f"The model will be pushed to {name}. Watch it with: hf jobs logs {done.id}")


def _asked(offer: Offer, arguments: list[str]) -> tuple[dict[str, Any], int | None]:
    """The options of a `train` command line as settings of the config, and how many processes it wants.

    Raises what `train` itself would say of them, and `SuiteError` for those that only mean something here.
    """
    context = train(offer).make_context("train", arguments)
    given = {name: value for name, value in context.params.items() if value not in (None, "", (), False)}
    for name in ("resume", "rendezvous"):
        if name in given:
            raise SuiteError(f"A job begins a new run on one machine: leave out --{name}.")
    if given.get("nodes", 1) > 1:
        raise SuiteError("A job is one machine: leave out --nodes, and take a flavor with more GPUs.")
    kind: type[TrainConfig] = offer.load().Config
    values = kind.from_file(given["file"]) if "file" in given else {}
    values |= kind.parse_settings(given.get("settings", ()))
    flags = {name: value for name, value in given.items() if name not in (*_HERE_ONLY, "processes")}
    if "columns" in flags:
        flags["columns"] = parse_columns(flags["columns"])
    merged = {name: value for name, value in (values | flags).items() if name != "output"}
    return merged, given.get("processes")
