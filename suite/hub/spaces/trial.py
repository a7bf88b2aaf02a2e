"""Starts a Space as the platform would, in a clean environment, and asks it the domain's example."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from suite.console import say
from suite.errors import SuiteError
from suite.hub.spaces.build import is_space
from suite.signals import ended_in_order

STARTS_WITHIN = 300.0  # seconds; a busy machine takes one to import what a demo needs
ANSWERS_WITHIN = 1200.0  # seconds; the first question may fetch a model of hundreds of megabytes
LOG_LINES = 15  # last lines of a log: a traceback's end and what led to it


@dataclass(frozen=True)
class Trial:
    """What a Space did: seconds until it served and until it answered, and the answer (None if it has no example)."""

    started: float
    answered: float
    endpoint: str
    answer: Any


def try_space(folder: Path, *, python: Path | None = None) -> Trial:
    """Starts the Space in `folder` and asks it; `python` is an environment that has what it needs, else one is made.

    Raises `SuiteError` with the last lines of the log for a Space that can't be installed, started or asked.
    """
    if not is_space(folder):
        raise SuiteError(f"{folder} holds no Space of Suite; make one with: suite space build DOMAIN --output {folder}")
    with ended_in_order(), tempfile.TemporaryDirectory(prefix="suite-space-") as scratch:
        made = python.absolute() if python else install(folder, Path(scratch) / "venv")
        return _run(folder.resolve(), made, Path(scratch))


def install(folder: Path, venv: Path) -> Path:
    """The interpreter of a new environment with what the platform would install. Raises `SuiteError`."""
    front = yaml.safe_load((folder / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    say(f"Installing what {folder} requires; this takes minutes.")
    python = venv / ("Scripts" if os.name == "nt" else "bin") / "python"
    gradio = f"gradio=={front['sdk_version']}"
    commands = (
        [sys.executable, "-m", "venv", str(venv)],
        [str(python), "-m", "pip", "install", "--quiet", "-r", str(folder / "requirements.txt"), gradio],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, env=_environment(), check=False)
        if done.returncode:
            raise SuiteError(f"The requirements of {folder} can't be installed. {_last(done.stderr or done.stdout)}")
    return python


def _run(folder: Path, python: Path, scratch: Path) -> Trial:
    port = _free_port()
    log = scratch / "log.txt"
    app, began = [str(python), str(folder / "app.py")], time.monotonic()
    with _serving(app, scratch, log, port) as process:
        _wait(process, port, log, folder)
        started = time.monotonic() - began
        answer, seconds = _ask([*app, "ask", f"http://127.0.0.1:{port}"], scratch, log, folder)
    return Trial(started, answer.get("seconds", seconds), answer.get("endpoint", ""), answer.get("answer"))


@contextmanager
def _serving(command: list[str], cwd: Path, log: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as file:
        environment = _environment(GRADIO_SERVER_PORT=str(port))
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=file, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path, folder: Path) -> None:
    """Returns once the app answers. Raises `SuiteError` if it ends before, or takes too long."""
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SuiteError(f"The Space in {folder} ended as it started. {_last(log.read_text(errors='replace'))}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    raise SuiteError(
        f"The Space in {folder} did not answer within {STARTS_WITHIN:.0f} s. {_last(log.read_text(errors='replace'))}"
    )


def _ask(command: list[str], cwd: Path, log: Path, folder: Path) -> tuple[dict[str, Any], float]:
    began = time.monotonic()
    try:
        done = subprocess.run(
            command, cwd=cwd, env=_environment(), capture_output=True, text=True, timeout=ANSWERS_WITHIN, check=False
        )
    except subprocess.TimeoutExpired:
        raise SuiteError(
            f"The Space in {folder} gave no answer within {ANSWERS_WITHIN:.0f} s. "
            f"{_last(log.read_text(errors='replace'))}"
        ) from None
    if done.returncode:
        said = log.read_text(errors="replace") + done.stderr
        raise SuiteError(f"The Space in {folder} starts but does not answer its example. {_last(said)}")
    return json.loads(done.stdout.splitlines()[-1]), time.monotonic() - began


def _environment(**more: str) -> dict[str, str]:
    """The user's, without what would let code of other folders in: a Space has none of it."""
    foreign = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "SUITE_PLUGINS", "SUITE_STRICT", "SPACE_ID")
    kept = {name: value for name, value in os.environ.items() if name not in foreign}
    return kept | {"PYTHONDONTWRITEBYTECODE": "1", **more}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _last(log: str) -> str:
    lines = [line for line in log.splitlines() if line.strip()][-LOG_LINES:]
    return "The last lines of its log:\n" + "\n".join(lines) if lines else "It said nothing."
