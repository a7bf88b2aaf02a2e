"""Finds plugins, loads them one by one, and keeps what each offers and why any of it is broken."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.metadata import EntryPoint, entry_points, version
from pkgutil import resolve_name
from typing import Any

import pluggy

from suite.domain.description import Domain
from suite.errors import SuiteError, unknown
from suite.plugins import builtin
from suite.plugins.hookspecs import Entry
from suite.plugins.observers import EVENTS, Observers, heard, new_manager

CORE = "suite"
HOOKS = ("suite_domains", "suite_commands", "suite_callbacks", "suite_sources", "suite_pages")
_NAME = re.compile(r"[a-z][a-z0-9-]*( [a-z][a-z0-9-]*)?")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass
class PluginInfo:
    """One plugin: where it comes from, which hooks it implements, and what is wrong with it, if anything."""

    name: str
    distribution: str
    version: str
    hooks: list[str] = field(default_factory=list)
    error: str | None = None


@dataclass(frozen=True)
class Offer:
    """An entry and the plugin it comes from."""

    entry: Entry
    plugin: PluginInfo

    def load(self) -> Any:
        """Imports the target. Raises `SuiteError` naming the plugin when that fails."""
        try:
            return resolve_name(self.entry.target)
        except SuiteError:
            raise
        except Exception as error:
            if os.environ.get("SUITE_STRICT") == "1":
                raise
            raise SuiteError(
                f"{self.entry.name!r} of the plugin {self.plugin.name} ({self.plugin.distribution} "
                f"{self.plugin.version}) cannot be loaded: {_describe(error)}. 'suite doctor' says what may mend it."
            ) from error


class DomainOffer(Offer):
    """An entry of `suite_domains`: what it names is a `Domain` of its name."""

    def load(self) -> Domain:
        """Imports the description. Raises `SuiteError` where it fails, or the plugin names something else."""
        domain = super().load()
        if not isinstance(domain, Domain):
            raise SuiteError(
                f"{self.entry.target} of the plugin {self.plugin.name} is no domain but a {type(domain).__name__}; "
                "let its entry name a suite.Domain(name=…, …)."
            )
        if domain.name != self.entry.name:
            raise SuiteError(
                f"The domain {self.entry.name!r} calls itself {domain.name!r}; its plugin must use one name."
            )
        return domain


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
        hearing = [info.name for info in self.infos if set(info.hooks) & set(EVENTS) and not info.error]
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

    def find(self, hook: str, name: str) -> Offer:
        """The offer of that name. Raises `SuiteError` for a clash or an unknown name."""
        if rivals := self.clashes.get((hook, name)):
            names = " and ".join(rival.name for rival in rivals)
            raise SuiteError(
                f"{name!r} is offered by the plugins {names}; uninstall one, or name the plugins to load: "
                f"SUITE_PLUGINS={rivals[0].name}."
            )
        if name not in self.offers[hook]:
            reasons = "; ".join(f"plugin {info.name}: {info.error}" for info in self.broken)
            hint = f"Broken: {reasons}." if reasons else ""
            raise unknown(hook.removeprefix("suite_").removesuffix("s"), name, self.offers[hook], hint=hint)
        return self.offers[hook][name]

    def domain(self, name: str) -> Domain:
        """The description of that name. Raises `SuiteError` as `find` and `DomainOffer.load` do."""
        domain: Domain = self.find("suite_domains", name).load()
        return domain


@cache
def load_plugins() -> Plugins:
    """Loads the core's own entries and every installed plugin, once per process.

    `SUITE_PLUGINS=a,b` loads only those; `SUITE_STRICT=1` raises what else would be recorded as a plugin's error.
    """
    plugins = Plugins()
    manager = plugins.manager
    _add(plugins, manager, PluginInfo(CORE, "suite", version("suite")), lambda: builtin)
    points = sorted(entry_points(group="suite"), key=lambda point: point.name)
    wanted = _wanted()
    for point in points:
        if wanted is None or point.name in wanted:
            _add(plugins, manager, _info(point), point.load)
    for name in sorted((wanted or set()) - {point.name for point in points}):
        error = unknown("plugin", name, (point.name for point in points))
        plugins.infos.append(PluginInfo(name, "SUITE_PLUGINS", "", error=str(error)))
    return plugins


def _wanted() -> set[str] | None:
    names = os.environ.get("SUITE_PLUGINS")
    return None if names is None else {name.strip() for name in names.split(",") if name.strip()}


def _info(point: EntryPoint) -> PluginInfo:
    dist = point.dist
    return PluginInfo(point.name, dist.name if dist else "unknown", dist.version if dist else "")


def _add(plugins: Plugins, manager: pluggy.PluginManager, info: PluginInfo, load: Callable[[], Any]) -> None:
    """Registers one plugin and takes its entries, or records why not; never lets it take the others down."""
    plugins.infos.append(info)
    if any(other.name == info.name for other in plugins.infos[:-1]):
        info.error = f"another plugin is called {info.name!r} too; rename the entry point of {info.distribution}"
        return
    try:
        module = load()
        manager.register(module, name=info.name)
        # pluggy accepts a misspelt hook in silence; this is where it says so, while we still know whose it is.
        manager.check_pending()
        collected = {hook: _entries(manager, hook, info.name) for hook in HOOKS}
        hearing = heard(manager, info.name)
    except (Exception, SystemExit) as error:  # an import may call sys.exit()
        if os.environ.get("SUITE_STRICT") == "1":
            raise
        if manager.has_plugin(info.name):
            manager.unregister(name=info.name)
        info.error = _describe(error)
        return
    for hook, entries in collected.items():
        if entries is None:
            continue
        info.hooks.append(hook)
        for entry in entries:
            _take(plugins, hook, (DomainOffer if hook == "suite_domains" else Offer)(entry, info))
    info.hooks += hearing


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


def _take(plugins: Plugins, hook: str, offer: Offer) -> None:
    """Adds an offer. The core's names stay the core's; two plugins with one name both lose it."""
    name = offer.entry.name
    earlier = plugins.offers[hook].get(name)
    taken_by_core = hook == "suite_domains" and name in plugins.commands
    if earlier is None and not taken_by_core and (hook, name) not in plugins.clashes:
        plugins.offers[hook][name] = offer
        return
    if earlier:
        rival = earlier.plugin
    else:
        rival = plugins.commands[name].plugin if taken_by_core else plugins.clashes[hook, name][0]
    if rival.name == CORE:
        offer.plugin.error = f"its {name!r} is a name of the core; rename it"
        return
    plugins.clashes.setdefault((hook, name), [rival]).append(offer.plugin)
    plugins.offers[hook].pop(name, None)
    for plugin, other in ((rival, offer.plugin), (offer.plugin, rival)):
        plugin.error = f"{name!r} is offered by {other.name} too; uninstall one of them or set SUITE_PLUGINS"


def _describe(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
