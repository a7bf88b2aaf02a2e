"""The contract of the domain named by `pytest --suite-domain`; collected by the plugin in `pytest_suite.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.domain.description import Domain
from suite.errors import SuiteError
from suite.plugins.loader import load_plugins
from suite.testing.contract import DomainContract

DEFAULTS = {"limit": 12, "max_steps": 3, "evaluate_every": 2}
"""Enough for a checkpoint between two others, and over in seconds."""


class TestDomain(DomainContract):
    """The contract, with options instead of attributes."""

    given_input = ""

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def options(cls, request: pytest.FixtureRequest) -> None:
        """Takes the options; an unknown domain or setting ends pytest with the sentence that names the nearest."""
        option = request.config.getoption
        try:
            domain: Domain = load_plugins().domain(option("suite_domain"))
            settings = DEFAULTS | domain.Config.parse_settings(option("suite_settings"))
            domain.Config.build(settings)
        except SuiteError as error:
            pytest.exit(str(error), returncode=2)
        cls.domain, cls.settings, cls.given_input = domain.name, settings, option("suite_input")

    def answered_input(self, folder: Path) -> str:
        """What `--suite-input` gives."""
        return self.given_input
