"""What tests of the hub share: a fake one, commands run in a process that knows no other, and a finished run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from fake_hub import FakeHub  # noqa: E402 - it lies beside this file, and tests are not packages


class Place:
    """A working directory, and commands run in it by a process whose hub is the fake one."""

    def __init__(self, hub, worker, folder):
        self.hub, self.worker, self.folder = hub, worker, folder

    def suite(self, *arguments, **environment):
        """Runs `suite …`; the status and what it wrote."""
        variables = {"HF_TOKEN": "hf_write", "SUITE_CACHE": str(self.folder.parent / "cache"), **environment}
        line = {"arguments": [str(word) for word in arguments], "folder": str(self.folder), "environment": variables}
        self.worker.stdin.write(json.dumps(line) + "\n")
        self.worker.stdin.flush()
        return json.loads(self.worker.stdout.readline())

    def ok(self, *arguments, **environment):
        """The standard output of a command that must work."""
        done = self.suite(*arguments, **environment)
        assert done["status"] == 0, done["err"]
        return done["out"]

    def refused(self, *arguments, **environment):
        """The one sentence of a command that must end with status 2."""
        done = self.suite(*arguments, **environment)
        lines = done["err"].splitlines()
        assert done["status"] == 2 and done["out"] == "", done
        assert [line for line in lines if line.startswith("Error: ")] == lines[-1:], lines
        return lines[-1].removeprefix("Error: ")

    @property
    def run(self):
        """The newest run."""
        return max((self.folder / "runs" / "toy").iterdir())


@pytest.fixture(scope="session")
def session_hub():
    """The fake hub that the process below was started with."""
    fake = FakeHub()
    yield fake
    fake.close()


@pytest.fixture(scope="session")
def worker(session_hub, tmp_path_factory):
    """`worker.py`, a user's process with a home of its own."""
    home = tmp_path_factory.mktemp("home")
    variables = {
        "HF_ENDPOINT": session_hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0", "HOME": str(home),
        "HF_HOME": str(home / "hf"), "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "SUITE_PLUGINS": "toy", "PYTHONWARNINGS": "ignore",
    }  # fmt: skip
    line = [sys.executable, str(HERE / "worker.py")]
    child = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | variables)
    child.home = home
    yield child
    child.stdin.close()
    child.wait()


@pytest.fixture
def hub(session_hub, worker):
    """The fake hub, empty, and nothing of it in the user's cache."""
    session_hub.reset()
    shutil.rmtree(worker.home / "hf" / "hub", ignore_errors=True)
    return session_hub


@pytest.fixture(scope="session")
def trained(worker, tmp_path_factory):
    """A folder with a toy run, fine-tuned with adapters on rows of one's own; made once and copied."""
    folder = tmp_path_factory.mktemp("trained")
    words = (HERE.parent / "toy" / "suite_toy" / "starter" / "words.csv").read_text()
    (folder / "secret-words.csv").write_text(words)
    place = Place(None, worker, folder)
    place.ok("toy", "train", "--data", "secret-words.csv", "--lora", "--epochs", "1", "--name", "first")
    return folder


@pytest.fixture
def empty(hub, worker, tmp_path):
    """A working directory with nothing in it."""
    (tmp_path / "work").mkdir()
    return Place(hub, worker, tmp_path / "work")


@pytest.fixture
def place(empty, trained):
    """A working directory with a copy of the run."""
    shutil.copytree(trained, empty.folder, dirs_exist_ok=True)
    return empty
