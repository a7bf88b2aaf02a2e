"""`suite jobs run`: the same training on Hugging Face's machines, its model pushed to a private repository."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from suite.errors import SuiteError
from suite.plugins.loader import Offer

if TYPE_CHECKING:
    from suite.domain.base import Domain

IMAGE = "ghcr.io/astral-sh/uv:python3.12-bookworm"
"""What the hub's own client runs Python jobs in: Python and uv, no CUDA, which PyTorch's wheels bring themselves."""


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


def _refuse_local(domain: Domain, given: dict[str, Any]) -> None:
    """A job does not see this machine's files."""
    from suite.assets.resolve import is_hub_name
    from suite.provenance.origin import data_origin
    from suite.provenance.pushed import portable_values

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
    from suite.hub.push import pinned_on_hub

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
