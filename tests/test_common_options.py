"""What every command takes, of the core and of any plugin: `-q` and `--offline`."""

from __future__ import annotations

import os

import click
import pytest
from click.testing import CliRunner

from suite.cli.main import suite
from suite.cli.options import with_common_options


def tree(command: click.Command, words: tuple[str, ...] = ()):
    """Every command below one, by its words, as a person reaches it."""
    yield words, command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            yield from tree(command.get_command(ctx, name), (*words, name))


def flags(command: click.Command) -> list[str]:
    return [flag for parameter in command.params for flag in parameter.opts]


def test_every_command_takes_them():
    commands = dict(tree(suite))
    assert {("translation", "localize"), ("toy", "data", "check"), ("runs", "list"), ("plugins", "disable"), ()} <= set(
        commands
    )
    assert len(commands) > 60
    for words, command in commands.items():
        assert [flags(command).count(flag) for flag in ("-q", "--quiet", "--offline")] == [1, 1, 1], words


class Lazy(click.Group):
    """A group that makes its commands when they are asked for, as plugins with heavy ones do."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return ["say"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return click.Command("say", callback=lambda: click.echo(felt())) if cmd_name == "say" else None


def felt() -> str:
    return " ".join(name for name in ("SUITE_QUIET", "SUITE_OFFLINE") if os.environ.get(name) == "1")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("say", ""), ("say -q", "SUITE_QUIET"), ("-q say", "SUITE_QUIET"), ("say --quiet", "SUITE_QUIET"),
        ("--offline say", "SUITE_OFFLINE"), ("-q say --offline", "SUITE_QUIET SUITE_OFFLINE"),
    ],
)  # fmt: skip
def test_a_plugins_own_group_obeys_them_before_and_behind_its_command(line, expected):
    answer = CliRunner().invoke(with_common_options(Lazy("mine")), line.split())
    assert (answer.exit_code, answer.output) == (0, f"{expected}\n")


def test_they_are_given_once_and_what_a_command_has_stays_its_own():
    @click.command()
    @click.option("-q", "--quality", type=int, default=1)
    def draw(quality):
        click.echo(f"{quality} {felt()}")

    command = with_common_options(with_common_options(draw))
    assert sorted(flags(command)) == ["--offline", "--quality", "--quiet", "-q"]
    assert CliRunner().invoke(command, ["-q", "3", "--quiet"]).output == "3 SUITE_QUIET\n"
    own = click.Command("own", params=[click.Option(["--offline"]), click.Option(["--quiet"])])
    assert sorted(flags(with_common_options(own))) == ["--offline", "--quiet"]
