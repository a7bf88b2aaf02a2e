"""What `suite jobs run` does."""

from __future__ import annotations

import re

from suite.cli.options import TrainingFlags
from suite.console import result, say
from suite.domain.description import Domain
from suite.errors import SuiteError
from suite.hub.client import api, full_name, hub_errors, token
from suite.hub.jobs import Job, checked_requirement, installed_requirements, refuse_local, shell_line, with_commits
from suite.plugins.loader import load_plugins
from suite.provenance.licence import granted
from suite.provenance.origin import consent, model_origin


def run(
    flags: TrainingFlags,
    *,
    domain: str,
    processes: int | None,
    flavor: str,
    timeout: str,
    to: str,
    licence: str,
    install: tuple[str, ...],
    image: str,
    dry_run: bool,
) -> None:
    """Submits a training with its push, or prints what would be submitted. Raises `SuiteError`."""
    offer = load_plugins().find("suite_domains", domain)
    described: Domain = offer.load()
    given = {name: value for layer in flags.layers(described.Config) for name, value in layer.items()}
    given.pop("output", None)  # of this machine
    task = described.task(given)
    refuse_local(task, given)
    if not re.fullmatch(r"\d+(\.\d+)?[smhd]?", timeout):
        raise SuiteError(f"--timeout {timeout!r} is no time; write a number with s, m, h or d, such as 90m or 2h.")
    requirements = [checked_requirement(text) for text in install] or installed_requirements(offer)
    hub = api()
    name = full_name(hub, to, f"{domain}-{task.config.name or 'job'}")
    base = model_origin(task)  # what would forbid the push at the end is said before a machine is paid for
    granted(base.name, base.licence, asked=licence, consent=consent(task.config))
    push_to = ["--to", name, *(["--licence", licence] if licence else [])]
    line = shell_line(domain, with_commits(task, given), processes, push_to)
    uses = [part for requirement in requirements for part in ("--with", requirement)]
    job = Job(["uv", "run", "--no-project", *uses, "bash", "-c", line], image, flavor, timeout, name)
    if dry_run:
        result(job.render())
        return
    secrets = {"HF_TOKEN": token()}  # never in the command, which everybody in the organisation may read
    with hub_errors(f"run a job on {flavor}"):
        done = hub.run_job(image=image, command=job.command, secrets=secrets, flavor=flavor, timeout=timeout)
    result(f"{done.id}\n{done.url}")
    say(f"The model will be pushed to {name}. Watch it with: hf jobs logs {done.id}")
