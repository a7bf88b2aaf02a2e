"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click

from suite.errors import SuiteError

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _quiet(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        os.environ["SUITE_QUIET"] = "1"


def _offline(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        from suite.assets.asset import set_offline

        set_offline()


quiet_option = click.option("-q", "--quiet", is_flag=True, expose_value=False, callback=_quiet, help="Results only.")


offline_option = click.option(
    "--offline", is_flag=True, expose_value=False, callback=_offline, help="Never open a connection."
)


format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Output form.",
)


columns_option = click.option(
    "--columns", default="", metavar="OURS=THEIRS,…", help="Which column holds what, as text=sentence; else guessed."
)


def _settings(domain: str) -> Decorator:
    """`--set`, which every verb that makes a config understands."""
    help_ = f"Any option of 'suite {domain} options'; may be given again."
    return click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help=help_)


def parse_columns(text: str) -> dict[str, str]:
    """`"text=sentence,audio=path"` as a mapping. Raises `SuiteError` for a part without `=`."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    for ours, equals, theirs in pairs:
        if not equals or not theirs:
            raise SuiteError(f"--columns {text!r}: {ours!r} has no '='; write --columns text=sentence,audio=path.")
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}
