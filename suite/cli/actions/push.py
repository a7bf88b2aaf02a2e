"""What `suite push` does."""

from __future__ import annotations

from pathlib import Path

from suite.console import result, say
from suite.domain.description import Domain, Task
from suite.hub.push import push as push_run
from suite.inference.predictor import latest_run, read_config
from suite.plugins.loader import load_plugins
from suite.runs import Run


def push(*, run: str, to: str, public: bool, licence: str, output: Path) -> None:
    """Pushes a finished run's model and prints its address and commit. Raises `SuiteError`."""
    chosen = latest_run(output) if run == "latest" else Run.open(run, output)
    domain: Domain = load_plugins().domain(chosen.domain)
    done = push_run(chosen, Task(domain, read_config(chosen, domain)), to=to, public=public, licence=licence)
    result(f"{done.url} at commit {done.commit}")
    say(f"Next: suite {domain.name} predict … --model {done.name}")
