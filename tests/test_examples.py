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
EXAMPLES = ROOT / "examples"
NUMBERS = ", ".join(str((step * 7) % 24) for step in range(48))
SETTINGS = ("limit=4", "max_steps=2", "batch_size=2")
QUICK = "imports_nothing_heavy or what_people_read or mean_over_count or are_json or misspelt"
ASKED = {"forecasting": NUMBERS, "chat": "When does the pool open on Sunday?", "points": "50", "detection": ""}
"""Each example, and an argument that its `predict` answers; that of detection is a file of its own."""


def run(*line, folder, environment=None):
    """Standard output of a command that must work."""
    line = [sys.executable, "-m", *line]
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{line}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The environment of a process that finds the examples where pip put them, and no other plugin."""
    site = tmp_path_factory.mktemp("site")
    line = ["pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    folders = [str(EXAMPLES / name) for name in ASKED]
    # Forecasting's one dependency that Suite does not bring; the version is the one its pyproject.toml asks for.
    run(*line, "--target", str(site), *folders, "fracast==0.1.0", folder=site)
    path = os.pathsep.join([str(site), str(ROOT), os.environ.get("PYTHONPATH", "")])
    return os.environ | {"PYTHONPATH": path, "SUITE_PLUGINS": ",".join(ASKED)}


def contract(name, folder, environment, *flags):
    """What pytest says of the contract, without any test file."""
    line = ["pytest", "-q", "-p", "no:cacheprovider", "--suite-domain", name]
    line += ["--suite-input", ASKED[name]] if ASKED[name] else []
    return run(*line, *flags, folder=folder, environment=environment)


def test_forecasting_is_found_trained_and_asked(installed, tmp_path):
    domains = json.loads(run("suite", "list", "--format", "json", folder=tmp_path, environment=installed))["domains"]
    assert {domain["name"] for domain in domains} == set(ASKED)
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


@pytest.mark.parametrize(
    ("name", "more", "passed"), [("forecasting", "", 5), ("detection", "", 5), ("chat", " or stream_ends", 6)]
)
def test_it_keeps_the_quick_promises(installed, tmp_path, name, more, passed):
    output = contract(name, tmp_path, installed, "-k", QUICK + more, "--suite-settings", *SETTINGS)
    assert f"{passed} passed" in output


def test_two_networks_learn_against_each_other_and_both_losses_are_in_the_log(installed, tmp_path):
    settings = [part for setting in (*SETTINGS, "log_every=1") for part in ("--set", setting)]
    run("suite", "points", "train", "-q", *settings, folder=tmp_path, environment=installed)
    lines = [json.loads(line) for line in (newest(tmp_path / "runs") / "metrics.jsonl").read_text().splitlines()]
    logged = [line for line in lines if "loss" in line]
    assert len(logged) == 2
    assert all(line["loss"] == pytest.approx(line["loss/generator"] + line["loss/discriminator"]) for line in logged)


@pytest.mark.slow
@pytest.mark.parametrize("name", ASKED)
def test_it_keeps_the_whole_contract_and_its_own_tests(installed, tmp_path, name):
    tests = str(EXAMPLES / name / "tests")
    output = run("pytest", "-p", "no:cacheprovider", tests, folder=tmp_path, environment=installed)
    # A domain that does not stream has no promise to keep of streams; nothing else is left out.
    assert " passed" in output and "failed" not in output and ("skipped" in output) == (name != "chat")
