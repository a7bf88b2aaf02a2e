"""`suite jobs run`: the same training on Hugging Face's machines, its model pushed to a private repository."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from suite.assets.resolve import is_hub_name
from suite.data.sources import pinned
from suite.domain.description import Task
from suite.errors import SuiteError
from suite.hub.client import pinned_on_hub
from suite.plugins.builtin import DISTRIBUTION
from suite.plugins.offers import Offer
from suite.provenance.hub_run import PERMISSION, portable_values
from suite.provenance.origin import data_origin


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


def refuse_local(task: Task, given: dict[str, Any]) -> None:
    """Raises `SuiteError` for data, a model or another option that is a place on this machine: no job sees it."""
    config = task.config
    for reference in (config.data, *config.also_evaluate):
        origin = data_origin(task.domain, reference)
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
    local = [name for name in plain if name not in portable_values(plain) and not name.startswith(PERMISSION)]
    if local:
        raise SuiteError(f"A job cannot see {local[0]}={given[local[0]]!r}, which is a place on this machine.")


def with_commits(task: Task, given: dict[str, Any]) -> dict[str, Any]:
    """`given`, its model and data at the commits they are at now: a job that waits trains on what was meant."""
    commits: dict[str, Any] = {}
    if given.get("model"):
        commits["model"] = pinned_on_hub(given["model"], task.domain)
    if given.get("data"):
        commits["data"] = pinned(given["data"], task)
    if given.get("also_evaluate"):
        commits["also_evaluate"] = [pinned(reference, task) for reference in given["also_evaluate"]]
    return given | commits


def shell_line(domain: str, given: dict[str, Any], processes: int | None, where: list[str]) -> str:
    """What the machine's shell runs: the training, and if it worked the push."""
    words = ["suite", domain, "train"]
    for key, value in given.items():
        words += ["--set", f"{key}={json.dumps(value, ensure_ascii=False, default=str)}"]  # JSON is YAML
    words += ["--processes", str(processes)] if processes else []
    return f"{shlex.join(words)} && {shlex.join(['suite', 'push', 'latest', *where])}"


def installed_requirements(offer: Offer) -> list[str]:
    """The core and the domain's plugin as they were installed here, where that was from a repository with git.

    Never by name from an index: nobody says that the distribution of that name there is this one.
    """
    sources = [_source(name) for name in dict.fromkeys([DISTRIBUTION, offer.plugin.distribution])]
    if not all(sources):
        raise SuiteError(
            "Suite is installed here from a folder, which a job cannot reach: say where it gets it from, with "
            "--install 'suite-core @ git+https://…', the same for the plugin, or --install NAME==VERSION of an index."
        )
    return sources


def _source(name: str) -> str:
    """`name @ git+URL@COMMIT` of an installed distribution (PEP 610); "" if it did not come from a repository."""
    try:
        text = distribution(name).read_text("direct_url.json") or "{}"
    except PackageNotFoundError:
        return ""
    origin = json.loads(text)
    if "vcs_info" not in origin:
        return ""
    folder = f"#subdirectory={origin['subdirectory']}" if origin.get("subdirectory") else ""
    vcs = origin["vcs_info"]
    return checked_requirement(f"{name} @ {vcs['vcs']}+{origin['url']}@{vcs['commit_id']}{folder}")


def checked_requirement(requirement: str) -> str:
    """`requirement`, if a job can have it.

    Raises `SuiteError` for a path of this machine, and for a password: everybody may read a command.
    """
    address = requirement.partition("@")[2].strip() if " @" in requirement else requirement
    address = address.removeprefix("git+")
    if "://" in address and (urlsplit(address).password or urlsplit(address).username not in (None, "git")):
        raise SuiteError("--install holds a user or password, and a job's command can be read; use a public address.")
    if address.startswith(("/", ".", "~", "file:")) or Path(address).exists():
        raise SuiteError(f"--install {requirement!r} is on this machine, which a job cannot reach; give an address.")
    return requirement
