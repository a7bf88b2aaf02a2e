"""The web app: a gallery, and for every domain a page to try it and to read about it."""

from __future__ import annotations


def space(name: str) -> None:
    """Serves one domain's page as a Hugging Face Space: the whole of a Space's `app.py`. Returns when stopped.

    On Spaces (`SPACE_ID` is set) it binds to every address and asks for no password: a Space is public by intention
    and stands behind the platform's own proxy. Anywhere else it binds to this machine only. `GRADIO_SERVER_PORT` is
    honoured, as on Spaces. Raises `SuiteError` for a domain nobody offers.
    """
    import os

    from suite.web.server import PORT, Binding, serve

    public = bool(os.environ.get("SPACE_ID"))
    host, port = "0.0.0.0" if public else "127.0.0.1", int(os.environ.get("GRADIO_SERVER_PORT", PORT))
    serve(Binding(host, port, public=public), only=name, open_browser=False)
