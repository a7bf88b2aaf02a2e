"""`suite jobs run`: the same training on Hugging Face's machines, its model pushed to a private repository."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from suite.console import result, say
from suite.errors import SuiteError
from suite.plugins import Offer, load_plugins
from suite.verbs import offline_option, parse_columns, quiet_option, train

if TYPE_CHECKING:
    from suite.config import TrainConfig
    from suite.domain import Domain

IMAGE = "ghcr.io/astral-sh/uv:python3.12-bookworm"
"""What the hub's own client runs Python jobs in: Python and uv, no CUDA, which PyTorch's wheels bring themselves."""
_HERE_ONLY = ("resume", "config", "dry_run", "nodes", "rendezvous", "file", "settings", "output")
"""Parameters of `train` that are turned into settings, or that a job on another machine has no use for."""


@dataclass(frozen=True)
class Job:
    """What is submitted; `command` holds no secret and no path of this machine."""

    command: list[str]
    image: str
    flavor: str
    timeout: str
    pushes_to: str

    def render(self) -> str:
        """As `--dry-run` prints it."""
        lines = [f"image: {self.image}", f"flavor: {self.flavor}", f"timeout: {self.timeout}"]
        return "\n".join([*lines, "secrets: HF_TOKEN", f"pushes to: {self.pushes_to}", shlex.join(self.command)])


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
    from suite.hub import api, full_name, token, told
    from suite.licence import granted
    from suite.origin import consent, model_origin

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


def _refuse_local(domain: Domain, given: dict[str, Any]) -> None:
    """A job does not see this machine's files."""
    from suite.assets import is_hub_name
    from suite.origin import data_origin
    from suite.pushed import portable_values

    config = domain.config
    for reference in (config.data, *config.also_evaluate):
        origin = data_origin(domain, reference)
        if not origin.hub and not origin.starter:
            raise SuiteError(
                f"A job cannot see the data {reference!r} of this machine: push them to the hub first "
                "(hf upload OWNER/NAME FOLDER --repo-type dataset --private) and give --data OWNER/NAME."
            )
    if config.model and not is_hub_name(config.model):
        raise SuiteError(
            f"A job cannot see the model {config.model!r} of this machine: push it first (suite push), and give "
            "--model OWNER/NAME."
        )
    plain = {name: value for name, value in given.items() if name not in ("model", "data", "also_evaluate")}
    local = [name for name in plain if name not in portable_values(plain) and not name.startswith("allow_")]
    if local:
        raise SuiteError(f"A job cannot see {local[0]}={given[local[0]]!r}, which is a place on this machine.")


def _pinned(domain: Domain, given: dict[str, Any]) -> dict[str, Any]:
    """Model and data with the commits they are at now, so that a job that waits trains on what was meant."""
    from suite.data.sources import pinned
    from suite.hub import pinned_on_hub

    found: dict[str, Any] = {}
    if given.get("model"):
        found["model"] = pinned_on_hub(given["model"], domain)
    if given.get("data"):
        found["data"] = pinned(given["data"], domain)
    if given.get("also_evaluate"):
        found["also_evaluate"] = [pinned(reference, domain) for reference in given["also_evaluate"]]
    return found


def _line(domain: str, given: dict[str, Any], processes: int | None, where: list[str]) -> str:
    """What the machine's shell runs: the training, and if it worked the push."""
    words = ["suite", domain, "train"]
    for key, value in given.items():
        words += ["--set", f"{key}={json.dumps(value, ensure_ascii=False, default=str)}"]  # JSON is YAML
    words += ["--processes", str(processes)] if processes else []
    return f"{shlex.join(words)} && {shlex.join(['suite', 'push', 'latest', *where])}"


def _requirements(offer: Offer) -> list[str]:
    """The core and the domain's plugin as they were installed here, where that was from a repository with git.

    Never by name from an index: nobody says that the distribution of that name there is this one.
    """
    found = [_source(name) for name in dict.fromkeys(["suite", offer.plugin.distribution])]
    if not all(found):
        raise SuiteError(
            "Suite is installed here from a folder, which a job cannot reach: say where it gets it from, with "
            "--install 'suite @ git+https://…' and the same for the plugin, or --install NAME==VERSION of an index."
        )
    return [one for one in found if one]


def _source(name: str) -> str:
    """`name @ git+URL@COMMIT` of an installed distribution (PEP 610); "" if it did not come from a repository."""
    try:
        text = distribution(name).read_text("direct_url.json") or "{}"
    except PackageNotFoundError:
        return ""
    told = json.loads(text)
    if "vcs_info" not in told:
        return ""
    folder = f"#subdirectory={told['subdirectory']}" if told.get("subdirectory") else ""
    return _checked(f"{name} @ {told['vcs_info']['vcs']}+{told['url']}@{told['vcs_info']['commit_id']}{folder}")


def _checked(requirement: str) -> str:
    """A requirement a job can have: no path of this machine, and no password, for everybody may read a command."""
    address = requirement.partition("@")[2].strip() if " @" in requirement else requirement
    address = address.removeprefix("git+")
    if "://" in address and (urlsplit(address).password or urlsplit(address).username not in (None, "git")):
        raise SuiteError("--install holds a user or password, and a job's command can be read; use a public address.")
    if address.startswith(("/", ".", "~", "file:")) or Path(address).exists():
        raise SuiteError(f"--install {requirement!r} is on this machine, which a job cannot reach; give an address.")
    return requirement
