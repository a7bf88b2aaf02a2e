"""The command `suite launch`."""

from __future__ import annotations

from typing import Any

import click

from suite.cli.options import action


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; a wider one needs --auth.")
@click.option("--port", default=7860, show_default=True, type=click.IntRange(1, 65535), help="First port to try.")
@click.option("--auth", default="", envvar="SUITE_AUTH", help="USER:PASSWORD that visitors must give.")
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
@click.option("--domain", default="", help="Serve this domain's page only.")
@click.option("--run", "reference", default="", help="Run whose model answers: folder, name, hub id or latest.")
def launch(**options: Any) -> None:
    """Open the web app: every domain's demo, limits and licences.

    \b
    suite launch
    suite launch --domain NAME --run latest
    suite launch --host 0.0.0.0 --auth ada:secret
    """
    action("suite.cli.actions.launch:launch")(**options)
