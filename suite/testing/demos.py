"""Asks a domain's demo as any program would, and watches what `infer` answers meanwhile."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from suite.domain.base import Domain
from suite.domain.vocabulary import Prediction
from suite.testing.promise import keep

if TYPE_CHECKING:
    from suite.inference.predictor import Predictor

DEMO = "suite.Domain.demo, suite.Domain.demo_call"


def asked_of_demo(predictor: Predictor, endpoint: str, arguments: Sequence[Any], folder: Path) -> list[Prediction]:
    """Every prediction that `infer` made while the demo answered; with an empty `endpoint` it is started only.

    Fails the test where the demo has no such endpoint, or answers with an error. Uploads go to `folder`.
    """
    with _unwarned(), _watched(predictor.domain) as seen:
        _ask(predictor, endpoint, arguments, folder)
    return seen


def _ask(predictor: Predictor, endpoint: str, arguments: Sequence[Any], folder: Path) -> None:
    from gradio_client import Client

    from suite.web.asking import called, endpoints

    with _served(predictor, folder) as url:
        client = Client(url, verbose=False, download_files=False)
        if endpoint:
            known = endpoints(client)
            keep(endpoint in known, f"the demo has an endpoint {endpoint!r}", seen=known, read=DEMO)
            try:
                called(client, endpoint, arguments)
            except Exception as error:
                keep(False, f"the demo's {endpoint!r} answers {list(arguments)}", seen=repr(error), read=DEMO)


@contextmanager
def _served(predictor: Predictor, folder: Path) -> Iterator[str]:
    """The address of the demo, on this machine."""
    import gradio as gr

    with gr.Blocks(analytics_enabled=False) as blocks:
        predictor.domain.demo(predictor)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("GRADIO_TEMP_DIR", str(folder / "gradio"))
        blocks.launch(
            server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, share=False, show_error=True, ssr_mode=False,
        )  # fmt: skip
        try:
            yield blocks.local_url
        finally:
            blocks.close(verbose=False)


@contextmanager
def _unwarned() -> Iterator[None]:
    """Keeps to itself what Gradio's server warns of, sockets that it leaves to the garbage collector included."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
        gc.collect()


@contextmanager
def _watched(domain: Domain) -> Iterator[list[Prediction]]:
    """A list that gets whatever the domain's `infer` answers."""
    infer, seen = domain.infer, []

    def watched(model: Any, batch: Any) -> list[Prediction]:
        found = infer(model, batch)
        seen.extend(found)
        return found

    domain.infer = watched  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        domain.infer = infer  # type: ignore[method-assign]
