"""`suite fetch`."""

from __future__ import annotations

import click

from suite.assets.asset import Asset
from suite.assets.resolve import fetch_all
from suite.console import say
from suite.errors import SuiteError
from suite.plugins.loader import load_plugins


@click.command()
@click.argument("domains", nargs=-1)
def fetch(domains: tuple[str, ...]) -> None:
    """Fetch the starter model and data of every domain, or of those named."""
    plugins = load_plugins()
    assets: list[Asset] = []
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
