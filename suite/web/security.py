"""What stands before Gradio: which names the server answers to, whose pages may call it, what browsers may load."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from suite.errors import SuiteError

LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")
# Gradio's pages need inline scripts and styles and compile small functions; nothing may come from another host.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors "
)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def credentials(host: str, auth: str, *, public: bool = False) -> tuple[str, str] | None:
    """User and password out of `user:password`. Raises `SuiteError` for half a pair, or none on an open address."""
    user, _, password = auth.partition(":")
    if auth and not (user and password):
        raise SuiteError("--auth needs a user and a password, such as --auth ada:long-secret (or SUITE_AUTH).")
    if not auth and not public and not is_loopback(host):
        raise SuiteError(
            f"--host {host} lets others on the network in; say who may: --auth user:password. "
            "Without it Suite is bound to 127.0.0.1."
        )
    return (user, password) if auth else None


class OwnPagesOnly:
    """Refuses requests that pages of other origins make in a visitor's browser (403)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI's
        headers = dict(scope.get("headers") or ())
        origin, host = headers.get(b"origin", b"").decode("latin-1"), headers.get(b"host", b"").decode("latin-1")
        if scope["type"] in ("http", "websocket") and origin and urlsplit(origin).netloc != host:
            await PlainTextResponse("This app answers its own pages only.", status_code=403)(scope, receive, send)
            return
        await self.app(scope, receive, send)


class SecurityHeaders:
    """Adds the content policy and its kin to every answer."""

    def __init__(self, app: ASGIApp, frames: str) -> None:
        self.app = app
        self.headers = [
            (b"content-security-policy", (POLICY + frames).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
            (b"permissions-policy", b"camera=(self), microphone=(self), geolocation=()"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI's
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self.headers]
            await send(message)

        await self.app(scope, receive, send_with_headers)


def middleware(host: str, *, public: bool) -> Sequence[Middleware]:
    """The layers for a server bound to `host`.

    On this machine alone, the `Host` header must name it, or a stranger's page could rebind its name to 127.0.0.1.
    On the network a password is needed, and a rebound name has no cookie. A public Space may be framed by its site.
    """
    headers = Middleware(SecurityHeaders, frames="https://huggingface.co" if public else "'none'")
    if public:
        return [headers]
    hosts = [*LOOPBACK, host] if is_loopback(host) else ["*"]
    return [headers, Middleware(TrustedHostMiddleware, allowed_hosts=hosts), Middleware(OwnPagesOnly)]
