"""The command `suite plugins`: what each plugin offers, from where and how long it took, and the switch of each."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict

import click

from suite.cli.options import format_option
from suite.console import result, say, warn
from suite.errors import SuiteError, unknown
from suite.plugins import switches
from suite.plugins.loader import HOOKS, Plugins, installed, load_plugins
from suite.plugins.names import CORE
from suite.plugins.observers import EVENTS
from suite.plugins.offers import PluginInfo


@click.group(invoke_without_command=True)
@format_option
@click.pass_context
def plugins(ctx: click.Context, form: str) -> None:
    """List what each plugin offers, from where, and how long it took to import; switch one off, or on again.

    \b
    suite plugins
    suite plugins disable NAME
    suite plugins enable NAME
    """
    if ctx.invoked_subcommand:
        return
    every = load_plugins()
    rows = [asdict(info) | {"offers": _offers(every, info)} for info in every.infos]
    if form == "json":
        result(json.dumps(rows, indent=2))
        return
    result("\n".join(line for info, row in zip(every.infos, rows, strict=True) for line in _lines(info, row["offers"])))


def _offers(every: Plugins, info: PluginInfo) -> dict[str, list[str]]:
    """Names by hook, of what people can reach."""
    return {
        hook: [name for name, offer in every.offers.get(hook, {}).items() if offer.plugin is info]
        for hook in info.hooks
        if hook in HOOKS
    }


def _lines(info: PluginInfo, offers: dict[str, list[str]]) -> Iterator[str]:
    took = f", {info.seconds:.2f} s" if info.seconds else ""
    yield f"{info.name} ({info.distribution} {info.version}{took}){': ' * bool(info.place)}{info.place}"
    for hook, names in offers.items():
        yield f"  {hook.removeprefix('suite_')}: {', '.join(names) or 'none'}"
    if hears := [hook.removeprefix("suite_") for hook in info.hooks if hook in EVENTS]:
        yield f"  hears: {', '.join(hears)}"
    if info.error:
        yield f"  broken: {info.error}"
    if not info.enabled:
        yield f"  {info.about}"
    for note in info.notes:
        yield f"  {note}"


@plugins.command()
@click.argument("name")
def disable(name: str) -> None:
    """Switch a plugin off for good: nothing of it is imported any more. SUITE_PLUGINS ranks above."""
    if name == CORE:
        raise SuiteError(f"{CORE!r} is the core itself, which cannot be switched off.")
    names = {point.name for point in installed()}
    if name not in names:
        raise unknown("plugin", name, names)
    _switch({*switches.disabled(), name}, f"{name} is switched off; back on: suite plugins enable {name}")


@plugins.command()
@click.argument("name")
def enable(name: str) -> None:
    """Switch a plugin on again that was switched off."""
    off = switches.disabled()
    if name not in off:
        known = {point.name for point in installed()}
        if name in known:
            say(f"{name} is not switched off.")
            return
        raise unknown("plugin", name, known | off)
    _switch(off - {name}, f"{name} is switched on.")


def _switch(names: set[str], done: str) -> None:
    switches.write(names)
    result(done)
    if "SUITE_PLUGINS" in os.environ:
        warn("SUITE_PLUGINS is set and ranks above what is switched on or off.")
