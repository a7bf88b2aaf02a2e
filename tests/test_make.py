"""`make` on a bare machine: what is missing is said in one line, and a second run does nothing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import suite

ROOT = Path(suite.__file__).parent.parent
TARGETS = ("install", "demo", "test", "test-slow", "check", "fix", "docs", "bench", "clean")


def install(venv: Path, **environment: str) -> tuple[int, list[str]]:
    """Runs the installer with a clean pip configuration; exit status and Suite's own lines."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    child = subprocess.run(
        ["sh", str(ROOT / "tools" / "install.sh"), str(venv)],
        capture_output=True,
        text=True,
        env=kept | {"PIP_CONFIG_FILE": os.devnull} | environment,
        check=False,
    )
    return child.returncode, [line for line in child.stderr.splitlines() if line.startswith("suite: ")]


def interpreter(folder: Path, script: str) -> str:
    """A stand-in for python3 that answers `-c CODE`."""
    path = folder / "python3"
    path.write_text(f'#!/bin/sh\ncase "$2" in\n{script}\nesac\n')
    path.chmod(0o755)
    return str(path)


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    # A make that runs these tests would hand its own flags down.
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "VENV")
    }
    return subprocess.run(
        ["make", "-C", str(ROOT), *arguments], capture_output=True, text=True, env=environment, check=False
    )


def test_no_python(tmp_path):
    status, said = install(tmp_path / "venv", PYTHON="python3-that-is-not-there")
    assert status == 1 and len(said) == 1
    assert "no 'python3-that-is-not-there'" in said[0] and "Python 3.11 or newer" in said[0]


def test_python_too_old_is_named_with_its_version(tmp_path):
    old = interpreter(tmp_path, "*platform*) echo 3.9.2 ;;\n*version_info*) exit 1 ;;")
    status, said = install(tmp_path / "venv", PYTHON=old)
    assert status == 1 and len(said) == 1
    assert "3.9.2" in said[0] and "make install PYTHON=" in said[0]


def test_no_venv_module(tmp_path):
    bare = interpreter(tmp_path, "*platform*) echo 3.12.1 ;;\n*ensurepip*) exit 1 ;;")
    status, said = install(tmp_path / "venv", PYTHON=bare)
    assert status == 1 and len(said) == 1
    assert "Python 3.12.1 lacks its venv module" in said[0] and "apt-get install python3.12-venv." in said[0]


def test_no_disk(tmp_path):
    status, said = install(tmp_path / "venv", PYTHON=sys.executable, SUITE_INSTALL_MB="999999999")
    assert status == 1 and len(said) == 1
    assert "999999999 MB are needed" in said[0] and "VENV=" in said[0]
    assert not (tmp_path / "venv").exists()


def test_no_index(tmp_path):
    # Port 9 of this machine: nothing listens there, and the answer comes at once.
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_NO_CACHE_DIR": "1", "no_proxy": "*"}
    status, said = install(tmp_path / "venv", PYTHON=sys.executable, SUITE_INSTALL_MB="1", **nowhere)
    assert status == 1
    assert len(said) == 1 and said[0].startswith("suite: pip finds no package index that has what is needed; check")
    assert not (tmp_path / "venv" / "installed").exists(), "a failed installation must be tried again"


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_can_be_planned(target, tmp_path):
    plan = make("-n", target, f"VENV={tmp_path}/venv")
    assert plan.returncode == 0, plan.stderr


def test_a_second_run_does_nothing_until_a_requirement_changes(tmp_path):
    assert make("-q", "install", f"VENV={tmp_path}").returncode == 1
    (tmp_path / "installed").touch()
    assert make("-q", "install", f"VENV={tmp_path}").returncode == 0
    os.utime(tmp_path / "installed", (0, 0))
    assert make("-q", "install", f"VENV={tmp_path}").returncode == 1


def test_requirements_name_the_core_and_every_plugin():
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    plugins = sorted(f"plugins/{path.parent.name}" for path in (ROOT / "plugins").glob("*/pyproject.toml"))
    assert sorted(lines) == sorted(["-e .", *(f"-e {plugin}" for plugin in plugins)])


def test_constraints_are_exact_and_without_builds_that_only_some_indexes_have():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert "torch==2.13.0" in lines
    assert [line for line in lines if line.count("==") != 1 or "+" in line or "/" in line] == []
    assert not [line for line in lines if line.startswith(("torchvision", "torchaudio"))]


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_ci_runs_check_and_test_with_errors_ending_it():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    text = script.read_text()
    assert "set -euo pipefail" in text
    assert text.index("make --no-print-directory check") < text.index("make --no-print-directory test")


def test_what_suite_was_called_before_goes_first(tmp_path):
    """Both distributions own `bin/suite`: whichever is removed last takes it along."""
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text(f'#!/bin/sh\necho "$*" >> "{tmp_path}/calls"\n')
    python.chmod(0o755)
    assert install(tmp_path) == (0, [])
    _, first, second = (tmp_path / "calls").read_text().splitlines()
    assert first.startswith("-m pip uninstall") and first.endswith("--yes suite")
    assert second.startswith("-m pip install") and second.endswith("-r requirements.txt")
