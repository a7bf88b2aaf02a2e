"""docs/sources.md: its plugin is written as the page says, found, and asked by the commands of the page."""

from __future__ import annotations

import os
import re
import shlex
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import suite

PAGE = (Path(suite.__file__).parents[1] / "docs" / "sources.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Runs a command in a folder with the plugin of the page, found as pip would have left it, and a database."""
    folder = tmp_path_factory.mktemp("sources")
    project = tomllib.loads(blocks("toml")[0])["project"]
    (folder / "suite_sqlite").mkdir()
    for name, text in zip(("__init__.py", "source.py"), blocks("python"), strict=True):
        (folder / "suite_sqlite" / name).write_text(text)
    info = folder / f"suite_sqlite-{project['version']}.dist-info"
    info.mkdir()
    needs = "".join(f"Requires-Dist: {need}\n" for need in project["dependencies"])
    about = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n{needs}"
    (info / "METADATA").write_text(about)
    (point,) = project["entry-points"]["suite"].items()
    (info / "entry_points.txt").write_text(f"[suite]\n{point[0]} = {point[1]}\n")
    words = [f"{'aeiou'[n % 5]}{chr(98 + n // 5)}{'xyz'[n % 3]}" for n in range(40)]
    with sqlite3.connect(folder / "words.db") as database:
        database.execute("CREATE TABLE words (word TEXT, entry TEXT, label TEXT)")
        rows = [(word, word, ("vowels", "consonants")[n % 2]) for n, word in enumerate(words)]
        database.executemany("INSERT INTO words VALUES (?, ?, ?)", rows)
    (folder / "broken.db").write_text("no database")
    path = os.pathsep.join([str(folder), os.environ["PYTHONPATH"]])
    environment = os.environ | {"PYTHONPATH": path, "SUITE_PLUGINS": "sqlite,toy"}

    def run(line):
        command = [sys.executable, "-m", *shlex.split(line.replace("DOMAIN", "toy"))]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    return run


def test_its_commands_work(ran):
    check, train = blocks("shell")[0].splitlines()
    done = ran(check)
    assert done.returncode == 0 and "40" in done.stdout + done.stderr, done.stdout + done.stderr
    done = ran(f"{train} --set max_steps=1 -q")
    assert done.returncode == 0 and "fine-tuned" in done.stdout, done.stdout + done.stderr
    assert "sources: sqlite" in ran("suite plugins").stdout


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("nowhere.db#words", "There is no file 'nowhere.db'; write --data sqlite:FILE#TABLE."),
        ("words.db#wrods", "words.db has no table 'wrods'; it has: words."),
        ("broken.db#words", "broken.db cannot be read (file is not a database)"),
    ],
)
def test_a_mistake_is_one_sentence(ran, reference, said):
    done = ran(f"suite DOMAIN data check sqlite:{reference}")
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
