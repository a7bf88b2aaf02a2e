"""examples/: installed as somebody else's plugin is, by pip, and used by the commands of its README."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import suite
from suite.testing import newest

ROOT = Path(suite.__file__).parent.parent
EXAMPLE = ROOT / "examples" / "forecasting"
NUMBERS = ", ".join(str((step * 7) % 24) for step in range(48))
SETTINGS = ("limit=4", "max_steps=2", "batch_size=2")
QUICK = "imports_nothing_heavy or what_people_read or mean_over_count or are_json or misspelt"


def run(*line, folder, environment=None):
    """Standard output of a command that must work."""
    line = [sys.executable, "-m", *line]
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{line}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The environment of a process that finds the example where pip put it, and no other plugin."""
    site = tmp_path_factory.mktemp("site")
    line = ["pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    # Its one dependency that Suite does not bring; the version is the one its pyproject.toml asks for.
    run(*line, "--target", str(site), str(EXAMPLE), "fracast==0.1.0", folder=site)
    path = os.pathsep.join([str(site), str(ROOT), os.environ.get("PYTHONPATH", "")])
    return os.environ | {"PYTHONPATH": path, "SUITE_PLUGINS": "forecasting"}


def contract(folder, environment, *flags):
    """What pytest says of the contract, without any test file."""
    line = ["pytest", "-q", "-p", "no:cacheprovider", "--suite-domain", "forecasting", "--suite-input", NUMBERS]
    return run(*line, *flags, folder=folder, environment=environment)


def test_it_is_found_trained_and_asked(installed, tmp_path):
    (domain,) = json.loads(run("suite", "list", "--format", "json", folder=tmp_path, environment=installed))["domains"]
    assert domain["name"] == "forecasting"
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    run("suite", "forecasting", "train", "-q", *settings, folder=tmp_path, environment=installed)
    systems = json.loads((newest(tmp_path / "runs") / "evaluation.json").read_text())["test"]["systems"]
    assert set(systems) == {"fine-tuned", "before fine-tuning", "last value", "recent mean", "season before"}
    assert "\npipeline_tag: time-series-forecasting\n" in (newest(tmp_path / "runs") / "README.md").read_text()
    asked = ["suite", "forecasting", "predict", NUMBERS, "--output", "answer.csv", "-q"]
    run(*asked, folder=tmp_path, environment=installed)
    with (tmp_path / "answer.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(1, 15))
    assert all(float(row["low"]) <= float(row["median"]) <= float(row["high"]) for row in rows)


def test_it_keeps_the_quick_promises(installed, tmp_path):
    output = contract(tmp_path, installed, "-k", QUICK, "--suite-settings", *SETTINGS)
    assert "5 passed" in output


@pytest.mark.slow
def test_it_keeps_the_whole_contract_and_its_own_tests(installed, tmp_path):
    output = run("pytest", "-p", "no:cacheprovider", str(EXAMPLE / "tests"), folder=tmp_path, environment=installed)
    assert " passed" in output and "failed" not in output and "skipped" not in output
