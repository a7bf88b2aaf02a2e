"""What tests of the hub share: a fake one, the command as a process that knows no other, and a finished run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_hub import FakeHub  # noqa: E402 - it lies beside this file, and tests are not packages


class Place:
    """A working directory with a home of its own, and the command run in it against a fake hub."""

    def __init__(self, hub, folder):
        self.hub, self.folder = hub, folder

    def suite(self, *arguments, token="hf_write", **environment):
        """Runs `suite …` and keeps its output; what is empty in `environment` is not set."""
        told = {
            "HF_ENDPOINT": self.hub.url, "HF_TOKEN": token, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "",
            "HF_HOME": str(self.folder / "hf"), "SUITE_CACHE": str(self.folder / "cache"),
            "HOME": str(self.folder / "home"), **environment,
        }  # fmt: skip
        kept = {name: text for name, text in {**os.environ, **told}.items() if text != ""}
        line = [sys.executable, "-m", "suite", *map(str, arguments)]
        return subprocess.run(line, capture_output=True, text=True, cwd=self.folder, env=kept, check=False)

    def ok(self, *arguments, **environment):
        """The standard output of a command that must work."""
        done = self.suite(*arguments, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *arguments, **environment):
        """The one sentence of a command that must end with status 2."""
        done = self.suite(*arguments, **environment)
        assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
        (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
        assert done.stderr.splitlines()[-1] == line
        return line.removeprefix("Error: ")

    @property
    def run(self):
        """The newest run."""
        return sorted((self.folder / "runs" / "toy").iterdir())[-1]


@pytest.fixture
def hub():
    """A fake hub with nothing in it."""
    found = FakeHub()
    yield found
    found.close()


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder with a toy run fine-tuned with adapters on rows of one's own; made once and copied."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "secret-words.csv").write_text((Path(__file__).parents[1] / "toy/suite_toy/starter/words.csv").read_text())
    place = Place(type("NoHub", (), {"url": "http://127.0.0.1:9"}), folder)
    place.ok("toy", "train", "--data", "secret-words.csv", "--lora", "--epochs", "1", "--name", "first",
             SUITE_OFFLINE="1")  # fmt: skip
    return folder


@pytest.fixture
def place(hub, trained, tmp_path):
    """The trained folder's copy beside a fresh hub."""
    folder = tmp_path / "work"
    shutil.copytree(trained, folder, symlinks=True)
    return Place(hub, folder)
