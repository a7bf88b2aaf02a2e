"""One domain's page as a Hugging Face Space."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from suite.web import STARTER
from suite.web.client import ask
from suite.web.server import PORT, Binding, serve


def space(name: str, model: str | Path = "", **allowed: bool) -> None:
    """Serves one domain's page as a Hugging Face Space: the whole of a Space's `app.py`. Returns when stopped.

    `model` answers: the folder of a finished run, a model folder or `owner/name@commit` of the hub; without one the
    starter does. `allowed` are permissions, options that begin with `allow_`, which no model brings along. On Spaces
    (`SPACE_ID` is set) it binds to every address and asks for no password: a Space is public by intention and stands
    behind the platform's own proxy. Anywhere else it binds to this machine only. `GRADIO_SERVER_PORT` is honoured, as
    on Spaces. Run as `python app.py ask URL`, it asks the Space at that address the domain's example instead and prints
    the answer as JSON. Raises `SuiteError` for a domain nobody offers.
    """
    if sys.argv[1:2] == ["ask"]:
        ask(name, str(model), sys.argv[2], allowed)
        return
    public = bool(os.environ.get("SPACE_ID"))
    host, port = "0.0.0.0" if public else "127.0.0.1", int(os.environ.get("GRADIO_SERVER_PORT", PORT))
    binding = Binding(host, port, public=public)
    serve(binding, only=name, model=str(model) or STARTER, allowed=allowed, open_browser=False)
