"""Asks a domain's demo as any program would, and watches what `infer` answers meanwhile."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio_client import Client

from suite.domain.parts import Model
from suite.domain.vocabulary import Batch, Prediction
from suite.inference.predictor import Predictor
from suite.testing.promise import keep
from suite.web.client import call, endpoints

DEMO = "suite.Domain.demo, suite.Domain.demo_call"


def asked_of_demo(predictor: Predictor, endpoint: str, arguments: Sequence[Any], folder: Path) -> list[Prediction]:
    """Every prediction that `infer` made while the demo answered; with an empty `endpoint` it is started only.

    Fails the test where the demo has no such endpoint, or answers with an error. Uploads go to `folder`.
    """
    with _unwarned(), _watched(type(predictor.model)) as seen:
        _ask(predictor, endpoint, arguments, folder)
    return seen


def _ask(predictor: Predictor, endpoint: str, arguments: Sequence[Any], folder: Path) -> None:
    with _served(predictor, folder) as url:
        client = Client(url, verbose=False, download_files=False)
        if endpoint:
            known = endpoints(client)
            keep(endpoint in known, f"the demo has an endpoint {endpoint!r}", seen=known, read=DEMO)
            try:
                call(client, endpoint, arguments)
            except Exception as error:
                keep(False, f"the demo's {endpoint!r} answers {list(arguments)}", seen=repr(error), read=DEMO)


@contextmanager
def _served(predictor: Predictor, folder: Path) -> Iterator[str]:
    """The address of the demo, on this machine."""
    with gr.Blocks(analytics_enabled=False) as blocks:
        predictor.task.demo(predictor)
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
def _watched(kind: type[Model]) -> Iterator[list[Prediction]]:
    """A list that gets whatever the `infer` of models of that class answers, or their `infer_stream` at its end."""
    infer, infer_stream, seen = kind.infer, kind.infer_stream, []

    def watched(model: Model, batch: Batch) -> list[Prediction]:
        predictions = infer(model, batch)
        seen.extend(predictions)
        return predictions

    def watched_stream(model: Model, batch: Batch) -> Generator[list[Prediction], None, None]:
        piece: list[Prediction] = []
        for piece in infer_stream(model, batch):
            yield piece
        seen.extend(piece)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(kind, "infer", watched)
        if infer_stream is not Model.infer_stream:  # which asks `infer`
            patched.setattr(kind, "infer_stream", watched_stream)
        yield seen
