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
EXAMPLES = {
    # Its one dependency that Suite does not bring; the version is the one its pyproject.toml asks for.
    "forecasting": ("fracast==0.1.0",),
    "detection": (),
}
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
    """Function of an example's name: the environment of a process that finds it where pip put it, and no other."""
    made = {}

    def environment(name):
        if name not in made:
            site = tmp_path_factory.mktemp("site")
            line = ["pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
            run(*line, "--target", str(site), str(ROOT / "examples" / name), *EXAMPLES[name], folder=site)
            path = os.pathsep.join([str(site), str(ROOT), os.environ.get("PYTHONPATH", "")])
            made[name] = os.environ | {"PYTHONPATH": path, "SUITE_PLUGINS": name}
        return made[name]

    return environment


def contract(name, folder, environment, *flags):
    """What pytest says of the contract, without any test file."""
    asked = ["--suite-input", NUMBERS] if name == "forecasting" else []
    line = ["pytest", "-q", "-p", "no:cacheprovider", "--suite-domain", name, *asked]
    return run(*line, *flags, folder=folder, environment=environment)


def test_forecasting_is_found_trained_and_asked(installed, tmp_path):
    installed = installed("forecasting")
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


def test_detection_is_found_trained_and_asked(installed, tmp_path):
    installed = installed("detection")
    settings = [part for setting in ("limit=30", "epochs=6", "batch_size=5") for part in ("--set", setting)]
    run("suite", "detection", "train", "-q", *settings, folder=tmp_path, environment=installed)
    test = json.loads((newest(tmp_path / "runs") / "evaluation.json").read_text())["test"]
    assert set(test["systems"]) == {"fine-tuned", "before fine-tuning", "middle box"}
    figure = test["systems"]["fine-tuned"]["average_precision"]
    assert figure["low"] < figure["value"] < figure["high"] and test["units"]["average_precision"]["name"] == "example"
    drawn = "from suite_detection.starter import sample_file; print(sample_file())"
    picture = subprocess.run([sys.executable, "-c", drawn], env=installed, capture_output=True, text=True, check=True)
    asked = ["suite", "detection", "predict", picture.stdout.strip(), "--output", "answer.csv", "-q"]
    run(*asked, "--set", "least=0", folder=tmp_path, environment=installed)
    with (tmp_path / "answer.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert len(json.loads(row["objects"])) == 8 and set(json.loads(row["objects"])[0]) == {"box", "label", "confidence"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_keeps_the_quick_promises(name, installed, tmp_path):
    output = contract(name, tmp_path, installed(name), "-k", QUICK, "--suite-settings", *SETTINGS)
    assert "5 passed" in output


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_it_keeps_the_whole_contract_and_its_own_tests(name, installed, tmp_path):
    tests = ROOT / "examples" / name / "tests"
    output = run("pytest", "-p", "no:cacheprovider", str(tests), folder=tmp_path, environment=installed(name))
    assert " passed" in output and "failed" not in output and "skipped" not in output
