"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = ("cards", "commands", "guards", "languages", "lengths", "localize", "memory", "sentences")


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings_run(name):
    found = doctest.testmod(importlib.import_module(f"suite_translation.{name}"))
    assert found.failed == 0 and found.attempted > 0
