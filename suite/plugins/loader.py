"""Finds plugins, loads them one by one, and keeps what each offers and why any of it is broken."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.metadata import Distribution, EntryPoint, entry_points, version
from types import ModuleType
from typing import Any

import pluggy

from suite.domain.description import Domain
from suite.errors import SuiteError, unknown
from suite.plugins import builtin
from suite.plugins.hookspecs import Entry
from suite.plugins.imports import SLOW, contained, describe, heavy, refuse_unmet, strict
from suite.plugins.names import CORE, Claim, settle
from suite.plugins.observers import EVENTS, Observers, heard, new_manager
from suite.plugins.offers import KINDS, Offer, PluginInfo
from suite.plugins.switches import disabled

ASKED = "SUITE_PLUGINS"
"""The variable that names the plugins to load, and where a name that it alone gives comes from."""
HOOKS = ("suite_domains", "suite_commands", "suite_callbacks", "suite_sources", "suite_pages")
_NAME = re.compile(r"[a-z][a-z0-9-]*( [a-z][a-z0-9-]*)?")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass
class Plugins:
    """Everything on offer. Look-ups raise `SuiteError` naming the nearest known name."""

    infos: list[PluginInfo] = field(default_factory=list)
    offers: dict[str, dict[str, Offer]] = field(default_factory=lambda: {hook: {} for hook in HOOKS})
    clashes: dict[tuple[str, str], list[PluginInfo]] = field(default_factory=dict)
    manager: pluggy.PluginManager = field(default_factory=new_manager)
    """Where the plugins that work are registered."""

    @cached_property
    def observers(self) -> Observers:
        """Who hears what happens in this process beside its runs: questions, corrections, evaluations."""
        return Observers(self.observing)

    @property
    def observing(self) -> dict[str, object]:
        """The plugins that hear of any event, by what messages call them; none but in the main process."""
        if os.environ.get("RANK", "0") != "0":
            return {}
        hearing = [info.name for info in self.infos if set(info.hooks) & set(EVENTS)]
        return {f"plugin {name}": self.manager.get_plugin(name) for name in hearing}

    @property
    def domains(self) -> Mapping[str, Offer]:
        """Domains by name."""
        return self.offers["suite_domains"]

    @property
    def commands(self) -> Mapping[str, Offer]:
        """Commands by name."""
        return self.offers["suite_commands"]

    @property
    def broken(self) -> list[PluginInfo]:
        """Plugins that could not be loaded, or not wholly."""
        return [info for info in self.infos if info.error]

    def missing(self) -> str:
        """What may be why a name is not here, in a sentence: plugins that are broken, and those switched off."""
        reasons = "; ".join(f"plugin {info.name}: {info.error}" for info in self.broken)
        off = ", ".join(info.name for info in self.infos if not info.enabled)
        broken = f"Broken: {reasons}." if reasons else ""
        return " ".join(filter(None, [broken, f"Switched off: {off} (suite plugins enable NAME)." if off else ""]))

    def find(self, hook: str, name: str) -> Offer:
        """The offer of that name. Raises `SuiteError` for a clash or an unknown name."""
        if rivals := self.clashes.get((hook, name)):
            names = sorted({rival.name for rival in rivals})
            raise SuiteError(
                f"{name!r} is offered by the plugins {' and '.join(names)}; uninstall one, or switch one off: "
                f"suite plugins disable {names[-1]}."
            )
        if name not in self.offers[hook]:
            raise unknown(hook.removeprefix("suite_").removesuffix("s"), name, self.offers[hook], hint=self.missing())
        return self.offers[hook][name]

    def domain(self, name: str) -> Domain:
        """The description of that name. Raises `SuiteError` as `find` and `DomainOffer.load` do."""
        domain: Domain = self.find("suite_domains", name).load()
        return domain


@cache
def load_plugins() -> Plugins:
    """Loads the core's own entries and every installed plugin that is not switched off, once per process.

    `SUITE_PLUGINS=a,b` loads only those, switched off or not; `SUITE_STRICT=1` raises what else would be recorded as a
    plugin's error.
    """
    plugins = Plugins()
    claims = _core(plugins)
    points = installed()
    wanted, off = _wanted(), disabled()
    for point in points:
        if wanted is None or point.name in wanted:
            info = _info(point)
            plugins.infos.append(info)
            rivals = [other for other in points if other.name == point.name]
            info.enabled = wanted is not None or point.name not in off
            info.error = _same_name(point, rivals)
            if info.enabled and not info.error:
                claims += _add(plugins.manager, info, point.dist, point.load)
    for name in sorted((wanted or set()) - {point.name for point in points}):
        error = unknown("plugin", name, (point.name for point in points))
        plugins.infos.append(PluginInfo(name, ASKED, "", error=str(error)))
    _share(plugins, claims)
    return plugins


@cache
def core_plugins() -> Plugins:
    """The core's own entries, which are there whatever is installed; no plugin is imported."""
    plugins = Plugins()
    _share(plugins, _core(plugins))
    return plugins


def installed() -> list[EntryPoint]:
    """The entry point of every installed plugin, by name; nothing is imported."""
    return sorted(entry_points(group="suite"), key=lambda point: (point.name, point.dist.name if point.dist else ""))


def _core(plugins: Plugins) -> list[Claim]:
    info = PluginInfo(CORE, builtin.DISTRIBUTION, version(builtin.DISTRIBUTION))
    plugins.infos.append(info)
    return _add(plugins.manager, info, None, lambda: builtin)


def _wanted() -> set[str] | None:
    names = os.environ.get(ASKED)
    return None if names is None else {name.strip() for name in names.split(",") if name.strip()}


def _info(point: EntryPoint) -> PluginInfo:
    dist = point.dist
    return PluginInfo(point.name, dist.name if dist else "unknown", dist.version if dist else "")


def _same_name(point: EntryPoint, rivals: list[EntryPoint]) -> str | None:
    """Why a plugin of that name is not loaded: whichever came first would stand for the other."""
    if point.name == CORE:
        return f"{CORE!r} is the core's own name; let its distribution rename the entry point"
    names = ", ".join(rival.dist.name if rival.dist else "unknown" for rival in rivals)
    said = f"several distributions have a plugin called {point.name!r}: {names}; uninstall all but one"
    return said if len(rivals) > 1 else None


def _add(
    manager: pluggy.PluginManager, info: PluginInfo, dist: Distribution | None, load: Callable[[], Any]
) -> list[Claim]:
    """Registers one plugin and returns what it offers, or records why not; never lets it take the others down."""
    before, began = set(sys.modules), time.perf_counter()
    try:
        with contained():
            refuse_unmet(dist)
            module = load()
            manager.register(module, name=info.name)
            # pluggy accepts a misspelt hook in silence; this is where it says so, while we still know whose it is.
            manager.check_pending()
            if not manager.get_hookcallers(module):
                raise SuiteError("it implements no hook: mark its functions with @suite.hookimpl")
            collected = {hook: _entries(manager, hook, info.name) for hook in HOOKS}
            hearing = heard(manager, info.name)
    except Exception as error:
        if strict():
            raise
        if manager.has_plugin(info.name):
            manager.unregister(name=info.name)
        info.blame(str(error) if isinstance(error, SuiteError) else describe(error))
        return []
    finally:
        info.seconds = round(time.perf_counter() - began, 4)
    _remark(info, module, before)
    info.hooks += [*(hook for hook, entries in collected.items() if entries is not None), *hearing]
    return [
        Claim(hook, KINDS.get(hook, Offer)(entry, info))
        for hook, entries in collected.items()
        for entry in entries or ()
    ]


def _remark(info: PluginInfo, module: Any, before: set[str]) -> None:
    """Notes where the plugin is from, and what every command waits for because of it."""
    name = module.__name__ if isinstance(module, ModuleType) else type(module).__module__
    info.place = getattr(sys.modules.get(name), "__file__", None) or ""
    brought = " and ".join(heavy(name.partition(".")[0], before))
    if brought:
        info.notes.append(f"imports {brought} when it is listed ({info.seconds:.1f} s), and every command waits for it")
    elif info.seconds > SLOW:
        info.notes.append(f"takes {info.seconds:.1f} s to import, and every command waits for it")


def _entries(manager: pluggy.PluginManager, hook: str, name: str) -> list[Entry] | None:
    """This plugin's entries for one hook. A generator raises only when iterated: the list is made here."""
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        if implementation.plugin_name == name:
            return [_checked(entry, hook) for entry in implementation.function()]
    return None


def _checked(entry: Any, hook: str) -> Entry:
    if not isinstance(entry, Entry):
        raise SuiteError(f"{hook} gave {entry!r}; it must give suite.Entry(name, summary, target)")
    if not _NAME.fullmatch(entry.name) or (" " in entry.name and hook != "suite_commands"):
        raise SuiteError(f"{hook} names {entry.name!r}; use lower case words joined by '-'")
    if not _TARGET.fullmatch(entry.target):
        raise SuiteError(f"{hook} entry {entry.name!r} has the target {entry.target!r}; write 'package.module:name'")
    module = entry.target.partition(":")[0]
    if importlib.util.find_spec(module) is None:
        raise SuiteError(f"{hook} entry {entry.name!r} points to the module {module}, which does not exist")
    return entry


def _share(plugins: Plugins, claims: list[Claim]) -> None:
    """Keeps what nobody else has a better claim to, and notes which verbs wait for a domain that is not here."""
    kept, plugins.clashes = settle(claims)
    for claim in kept:
        plugins.offers[claim.hook][claim.name] = claim.offer
    for name, offer in plugins.commands.items():
        domain, verb, _ = name.partition(" ")
        if verb and domain not in plugins.domains:
            offer.plugin.notes.append(f"its {name!r} waits for a domain {domain!r}, which no plugin here offers")
