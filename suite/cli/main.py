"""The command `suite`: finds commands and domains by name; everything heavy is imported by what is run."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import click

from suite.cli import verbs
from suite.cli.options import with_common_options
from suite.errors import SuiteError, unknown
from suite.plugins.builtin import DISTRIBUTION, VERBS
from suite.plugins.hookspecs import Entry
from suite.plugins.loader import Plugins, core_plugins, load_plugins
from suite.plugins.offers import Offer


class LazyGroup(click.Group):
    """A click group whose commands are listed by summary and imported only when run."""

    def summaries(self) -> dict[str, str]:
        """Name and summary of every command, in the order of the help."""
        raise NotImplementedError

    def find(self, name: str) -> click.Command | None:
        """Imports one command."""
        raise NotImplementedError

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, for shell completion."""
        return list(self.summaries())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or an error naming the nearest."""
        if cmd_name not in self.summaries():
            raise unknown("command", cmd_name, self.summaries())
        return self.find(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands in the help, written without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.summaries().items()))


class DomainGroup(LazyGroup):
    """`suite DOMAIN …`: the verbs every domain has, and those its plugin adds."""

    def __init__(self, offer: Offer, plugins: Plugins) -> None:
        super().__init__(offer.entry.name, help=offer.entry.summary, no_args_is_help=True)
        self.offer, self.plugins = offer, plugins

    def summaries(self) -> dict[str, str]:
        """The common verbs, then the plugin's own."""
        prefix = f"{self.name} "
        own = {
            name.removeprefix(prefix): offer.entry.summary
            for name, offer in self.plugins.commands.items()
            if name.startswith(prefix)
        }
        return VERBS | own

    def find(self, name: str) -> click.Command:
        """A common verb bound to this domain, or the plugin's own command."""
        if name not in VERBS:
            return self.plugins.find("suite_commands", f"{self.name} {name}").load()
        return getattr(verbs, name)(self.offer)


class SuiteGroup(LazyGroup):
    """`suite …`: the core's commands, then a group per domain."""

    def summaries(self) -> dict[str, str]:
        """Commands of one word and domains."""
        plugins = load_plugins()
        entries: list[Entry] = [offer.entry for offer in plugins.domains.values()]
        entries += [offer.entry for name, offer in plugins.commands.items() if " " not in name]
        return {entry.name: entry.summary for entry in entries}

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command or domain; an unknown name is told with what is broken, for that may be why.

        The core's own come first: 'suite plugins disable' works whatever a plugin does when it is imported.
        """
        if cmd_name in core_plugins().commands:
            command: click.Command = core_plugins().commands[cmd_name].load()
            return command
        plugins = load_plugins()
        if cmd_name in plugins.domains:
            return DomainGroup(plugins.domains[cmd_name], plugins)
        for hook in ("suite_domains", "suite_commands"):
            if cmd_name in plugins.offers[hook] or (hook, cmd_name) in plugins.clashes:
                command = plugins.find(hook, cmd_name).load()
                return command
        raise unknown("command or domain", cmd_name, self.summaries(), hint=plugins.missing())

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Domains first: they are what people come for."""
        plugins, summaries = load_plugins(), self.summaries()
        domains = {name: text for name, text in summaries.items() if name in plugins.domains}
        for title, part in (
            ("Domains", domains),
            ("Commands", {n: t for n, t in summaries.items() if n not in domains}),
        ):
            if part:
                with formatter.section(title):
                    formatter.write_dl(list(part.items()))
        for info in plugins.broken:
            formatter.write_text(f"Plugin {info.name} is broken: {info.error}")
        for info in (info for info in plugins.infos if info.notes):
            formatter.write_text(f"Plugin {info.name} {'; '.join(info.notes)}.")


@with_common_options
@click.group(cls=SuiteGroup, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True)
@click.version_option(version(DISTRIBUTION), "--version", message="suite %(version)s")
def suite() -> None:
    """Fine-tune, evaluate, predict and demonstrate: one tool for every domain.

    \b
    suite DOMAIN train          fine-tune on the starter data
    suite DOMAIN predict FILE   answer for a file
    suite launch                open the web app
    """


def run(command: Callable[..., Any], arguments: list[str]) -> int:
    """Runs a click command and turns its ending into an exit status: 0 worked, 2 a user's mistake, 1 ours."""
    try:
        # Without standalone mode click returns the status that `Exit` carries, and else what the command returns.
        status = command(args=arguments, prog_name="suite", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except SuiteError as error:
        if os.environ.get("SUITE_STRICT") == "1":
            raise
        if os.environ.get("RANK", "0") != "0":  # if the first process met the same error, it ends all before we speak
            time.sleep(1)
        click.echo(f"Error: {error}", err=True)
        return 2
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return 130  # 128 + SIGINT, as shells have it
    except BrokenPipeError:  # `suite list | head`: the reader has gone, nothing is wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def main() -> None:
    """Entry point of the `suite` command."""
    # Our own bars tell what takes long; a line per file loaded would drown them.
    for library in ("HF_HUB", "HF_DATASETS"):
        os.environ.setdefault(f"{library}_DISABLE_PROGRESS_BARS", "1")
    status = run(suite, sys.argv[1:])
    if "RANK" in os.environ:
        # One of several processes: gloo's threads may abort an ordinary exit (4 of 5 times in a test), and the launcher
        # would take an end in good order for a crash.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)
