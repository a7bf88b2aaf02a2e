"""What `suite launch` does."""

from __future__ import annotations

from pathlib import Path

from suite.errors import SuiteError
from suite.runs import Run
from suite.web import server


def launch(*, host: str, port: int, auth: str, no_browser: bool, domain: str, reference: str) -> None:
    """Serves the app until it is stopped. Raises `SuiteError`."""
    if "/" in reference and not Path(reference).exists() and not domain:
        raise SuiteError(f"Say which domain {reference} is for: suite launch --domain NAME --run {reference}.")
    if reference and not domain:
        domain = Run.open(reference).domain
    server.serve(server.Binding(host, port, auth), only=domain, run=reference, open_browser=not no_browser)
