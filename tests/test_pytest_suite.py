"""`pytest --suite-domain NAME`: the contract of an installed domain, without a file; nothing for anybody else."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import suite

ROOT = Path(suite.__file__).parent.parent


def ran(folder, *options):
    """A pytest of its own in an empty folder. `-p` loads the plugin where it is not installed; twice does no harm."""
    line = [sys.executable, "-m", "pytest", "-p", "pytest_suite", "-q", *options]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path}
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_an_installed_domain_is_checked_without_a_file(tmp_path):
    (tmp_path / "test_other.py").write_text("def test_people_read(): assert False")
    done = ran(tmp_path, "--suite-domain", "toy", "-k", "people_read")
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr
    both = ran(tmp_path, "test_other.py", "--suite-domain", "toy", "-k", "people_read")
    assert "1 failed, 1 passed" in both.stdout


def test_nobody_is_warned(tmp_path):
    """Whoever runs the contract with `-W error` sees failures of the domain only."""
    done = ran(tmp_path, "--suite-domain", "toy", "-k", "complete or count or infer", "-W", "error")
    assert done.returncode == 0 and "3 passed" in done.stdout, done.stdout + done.stderr


def test_nobody_who_subclasses_it_is_warned(tmp_path):
    """In a project that declares no marker."""
    lines = ("from suite.testing import DomainContract", "class TestToy(DomainContract):", "    domain = 'toy'")
    (tmp_path / "test_toy.py").write_text("\n".join(lines))
    done = ran(tmp_path, "-k", "people_read", "-W", "error", "--strict-markers")
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr


def test_settings_are_the_trainings(tmp_path):
    done = ran(
        tmp_path, "--suite-domain", "toy", "-k", "its_own_check", "--suite-settings", "test_share=0.6", "limit=3"
    )
    assert done.returncode == 2 and "test_share=0.6 won't do" in done.stdout + done.stderr


def test_an_unknown_domain_is_one_sentence(tmp_path):
    done = ran(tmp_path, "--suite-domain", "tpy", "-k", "people_read")
    assert done.returncode == 2 and "Did you mean 'toy'?" in done.stdout + done.stderr, done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_it_costs_nothing_when_not_asked_for(tmp_path):
    code = "import sys, pytest; before = set(sys.modules); import pytest_suite; print(set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'pytest_suite'}"
    (tmp_path / "test_other.py").write_text("import sys\ndef test_light(): assert 'suite' not in sys.modules")
    assert "1 passed" in ran(tmp_path).stdout


def test_pytest_finds_it_by_its_entry_point():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"pytest_suite": "pytest_suite"}
