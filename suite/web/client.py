"""Asks a running demo its domain's example question, over the network, as any program would."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradio_client import Client, handle_file

from suite.console import result
from suite.domain.description import Domain
from suite.errors import SuiteError
from suite.inference.predictor import Predictor
from suite.plugins.loader import load_plugins


def ask(name: str, model: str, url: str, allowed: Mapping[str, bool] | None = None) -> None:
    """Prints as JSON the endpoint at `url` that was asked, its answer and the seconds it took.

    `allowed` are the demo's permissions: to know what to ask, its domain may load the model. Raises
    `SuiteError` where the demo has no named endpoint.
    """
    domain: Domain = load_plugins().domain(name)
    task = domain.task(allowed or {})
    endpoint, arguments = task.demo_call(Predictor(task, model or domain.starter.answering))
    client = Client(url, verbose=False)
    known = endpoints(client)
    if not known:
        raise SuiteError(f"The demo at {url} has no named endpoint; give a handler an api_name.")
    if not endpoint:
        result(json.dumps({"endpoints": known}))
        return
    began = time.monotonic()
    answer = call(client, endpoint, arguments)
    report = {"endpoint": endpoint, "answer": answer, "seconds": round(time.monotonic() - began, 1)}
    result(json.dumps(report, ensure_ascii=False, default=str))


def endpoints(client: Client) -> list[str]:
    """The names that a demo may be asked by."""
    return [path.strip("/") for path in client.view_api(print_info=False, return_format="dict")["named_endpoints"]]


def call(client: Client, endpoint: str, arguments: Sequence[Any]) -> Any:
    """What the endpoint answers; a `Path` among the arguments is sent as a file."""
    sent = [handle_file(str(argument)) if isinstance(argument, Path) else argument for argument in arguments]
    return client.predict(*sent, api_name=f"/{endpoint}")
