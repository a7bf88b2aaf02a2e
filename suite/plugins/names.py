"""Who gets which name, over all plugins and hooks at once: the order in which plugins are loaded decides nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from suite.plugins.builtin import VERBS, WEB_PATHS
from suite.plugins.offers import Offer, PluginInfo

CORE = "suite"
"""The plugin that the core is."""


@dataclass(frozen=True)
class Claim:
    """What a plugin offers through a hook, and the name it wants for it."""

    hook: str
    offer: Offer

    @property
    def name(self) -> str:
        """The name that is wanted."""
        return self.offer.entry.name

    @property
    def plugin(self) -> str:
        """Whose claim it is."""
        return self.offer.plugin.name

    @property
    def what(self) -> str:
        """As a sentence names it: "the domain 'weather'"."""
        return f"the {self.hook.removeprefix('suite_').removesuffix('s')} {self.name!r}"

    @property
    def place(self) -> tuple[str, str]:
        """What it must be alone in: the words behind `suite`, the paths of the web app, a hook's own names."""
        return ("suite_domains" if self.hook == "suite_commands" else self.hook, self.name)

    @property
    def rank(self) -> int:
        """The core's names come first, then domains, which people come for."""
        return 2 if self.plugin == CORE else int(self.hook == "suite_domains")


def settle(claims: Sequence[Claim]) -> tuple[list[Claim], dict[tuple[str, str], list[PluginInfo]]]:
    """The claims that hold, in their order, and the plugins that clash by hook and name.

    A name of the core stays the core's, a domain's word and path the domain's, and a verb of a domain the plugin's that
    offers the domain. Equals that want one name both lose it. Who loses is told the reason.
    """
    lost: set[int] = set()
    clashes: dict[tuple[str, str], list[PluginInfo]] = {}
    for claim in claims:
        if reason := _unreachable(claim, claims):
            lost.add(id(claim))
            claim.offer.plugin.blame(reason)
    for rivals in _rivals(claim for claim in claims if id(claim) not in lost):
        best = max(_rank(claim, claims) for claim in rivals)
        winners = [claim for claim in rivals if _rank(claim, claims) == best]
        lost |= {id(claim) for claim in rivals if claim not in winners or len(winners) > 1}
        for claim in rivals:
            others = [other for other in winners if other is not claim]
            if claim in winners and others:
                clashes[claim.hook, claim.name] = [rival.offer.plugin for rival in winners]
            if others:
                claim.offer.plugin.blame(_reason(claim, others, won=claim in winners))
    return [claim for claim in claims if id(claim) not in lost], clashes


def _rivals(claims: Iterable[Claim]) -> Iterable[list[Claim]]:
    """Claims to one name, wherever there are several."""
    places: dict[tuple[str, str], list[Claim]] = defaultdict(list)
    for claim in claims:
        places[claim.place].append(claim)
        if claim.hook == "suite_domains":  # its page has its name
            places["suite_pages", claim.name].append(claim)
    return [rivals for rivals in places.values() if len(rivals) > 1]


def _rank(claim: Claim, claims: Iterable[Claim]) -> int:
    domain, verb, _ = claim.name.partition(" ")
    if not verb:
        return claim.rank
    return int(any(other.name == domain and other.plugin == claim.plugin for other in claims if other.rank))


def _reason(claim: Claim, others: Sequence[Claim], *, won: bool) -> str:
    if won:
        names = " and ".join(sorted({other.plugin for other in others} - {claim.plugin}))
        if not names:
            return f"it offers {claim.what} twice"
        return f"{claim.what} is offered by {names} too; uninstall one, or: suite plugins disable {claim.plugin}"
    holder = others[0]
    if holder.plugin == CORE:
        return f"{claim.what} has a name of the core; rename it"
    return f"{claim.what} has the name of {holder.what} of the plugin {holder.plugin}; rename it"


def _unreachable(claim: Claim, claims: Iterable[Claim]) -> str:
    """Why nobody could reach what is claimed; "" where people can."""
    domain, verb, _ = claim.name.partition(" ")
    if claim.hook in ("suite_domains", "suite_pages") and claim.name in WEB_PATHS:
        return f"{claim.what} has the name of a path of the web app; rename it"
    if verb and claim.name.partition(" ")[2] in VERBS:
        return f"{claim.what} is a verb that every domain has; rename it"
    commands = {other.name for other in claims if other.hook == "suite_commands"}
    if verb and domain in commands and not any(c.hook == "suite_domains" and c.name == domain for c in claims):
        return f"{claim.what} adds a verb to {domain!r}, which is no domain but a command; offer one command instead"
    return ""
