"""Options that several commands share, and how a command reaches the function that does its work."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, TypeVar

import click

from suite.assets.asset import set_offline
from suite.config import TrainConfig
from suite.errors import SuiteError

AnyCommand = TypeVar("AnyCommand", bound=click.Command)
Command = Callable[..., Any]
Decorator = Callable[[Command], Command]


def action(target: str) -> Command:
    """The function "module:name" that does a command's work, imported now.

    Commands are declared in modules that import nothing heavy, so that their help comes at once; what they do is in
    `suite.cli.actions`, whose modules import what they need at their top.
    """
    command: Command = resolve_name(target)
    return command


def _quiet(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        os.environ["SUITE_QUIET"] = "1"


def _offline(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        set_offline()


COMMON = (
    (("-q", "--quiet"), _quiet, "Results only."),
    (("--offline",), _offline, "Never open a connection."),
)
"""What every command takes: flags, what they do, and their help."""


def with_common_options(command: AnyCommand) -> AnyCommand:
    """The command, a plugin's own too, with `-q` and `--offline`; and so are its subcommands, when they are looked up.

    A flag that the command has for something else stays its own.
    """
    taken = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    for flags, callback, text in COMMON:
        free = [flag for flag in flags if flag not in taken]
        if flags[-1] in free:
            command.params.append(click.Option(free, is_flag=True, expose_value=False, callback=callback, help=text))
    if isinstance(command, click.Group) and not isinstance(command.get_command, _LookUp):
        command.get_command = _LookUp(command.get_command)  # type: ignore[method-assign]
    return command


@dataclass(frozen=True)
class _LookUp:
    """A group's own way to find its subcommands, whichever it is, each given what every command takes."""

    plain: Callable[[click.Context, str], click.Command | None]

    def __call__(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = self.plain(ctx, cmd_name)
        return with_common_options(command) if command else None


format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Output form.",
)
"""`--format text|json` of a command that gets it as `form`: tables for people, JSON for programs."""


columns_option = click.option(
    "--columns", default="", metavar="OURS=THEIRS,…", help="Which column holds what, as text=sentence; else guessed."
)


runs_option = click.option(
    "--output", type=Path, default=Path("runs"), show_default=True, help="Folder the runs are in."
)


processes_option = click.option(
    "--processes", type=click.IntRange(1), help="Processes on this machine, one for each GPU."
)


force_option = click.option(
    "--force", is_flag=True, help="Take the run from the process that owns it, alive or not; never wait for it."
)


def settings_option(domain: str) -> Decorator:
    """`--set`, which every verb that makes a config understands."""
    help_ = f"Any option of 'suite {domain} options'; may be given again."
    return click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help=help_)


@dataclass(frozen=True, kw_only=True)
class TrainingFlags:
    """What the command line says of a training run: the options that have a flag, and the ways to give all others."""

    model: str | None = None
    data: str | None = None
    columns: str = ""
    epochs: float | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    lora: bool | None = None
    precision: str | None = None
    output: Path | None = None
    name: str | None = None
    seed: int | None = None
    file: Path | None = None
    """A YAML file with options."""
    settings: tuple[str, ...] = ()
    """Options as KEY=VALUE."""

    def layers(self, config: type[TrainConfig]) -> list[dict[str, Any]]:
        """Options in three layers, later ones above earlier ones: of the file, of the settings, of the flags.

        What was not given is in none. Raises `SuiteError` for a file or a text that cannot be read.
        """
        names = [field.name for field in fields(self) if field.name not in ("file", "settings", "columns")]
        flags = {name: value for name in names if (value := getattr(self, name)) not in (None, "")}
        if self.columns:
            flags["columns"] = parse_columns(self.columns)
        return [config.from_file(self.file) if self.file else {}, config.parse_settings(self.settings), flags]


def training_options(domain: str) -> Decorator:
    """Gives a command the flags of a training; it gets them as one value, `flags`. `domain` is named in the help."""
    options = (
        click.option("--model", help="Hub id, local folder or finished run to start from."),
        click.option("--data", help="Hub id, folder, file or starter name."),
        columns_option,
        click.option("--epochs", type=float, help="Passes over the data."),
        click.option("--batch-size", type=int, help="Examples per optimizer step, over all processes."),
        click.option("--learning-rate", type=float, help="Peak learning rate."),
        click.option("--lora", is_flag=True, default=None, help="Train low-rank adapters only."),
        click.option(
            "--precision",
            type=click.Choice(["auto", "fp32", "bf16"]),
            help="Arithmetic; auto is bf16 if the GPU has it.",
        ),
        click.option("--output", type=Path, help="Folder that receives the run's own folder; else runs."),
        click.option("--name", help="Name of the run, added to its time stamp; else the model's."),
        click.option("--seed", type=int, help="Decides splits, order, dropout and augmentation."),
        click.option("--config", "file", type=Path, help="YAML file with options."),
        settings_option(domain),
    )

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def collected(**given: Any) -> Any:
            flags = TrainingFlags(**{field.name: given.pop(field.name) for field in fields(TrainingFlags)})
            return command(flags=flags, **given)

        decorated: Command = collected
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return decorate


def parse_columns(text: str) -> dict[str, str]:
    """`"text=sentence,audio=path"` as a mapping. Raises `SuiteError` for a part without `=`."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    for ours, equals, theirs in pairs:
        if not equals or not theirs:
            raise SuiteError(f"--columns {text!r}: {ours!r} has no '='; write --columns text=sentence,audio=path.")
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}
