"""docs/writing-a-plugin.md, followed to the letter."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import suite
from suite.scaffold.render import render

ROOT = Path(suite.__file__).parent.parent
PAGE = (ROOT / "docs" / "writing-a-plugin.md").read_text()
ELSEWHERE = ("pip install", "suite launch")
"""Commands whose own tests are test_scaffold.test_pip_installs_it and tests/browser."""


def blocks(language):
    """The page's blocks of code in one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_its_code_is_that_of_a_new_plugin_or_an_example(tmp_path):
    render({"name": "weather", "kind": "text"}, tmp_path / "new")
    written = "".join(path.read_text() for path in (tmp_path / "new").rglob("*.py"))
    written += "".join(path.read_text() for path in ROOT.glob("examples/*/suite_*/*.py"))  # which have what few need
    strange = [code for code in blocks("python") if code not in written]
    assert [code for code in strange if textwrap.indent(code, "    ") not in written] == []
    assert len(blocks("python")) >= 6


def test_its_files_are_all_there_are(tmp_path):
    render({"name": "weather", "kind": "text"}, tmp_path / "new")
    for name in re.findall(r"^\| `(suite_weather/\S+|tests/|pyproject.toml)`", PAGE, re.MULTILINE):
        assert (tmp_path / "new" / name).exists(), name
    made = {path.name for path in (tmp_path / "new" / "suite_weather").iterdir()}
    assert made == {name for name in made if f"`suite_weather/{name}`" in PAGE}


def words(line):
    """The command as this Python runs it; what a test has no time for is left out."""
    name, *rest = shlex.split(line, comments=True)
    return [sys.executable, "-m", name, *rest, *(["-m", "not slow"] if name == "pytest" and "-m" not in rest else [])]


def interrupted(folder, environment):
    """A training that is stopped by Ctrl-C once it has begun."""
    before = set(folder.glob("runs/weather/*"))
    line = [sys.executable, "-m", "suite", "weather", "train"]
    process = subprocess.Popen(line, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 600
    while not [run for run in set(folder.glob("runs/weather/*")) - before if (run / "metrics.jsonl").is_file()]:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=600)
    assert process.returncode == 128 + signal.SIGINT, stderr[-2000:]


@pytest.mark.slow
def test_its_commands_work_in_order(tmp_path):
    folder = tmp_path / "suite-weather"
    path = os.pathsep.join([str(folder), str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path, "SUITE_PLUGINS": "weather"}
    (tmp_path / "mine.csv").write_text(blocks("csv")[0])
    lines = [line for block in blocks("shell") for line in block.splitlines() if not line.startswith(ELSEWHERE)]
    assert len(lines) == 11
    for line in lines:
        if "--resume" in line:
            interrupted(tmp_path, environment)
        done = subprocess.run(words(line), cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}{done.stderr[-3000:]}"
        if line.startswith("suite new"):
            info = folder / "suite_weather-0.1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text("Metadata-Version: 2.1\nName: suite-weather\nVersion: 0.1.0\n")
            (info / "entry_points.txt").write_text("[suite]\nweather = suite_weather\n")
