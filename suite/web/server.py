"""Serves the app: bound to this machine, with files of its own alone, and limits on what anybody can send."""

from __future__ import annotations

import errno
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from suite.assets.asset import cache_dir
from suite.console import result, warn
from suite.demo.components import STYLE as PIECES
from suite.errors import SuiteError, afterwards
from suite.plugins.loader import load_plugins
from suite.web import security
from suite.web.app import build, build_one
from suite.web.theme import STYLE, theme

PORT = 7860  # Gradio's, and what Spaces expect
PORTS_TRIED = 100
UPLOAD = "256mb"  # two hours of 16 kHz 16-bit sound are 230 MB
WAITING = 64  # requests in the queue; the next one is told to come back
AT_ONCE = 4  # handlers of one kind at a time: a search must not wait for a long answer


@dataclass(frozen=True)
class Binding:
    """Where the server listens and whom it lets in; `public` is for Spaces, which everybody may open."""

    host: str = "127.0.0.1"
    """A name or an address; IPv6 without brackets."""
    port: int = PORT
    auth: str = ""
    public: bool = False


def serve(
    binding: Binding,
    *,
    only: str = "",
    run: str = "",
    model: str = "",
    allowed: Mapping[str, bool] | None = None,
    open_browser: bool = True,
) -> None:
    """Serves until Ctrl-C or SIGTERM: every domain, or `only` one, as `suite.web.app.build_one` has it.

    Raises `SuiteError` for an open address without a password, or when no port is free, or where the working directory
    leaves no place for files that a page may show.
    """
    auth = security.credentials(binding.host, binding.auth, public=binding.public)
    if auth and not security.is_loopback(binding.host):
        warn("Passwords and data travel unencrypted; put a proxy with HTTPS in front.")
    output, plugins = Path("runs"), load_plugins()
    with _own_files():
        app = (
            build_one(plugins, only, run=run, model=model, output=output, allowed=allowed)
            if only
            else build(plugins, output=output)
        )
        port = free_port(binding.host, binding.port)
        _launch(app, binding, port, auth, open_browser)
        if port != binding.port:
            warn(f"Port {binding.port} is taken; this is {port}.")
        result(f"Suite is at {app.local_url} (Ctrl-C stops it)")
        with afterwards(lambda: app.close(verbose=False), "Closing the server"):
            _wait()


def free_port(host: str, first: int) -> int:
    """`first`, or the next port nobody listens on. Raises `SuiteError` when there is none, or no such address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in range(first, first + PORTS_TRIED):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                    raise SuiteError(f"--host {host} is no address of this machine; try 127.0.0.1.") from None
                continue
            return port
    raise SuiteError(f"No port from {first} to {first + PORTS_TRIED - 1} is free on {host}; give another --port.")


def _launch(app: gr.Blocks, binding: Binding, port: int, auth: tuple[str, str] | None, open_browser: bool) -> None:
    # api_open: with it a request may pass by the queue, and by its limits.
    app.queue(default_concurrency_limit=AT_ONCE, max_size=WAITING, api_open=False)
    app.launch(
        server_name=f"[{binding.host}]" if binding.host.count(":") > 1 else binding.host,  # IPv6, as in an address
        server_port=port,
        auth=auth,
        inbrowser=open_browser,
        share=False,  # said aloud: GRADIO_SHARE=true in the environment would open a public tunnel
        prevent_thread_lock=True,
        quiet=True,
        footer_links=["api", "settings"],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        max_file_size=UPLOAD,
        blocked_paths=[str(Path.cwd())],  # see `_own_files`
        theme=theme(),
        css_paths=[STYLE, PIECES],
        app_kwargs=_app_options(binding),
    )


def _app_options(binding: Binding) -> dict[str, Any]:
    return {
        "middleware": security.middleware(binding.host, public=binding.public),
        "routes": [Route("/healthz", lambda request: PlainTextResponse("ok"))],
    }


@contextmanager
def _own_files() -> Iterator[None]:
    """An empty temporary folder outside the working directory, for as long as the server lives.

    Gradio publishes any file a handler returns that lies in the working directory or the temporary folder, and neither
    may hold anything the app did not make. So the working directory is blocked, with all that is in it, and what is
    temporary gets a folder elsewhere. Uploads and answers go there too, and are gone at the end.
    """
    before = tempfile.tempdir
    place = _outside(Path.cwd())
    with tempfile.TemporaryDirectory(prefix="suite-web-", dir=place, ignore_cleanup_errors=True) as folder:
        os.environ.update(
            GRADIO_ANALYTICS_ENABLED="False",
            GRADIO_TEMP_DIR=f"{folder}/cache",
            GRADIO_EXAMPLES_CACHE=f"{folder}/examples",
        )
        os.environ.pop("GRADIO_ALLOWED_PATHS", None)
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = before


def _outside(directory: Path) -> Path:
    """A folder for temporary files that is not in `directory`. Raises `SuiteError` where there is none."""
    refused = Path(str(directory.resolve()).lower())  # Gradio compares without regard to case
    for place in (Path(tempfile.gettempdir()), cache_dir()):
        if not Path(str(place.resolve()).lower()).is_relative_to(refused):
            place.mkdir(parents=True, exist_ok=True)
            return place
    raise SuiteError(
        f"Suite was started in {directory}, which holds every folder for temporary files, and no page may show what "
        "lies where it was started; start it in another folder, such as an empty one."
    )


def _wait() -> None:
    """Returns at Ctrl-C or SIGTERM, so that the folder of uploads is removed either way."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    stopped.wait()
