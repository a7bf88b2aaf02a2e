"""The command `suite launch`."""

from __future__ import annotations

from pathlib import Path

import click

from suite.cli.options import offline_option, quiet_option
from suite.errors import SuiteError


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; a wider one needs --auth.")
@click.option("--port", default=7860, show_default=True, type=click.IntRange(1, 65535), help="First port to try.")
@click.option("--auth", default="", envvar="SUITE_AUTH", help="USER:PASSWORD that visitors must give.")
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
@click.option("--domain", default="", help="Serve this domain's page only.")
@offline_option
@quiet_option
@click.option("--run", "reference", default="", help="Run whose model answers: folder, name, hub id or latest.")
def launch(host: str, port: int, auth: str, no_browser: bool, domain: str, reference: str) -> None:
    """Open the web app: every domain's demo, limits and licences.

    \b
    suite launch
    suite launch --domain NAME --run latest
    suite launch --host 0.0.0.0 --auth ada:secret
    """
    from suite.runs import Run
    from suite.web.server import Binding, serve

    if "/" in reference and not Path(reference).exists() and not domain:
        raise SuiteError(f"Say which domain {reference} is for: suite launch --domain NAME --run {reference}.")
    if reference and not domain:
        domain = Run.open(reference).domain
    serve(Binding(host, port, auth), only=domain, run=reference, open_browser=not no_browser)
