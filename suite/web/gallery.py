"""The front page: a card for every domain, and what is broken and why."""

from __future__ import annotations

import html

from suite.errors import SuiteError
from suite.plugins.loader import Offer, PluginInfo, load_plugins

HUES = 6
"""How many tile colours style.css has; neighbours get different ones."""


def build() -> None:
    """Builds the gallery inside an open Blocks."""
    import gradio as gr

    plugins = load_plugins()
    cards = "".join(_card(offer, number % HUES) for number, offer in enumerate(plugins.domains.values()))
    gr.HTML(
        '<header class="suite-hero"><h1>Suite</h1><p>Pretrained models for many trades: try them here, fine-tune them '
        "on data of your own, and see honestly how much that helped.</p></header>"
        f'<nav class="suite-cards" aria-label="Applications">{cards or _EMPTY}</nav>'
        f"{_broken(plugins.broken)}{_STEPS}",
        elem_classes="suite-flush",
    )


_STEPS = (
    '<h2 class="suite-more">Make one your own</h2><ol class="suite-steps">'
    "<li><b>Check your data</b>What is usable, what is not, and why.<code>suite NAME data check ./mine</code></li>"
    "<li><b>Fine-tune</b>At the command line, with exact resume.<code>suite NAME train --data ./mine</code></li>"
    "<li><b>Compare</b>Beside the untuned model and plain baselines.<code>suite NAME evaluate latest</code></li></ol>"
)
_EMPTY = (
    '<p class="suite-empty">No application is installed. Install a plugin, such as one from the folder '
    "<code>plugins/</code>, and start again.</p>"
)


def _card(offer: Offer, hue: int) -> str:
    entry = offer.entry
    try:
        domain = offer.load()
        title, detail = domain.title, f"Starts from <b>{html.escape(domain.starter.model)}</b>"
        state, action = "", "Open"
    except (SuiteError, AttributeError) as error:
        title, detail = entry.name.capitalize(), html.escape(str(error))
        state, action = " suite-card-broken", "See why"
    return (
        f'<a class="suite-card suite-hue-{hue}{state}" href="{entry.name}">'
        f'<span class="suite-tile" aria-hidden="true">{html.escape(title[0])}</span>'
        f"<h2>{html.escape(title)}</h2><p>{html.escape(entry.summary)}</p>"
        f'<small>{detail}</small><span class="suite-open">{action} <i aria-hidden="true">→</i></span></a>'
    )


def _broken(infos: list[PluginInfo]) -> str:
    if not infos:
        return ""
    items = "".join(
        f"<li><b>{html.escape(info.name)}</b> ({html.escape(f'{info.distribution} {info.version}'.strip())}): "
        f"{html.escape(info.error or '')}</li>"
        for info in infos
    )
    return (
        '<section class="suite-failure" role="alert"><strong>Plugins that are not, or not wholly, available</strong>'
        f"<ul>{items}</ul><p><code>suite doctor</code> says what may mend this.</p></section>"
    )
