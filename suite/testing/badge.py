"""`pytest --suite-domain NAME --badge`: a small JSON and SVG saying how many of the contract's promises a domain keeps.

A pytest plugin, loaded where the badge is asked for. A broken promise makes none and takes an older one away; what was
skipped or left out is counted against it and named with its reason.
"""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from suite.files import write_json, write_text
from suite.plugins.builtin import DISTRIBUTION
from suite.plugins.loader import load_plugins
from suite.testing.contract import DomainContract

CONTRACT = re.compile(r"(^|[\\/]installed_domain\.py)::TestDomain::(?P<promise>\w+)")
"""The contract's tests among all; pytest gives no path of a file that lies outside the folder it runs in."""
PACKAGES = ("torch", "transformers")
"""Whose versions a result depends on most."""
LABEL = "Suite contract"
WIDE = 6.6
"""Pixels that a letter of Verdana at 11 px takes on average; `textLength` makes up for the rest."""
GREEN, AMBER = "#2e7d32", "#b26a00"


@dataclass
class Promises:
    """How each promise of the contract fared: kept, broken, or skipped with a reason."""

    every: list[str]
    outcomes: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def note(self, report: pytest.TestReport) -> None:
        """Takes a step of a test into account: its outcome is the worst of its steps, and of its parameters."""
        test = CONTRACT.search(report.nodeid)
        if not test:
            return
        name = test["promise"]
        # An expected failure comes as skipped, and is no promise kept.
        worst = max(report.outcome, self.outcomes.get(name, "passed"), key=("passed", "skipped", "failed").index)
        self.outcomes[name] = worst
        if report.skipped:
            said = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.reasons[name] = said.removeprefix("Skipped: ")

    def of(self, outcome: str) -> list[str]:
        """Promises that fared so, in the order of the contract."""
        return [_plain(name) for name in self.every if self.outcomes.get(name) == outcome]

    @property
    def open(self) -> dict[str, str]:
        """What was neither kept nor broken, each with its reason."""
        unasked = "not among the tests that were run"
        names = [name for name in self.every if self.outcomes.get(name, "skipped") == "skipped"]
        return {_plain(name): self.reasons.get(name, unasked) for name in names}

    @property
    def said(self) -> str:
        """In a few words."""
        return f"{len(self.of('passed'))} of {len(self.every)} kept"


PROMISES = pytest.StashKey[Promises]()


def pytest_configure(config: pytest.Config) -> None:
    """Begins with the whole contract, whatever of it is run."""
    config.stash[PROMISES] = Promises([name for name in dir(DomainContract) if name.startswith("test_")])


def pytest_terminal_summary(terminalreporter: Any, exitstatus: int, config: pytest.Config) -> None:
    """Writes the badge, or says why there is none. With several processes only the first has a terminal."""
    promises = config.stash[PROMISES]
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                promises.note(report)
    name, folder = config.getoption("suite_domain"), config.invocation_params.dir / config.getoption("badge")
    files = [folder / f"{name}-contract{suffix}" for suffix in (".json", ".svg")]
    terminalreporter.write_line(written(promises, name, files, ended=exitstatus in (0, 1, 5)))


def written(promises: Promises, name: str, files: list[Path], *, ended: bool) -> str:
    """Writes both files, unless a promise is broken, which removes older ones; says in a sentence what was done."""
    broken = promises.of("failed")
    for path in files if broken else ():
        path.unlink(missing_ok=True)
    if broken or not ended or not promises.of("passed"):
        why = f"broken: {', '.join(broken)}" if broken else "nothing was shown" if ended else "pytest was stopped"
        return f"No badge for {name}: {promises.said}; {why}."
    facts = stated(promises, name)
    files[0].parent.mkdir(parents=True, exist_ok=True)
    write_json(files[0], facts)
    write_text(files[1], drawn(facts))
    rest = f"; {len(promises.open)} open, each with its reason in the JSON" if promises.open else ""
    return f"{files[0]} and {files[1].name}: {promises.said}{rest}."


def stated(promises: Promises, name: str) -> dict[str, Any]:
    """What the JSON holds."""
    plugin = load_plugins().domains[name].plugin
    return {
        "domain": name,
        "plugin": {"distribution": plugin.distribution, "version": plugin.version},
        "versions": {each: version(each) for each in (DISTRIBUTION, *PACKAGES)} | {"python": platform.python_version()},
        "platform": sys.platform,
        "kept": len(promises.of("passed")),
        "of": len(promises.every),
        "promises": promises.of("passed"),
        "open": promises.open,
    }


def drawn(facts: Mapping[str, Any]) -> str:
    """The badge as an SVG of one line that needs no font or file of anywhere else."""
    plugin, core = facts["plugin"], facts["versions"][DISTRIBUTION]
    message = f"{facts['kept']} of {facts['of']} kept"
    about = f"{plugin['distribution']} {plugin['version']}, {DISTRIBUTION} {core}"
    left, middle, right = (round(len(text) * WIDE) + 12 for text in (LABEL, message, about))
    colour = GREEN if facts["kept"] == facts["of"] else AMBER
    parts, place = [], 0
    for text, width, fill in ((LABEL, left, "#444"), (message, middle, colour), (about, right, "#666")):
        parts.append(f'<rect x="{place}" width="{width}" height="20" fill="{fill}"/>')
        parts.append(f'<text x="{place + 6}" y="14" textLength="{width - 12}">{escape(text)}</text>')
        place += width
    title = escape(f"{LABEL}: {facts['domain']}, {message} ({about})")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{place}" height="20" role="img" aria-label="{title}">'
        f'<title>{title}</title><g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f"{''.join(parts)}</g></svg>\n"
    )


def _plain(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")
