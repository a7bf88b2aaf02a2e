"""The command `suite new`."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from pathlib import Path

import click

from suite.console import result, say
from suite.errors import SuiteError, unknown
from suite.plugins.builtin import DISTRIBUTION, VERBS, WEB_PATHS
from suite.plugins.loader import ASKED, load_plugins
from suite.plugins.names import CORE
from suite.scaffold.render import kinds, render

LONGEST = 24
"""Characters of a name: it is typed in every command, and lines of the new code must not outgrow their width."""


@click.command()
@click.argument("name")
@click.option("--kind", default="", metavar="KIND", help="What an example is; asked for when not given.")
@click.option("--output", type=Path, help="Folder to make; by default suite-NAME here.")
@click.option("--title", default="", help="The name people read; by default NAME.")
def new(name: str, kind: str, output: Path | None, title: str) -> None:
    """Write a plugin with a domain that already trains, answers and demonstrates.

    KIND is image, table, audio, text, text-pair or interactions.
    """
    word = plain(name)
    chosen = chosen_kind(kind)
    folder = output or Path(f"suite-{word}")
    if folder.exists():
        raise SuiteError(f"{folder} is there already and nothing is overwritten; name another folder with --output.")
    if title and not re.fullmatch(r"[^\"\\\n{}]{1,60}", title):
        raise SuiteError(f"The title {title!r} goes into code: up to 60 characters, no quotes, braces or backslashes.")
    given = {"name": word, "kind": chosen} | ({"title": title} if title else {})
    for path in render(given, folder):
        say(f"  {path}")
    result(f"Written: {folder}")
    say(f'Next: pip install -e "{folder}[dev]" && suite {word} train && pytest {folder}')


def plain(name: str) -> str:
    """The name as a word of the command line. Raises `SuiteError` with the reason where it is none, or is taken."""
    word = re.sub(r"[\s_-]+", "-", name.strip().lower())
    if reason := _no_word(word) or _taken(word):
        raise SuiteError(f"{name!r} is no name for a domain: {reason}; take another, such as 'bird-calls'.")
    return word


def _no_word(word: str) -> str:
    """Why a word can be no domain's whatever is installed; "" where it can."""
    if len(word) > LONGEST:
        return f"it has {len(word)} characters, and {LONGEST} fit into the lines of the new code"
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", word):
        return "a name is letters a to z, digits and '-', and begins with a letter"
    if word in map(str.lower, keyword.kwlist):
        return f"{word!r} is a word of Python, and names in the new code are made of it"
    if word == CORE:
        return "it is the core's own"
    if word in WEB_PATHS or word in VERBS:
        return f"{word!r} is a {'verb of every domain' if word in VERBS else 'path of the web app'}"
    if f"suite-{word}" == DISTRIBUTION:
        return f"its distribution would be {DISTRIBUTION}, which is the core's"
    return ""


def _taken(word: str) -> str:
    """What has the name already on this machine; "" where nothing has."""
    plugins = load_plugins()
    for hook in ("suite_domains", "suite_commands", "suite_pages"):
        offer = plugins.offers[hook].get(word)
        rivals = plugins.clashes.get((hook, word)) or ([offer.plugin] if offer else [])
        if rivals:
            kind = hook.removeprefix("suite_").removesuffix("s")
            owner = "the core" if rivals[0].name == CORE else f"the plugin {rivals[0].name}"
            return f"it is a {kind} of {owner} already"
    for info in plugins.infos:
        if info.distribution == ASKED:  # wanted, and not there
            continue
        if word == info.name or f"suite-{word}" == info.distribution.lower().replace("_", "-"):
            return f"a plugin of that name is installed already ({info.distribution} {info.version})"
    if importlib.util.find_spec(f"suite_{word.replace('-', '_')}"):
        return f"there is a module suite_{word.replace('-', '_')} here already"
    return ""


def chosen_kind(kind: str) -> str:
    """The kind given, or the one a person at a terminal chooses. Raises `SuiteError` for an unknown or missing one."""
    possible = kinds()
    if kind and kind not in possible:
        raise unknown("kind", kind, possible)
    if kind:
        return kind
    if not sys.stdin.isatty():
        raise SuiteError(f"Say what an example is: --kind {', '.join(possible[:-1])} or {possible[-1]}.")
    return str(click.prompt("What is an example", type=click.Choice(possible)))
