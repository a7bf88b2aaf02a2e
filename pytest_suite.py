"""The contract as a pytest plugin: `pytest --suite-domain weather` checks an installed domain without any test file.

A module of its own beside `suite`, because pytest imports it at every start, whoever's tests they are: it must cost
nothing, and importing `suite` costs a quarter of a second.
"""

from __future__ import annotations

from importlib.util import find_spec

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, all named `--suite-…` so that they meet nobody else's."""
    group = parser.getgroup("suite", "the contract of a Suite domain")
    group.addoption("--suite-domain", metavar="NAME", help="Check the contract of this installed domain.")
    group.addoption(
        "--suite-settings",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="Options of its training run, such as limit=8; the default is a run of three steps.",
    )
    group.addoption("--suite-input", default="", metavar="INPUT", help="An argument that predict must answer.")


def pytest_configure(config: pytest.Config) -> None:
    """Collects the contract where it is asked for: instead of the folder's own tests, or beside what is named."""
    config.addinivalue_line("markers", "slow: takes more than a minute")  # the contract's, for who subclasses it, too
    if not config.getoption("suite_domain"):
        return
    contract = find_spec("suite.testing.installed_domain")
    assert contract is not None and contract.origin is not None
    named = config.args if config.args_source is pytest.Config.ArgsSource.ARGS else []
    config.args = [*(argument for argument in named if argument != contract.origin), contract.origin]
