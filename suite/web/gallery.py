"""The front page: a card for every domain, and what is broken and why."""

from __future__ import annotations

from suite.demo import Markup, code, failed, join, panel, tag
from suite.domain.description import Domain
from suite.errors import SuiteError
from suite.plugins.loader import load_plugins
from suite.plugins.offers import Offer, PluginInfo

HUES = 6
"""How many tile colours style.css has; neighbours get different ones."""


def build() -> None:
    """Builds the gallery inside an open Blocks."""
    plugins = load_plugins()
    cards = join(_card(offer, number % HUES) for number, offer in enumerate(plugins.domains.values()))
    panel(_HERO + tag("nav", cards or _EMPTY, class_="suite-cards", aria_label="Applications"))
    panel(_broken(plugins.broken) + _steps())


_HERO = tag(
    "header",
    tag("h1", "Suite"),
    tag(
        "p",
        "Pretrained models for many trades: try them here, fine-tune them on data of your own, and see honestly how "
        "much that helped.",
    ),
    class_="suite-hero",
)
_EMPTY = tag(
    "p",
    "No application is installed. Install a plugin, such as one from the folder ",
    code("plugins/"),
    ", and start again.",
    class_="suite-empty",
)
STEPS = (
    ("Check your data", "What is usable, what is not, and why.", "suite NAME data check ./mine"),
    ("Fine-tune", "At the command line, with exact resume.", "suite NAME train --data ./mine"),
    ("Compare", "Beside the untuned model and plain baselines.", "suite NAME evaluate latest"),
)


def _steps() -> Markup:
    steps = join(tag("li", tag("b", what), why, code(command)) for what, why, command in STEPS)
    return tag("h2", "Make one your own", class_="suite-more") + tag("ol", steps, class_="suite-steps")


def _card(offer: Offer, hue: int) -> Markup:
    entry = offer.entry
    try:
        domain: Domain = offer.load()
        title, detail = domain.title, join(["Starts from ", tag("b", domain.starter.model)])
        state, action = "", "Open"
    except (SuiteError, AttributeError) as error:
        title, detail = entry.name.capitalize(), join([str(error)])
        state, action = " suite-card-broken", "See why"
    return tag(
        "a",
        tag("span", title[0], class_="suite-tile", aria_hidden="true"),
        tag("h2", title),
        tag("p", entry.summary),
        tag("small", detail),
        tag("span", action, " ", tag("i", "→", aria_hidden="true"), class_="suite-open"),
        class_=f"suite-card suite-hue-{hue}{state}",
        href=entry.name,
    )


def _broken(infos: list[PluginInfo]) -> Markup:
    if not infos:
        return Markup("")
    items = join(
        tag("li", tag("b", info.name), f" ({f'{info.distribution} {info.version}'.strip()}): {info.error or ''}")
        for info in infos
    )
    doctor = tag("p", code("suite doctor"), " says what may mend this.")
    return failed("Plugins that are not, or not wholly, available", tag("ul", items), doctor)
