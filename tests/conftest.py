"""What all tests share: the toy domain, installed for this process and for every process it starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "toy"

sys.path.insert(0, str(FOLDER))
os.environ["PYTHONPATH"] = os.pathsep.join([str(FOLDER), *filter(None, [os.environ.get("PYTHONPATH")])])
# One thread each: several torch processes with two threads on two cores were seen 30 times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # those that have two sleep when they wait
os.environ["SUITE_CONFIG"] = str(FOLDER / "no-config")  # whoever runs the tests may have switched plugins off
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # tests never wait for a hub
os.environ.setdefault("SUITE_CALLBACKS", "")  # nor for a tracker's second of imports, and none keeps what they train


@pytest.fixture(autouse=True)
def own_environment(monkeypatch):
    """What a command run in this process set for its children (`-q`, `--offline`) is not felt by the next test."""
    for name in ("SUITE_QUIET", "SUITE_OFFLINE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def toy():
    """The toy with its defaults."""
    from suite_toy.domain import TOY

    return TOY.task()


@pytest.fixture
def toy_model(toy):
    """The toy's starter model."""
    return toy.load(FOLDER / "suite_toy" / "starter" / "model", None)


@pytest.fixture
def toy_rows():
    """All of the toy's rows, as dicts."""
    import csv

    with (FOLDER / "suite_toy" / "starter" / "words.csv").open() as file:
        return list(csv.DictReader(file))
