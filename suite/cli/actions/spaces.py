"""What `suite space build`, `try` and `push` do."""

from __future__ import annotations

import json
from pathlib import Path

from suite.console import duration, result, say
from suite.hub.spaces.build import Plan
from suite.hub.spaces.build import build as build_space
from suite.hub.spaces.push import push as push_space
from suite.hub.spaces.trial import try_space
from suite.plugins.loader import load_plugins

SHOWN = 300
"""Characters of an answer: enough to see that it is one."""


def build(
    *,
    domain: str,
    run: str,
    model: str,
    output: Path | None,
    hardware: str,
    licence: str,
    from_index: bool,
    plain: bool,
) -> None:
    """Writes the folder of a Space and prints its name. Raises `SuiteError`."""
    offer = load_plugins().find("suite_domains", domain)
    plan = Plan(offer, run, model, hardware, from_index, plain, licence)
    folder = build_space(plan, output or Path(f"{domain}-space"))
    result(str(folder))
    say(f"Look at it, then: suite space try {folder}")


def try_(*, folder: Path, python: Path | None) -> None:
    """Runs a Space and prints what it answers its domain's example. Raises `SuiteError`."""
    trial = try_space(folder, python=python)
    text = json.dumps(trial.answer, ensure_ascii=False)
    if trial.endpoint:
        result(f"{trial.endpoint}: {text if len(text) <= SHOWN else text[:SHOWN] + '…'}")
    say(f"It started in {duration(trial.started)} and answered in {trial.answered:.1f} s.")


def push(*, folder: Path, to: str, public: bool) -> None:
    """Sends a Space to the Hub and prints its address. Raises `SuiteError`."""
    result(push_space(folder, to=to, public=public))
