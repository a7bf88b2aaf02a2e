"""Puts the pages together: the gallery in front, then a page per domain, then the pages plugins add."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import gradio as gr

from suite.plugins.loader import Plugins
from suite.plugins.offers import Offer
from suite.web.endpoints import App
from suite.web.page import DomainPage, drawn

GALLERY = "gallery"
"""The `suite_pages` entry that is the front page."""
CACHE_SECONDS = 3600  # uploads and answers are private: an hour is long enough to look at a result again


def build(plugins: Plugins, *, output: Path = Path("runs")) -> gr.Blocks:
    """The app for every domain, each answering with its newest finished run below `output`, or its starter.

    Needs no model: those load at the first question. A broken domain or page says why on a page of its own.
    """
    # Drawn before the app is opened: see `drawn`.
    domains = [DomainPage.load(offer, output) for offer in plugins.domains.values()]
    extra = {name: drawn(partial(_draw, offer)) for name, offer in plugins.offers["suite_pages"].items()}
    with _app("Suite") as app:
        gr.Navbar(main_page_name="Gallery")
        extra.pop(GALLERY).render()
    for page in domains:
        with app.route(page.title, f"/{page.name}"):
            gr.Navbar(main_page_name="Gallery")
            page.show()
    for name, blocks in extra.items():
        with app.route(name.replace("-", " ").capitalize(), f"/{name}"):
            gr.Navbar(main_page_name="Gallery")
            blocks.render()
    return app


def build_one(
    plugins: Plugins,
    name: str,
    *,
    run: str = "",
    model: str = "",
    output: Path = Path("runs"),
    allowed: Mapping[str, bool] | None = None,
) -> gr.Blocks:
    """One domain's page as an app. `run` is the folder or name of a finished run that is to answer, or "latest";
    `model`, instead of it, anything a `Predictor` takes, or "starter"; `allowed` are the domain's permissions.

    Raises `SuiteError` if the domain is unknown or broken, or the run has no model.
    """
    page = DomainPage.open(plugins.find("suite_domains", name), run, output, model=model, allowed=allowed)
    with _app(page.title) as app:
        page.show()
    return app


def _app(title: str) -> gr.Blocks:
    return App(title=title, analytics_enabled=False, delete_cache=(CACHE_SECONDS, CACHE_SECONDS))


def _draw(offer: Offer) -> None:
    offer.load()()
