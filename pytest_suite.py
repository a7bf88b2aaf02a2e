"""The contract as a pytest plugin: `pytest --suite-domain weather` checks an installed domain without any test file.

A module of its own beside `suite`, because pytest imports it at every start, whoever's tests they are: it must cost
nothing, and importing `suite` costs a quarter of a second.
"""

from __future__ import annotations

from argparse import ArgumentError
from importlib.util import find_spec

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, named `--suite-…` so that they meet nobody else's; `--badge` is one for short."""
    group = parser.getgroup("suite", "the contract of a Suite domain")
    group.addoption("--suite-domain", metavar="NAME", help="Check the contract of this installed domain.")
    group.addoption(
        "--suite-settings",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="Options of its training run, such as limit=8; the default is a run of three steps.",
    )
    badge = {"nargs": "?", "const": ".", "dest": "badge", "metavar": "FOLDER"}
    says = "Write NAME-contract.json and .svg here, or into FOLDER: versions, and how many promises are kept."
    try:
        group.addoption("--suite-badge", "--badge", help=says, **badge)
    except (ValueError, ArgumentError):  # another plugin has --badge; which it is depends on pytest
        group.addoption("--suite-badge", help=says, **badge)
    group.addoption("--suite-input", default="", metavar="INPUT", help="An argument that predict must answer.")


def pytest_configure(config: pytest.Config) -> None:
    """Collects the contract where it is asked for: instead of the folder's own tests, or beside what is named."""
    config.addinivalue_line("markers", "slow: takes more than a minute")  # the contract's, for who subclasses it, too
    badge = config.getoption("badge") is not None
    if not config.getoption("suite_domain"):
        if badge:
            raise pytest.UsageError("--badge is of a domain's contract: give --suite-domain NAME too.")
        return
    if badge:
        config.pluginmanager.import_plugin("suite.testing.badge")
    contract = find_spec("suite.testing.installed_domain")
    assert contract is not None and contract.origin is not None
    named = config.args if config.args_source is pytest.Config.ArgsSource.ARGS else []
    config.args = [*(argument for argument in named if argument != contract.origin), contract.origin]
