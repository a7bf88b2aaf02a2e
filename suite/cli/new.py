"""The command `suite new`."""

from __future__ import annotations

import keyword
import re
import sys
from pathlib import Path

import click

from suite.console import result, say
from suite.errors import SuiteError, unknown
from suite.plugins.loader import load_plugins
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
    """The name as a word of the command line. Raises `SuiteError` for one that is no name, or is taken."""
    word = re.sub(r"[\s_-]+", "-", name.strip().lower())
    module = word.replace("-", "_")
    if len(word) > LONGEST or not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", word) or keyword.iskeyword(module):
        raise SuiteError(
            f"{name!r} is no name for a domain; take up to {LONGEST} letters, digits and '-', such as 'bird-calls'."
        )
    plugins = load_plugins()
    taken = plugins.domains.get(word) or plugins.commands.get(word)
    if taken:
        raise SuiteError(f"{word!r} is a name of the plugin {taken.plugin.name} already; take another.")
    return word


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
