"""A domain's page: the tabs Demo and About, or the reason why there is none."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from suite import demo as pieces
from suite.console import warn
from suite.domain.description import Domain
from suite.errors import SuiteError
from suite.inference.predictor import Predictor, default_run, finished_run
from suite.plugins.offers import Offer
from suite.web import STARTER
from suite.web.about import about
from suite.web.error_boundary import guard_handlers
from suite.web.zerogpu import lend_gpu


@dataclass(frozen=True)
class DomainPage:
    """A domain's names, its demo and the predictor behind it; a domain that failed to load shows the reason."""

    name: str
    title: str
    summary: str
    predictor: Predictor | None
    demo: gr.Blocks

    @classmethod
    def open(
        cls, offer: Offer, run: str, output: Path, *, model: str = "", allowed: Mapping[str, bool] | None = None
    ) -> DomainPage:
        """The page of a domain that must work, its model chosen now and loaded at the first question.

        `run` is a finished run's folder, its name below `output`, or "latest"; empty takes what `default_run` does, or
        else the starter; `model` is another source of a `Predictor`, or "starter". The choice is made once: a page
        never names one model and answers with another. Raises `SuiteError` for a run without a model, and whatever a
        broken domain raises.
        """
        domain: Domain = offer.load()
        task = domain.task({"output": output, **(allowed or {})})
        source = "" if model == STARTER else model
        if not model:
            chosen = finished_run(run, task) if run else default_run(task)
            source = str(chosen.path) if chosen else ""
        predictor = Predictor(task, source or domain.starter.answering, lent=lend_gpu)
        demo = drawn(lambda: task.demo(predictor))
        return cls(offer.entry.name, domain.title, offer.entry.summary, predictor, demo)

    @classmethod
    def load(cls, offer: Offer, output: Path) -> DomainPage:
        """The page of one domain among several: if it is broken it says why, and the others live."""
        try:
            return cls.open(offer, "", output)
        except Exception as error:
            entry = offer.entry
            box = failed(f"{entry.name.capitalize()} could not be loaded.", error)
            return cls(entry.name, entry.name.capitalize(), entry.summary, None, box)

    def show(self) -> None:
        """Builds the page inside an open route."""
        head = pieces.tag("h1", self.title) + pieces.tag("p", self.summary)
        pieces.panel(pieces.tag("header", head, class_="suite-head"))
        if self.predictor is None:
            self.demo.render()
            return
        with gr.Tabs():
            with gr.Tab("Demo", id="demo"):
                gr.Markdown(f"Answering: {self.predictor.describe()}", elem_classes="suite-answering")
                self.demo.render()
            with gr.Tab("About", id="about"):
                about(self.summary, self.predictor)


def drawn(build: Callable[[], None]) -> gr.Blocks:
    """What `build` draws, or the error it raised, as Blocks to `render()` in a page; half a page is never kept.

    Call it outside every other Blocks: Gradio renders inner Blocks at once, and an error would close the outer ones.
    """
    try:
        with gr.Blocks(analytics_enabled=False) as blocks:
            build()
        guard_handlers(blocks)
        return blocks
    except Exception as error:
        return failed("This page could not be built.", error)


def failed(headline: str, error: Exception) -> gr.Blocks:
    """Blocks that say what is broken, why, and where to look."""
    with gr.Blocks(analytics_enabled=False) as blocks:
        pieces.panel(pieces.failed(headline, _reason(error), "The rest of the app works."))
    return blocks


def _reason(error: Exception) -> str:
    """One line for the page; for a bug the console gets it too. `SUITE_STRICT=1` raises instead."""
    if os.environ.get("SUITE_STRICT") == "1":
        raise error
    reason = (
        str(error)
        if isinstance(error, SuiteError)
        else f"{type(error).__name__}: {error} ('suite doctor' may know why)"
    )
    warn(f"A page shows an error instead of its content: {reason}")
    return reason
