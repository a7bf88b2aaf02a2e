"""What the contract's tests share: how a broken promise is told, and how runs are found and compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

RULES = "docs/writing-a-plugin.md, 'Rules that are easy to break'"

KILL = """
import os, signal
from suite import Entry, hookimpl

@hookimpl
def suite_callbacks():
    return [Entry("kill", "Kills the process at a step.", "suite_fault:Kill")]

class Kill:
    @hookimpl
    def suite_step_taken(self, step):
        if step == int(os.environ.get("KILL_AT_STEP", "-1")):
            os.kill(os.getpid(), signal.SIGKILL)
"""


def keep(holds: object, promised: str, *, seen: object, read: str) -> None:
    """Fails the test unless `holds`, saying what was promised, what was `seen`, and where to `read`."""
    if not holds:
        pytest.fail(f"promised: {promised}\n    seen: {seen}\n    read: {read}", pytrace=False)


def fault_plugin(folder: Path) -> Path:
    """Writes an installed plugin whose callback `kill` ends the process at the step `KILL_AT_STEP`."""
    return distribution(folder, "suite_fault", KILL)


def distribution(folder: Path, module: str, source: str, *, entry_point: str = "") -> Path:
    """Writes a module and the metadata of an installed distribution: on `PYTHONPATH` it is found like any plugin."""
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (folder / f"{module}.py").write_text(source)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[suite]\n{entry_point or module.removeprefix('suite_')} = {module}\n")
    return folder


def newest(folder: Path) -> Path:
    """The newest run below a folder."""
    return max((path.parent for path in folder.glob("*/*/status.json")), key=lambda path: path.name)


def altered(value: Any) -> Any:
    """The same JSON with every string and number changed."""
    if isinstance(value, dict):
        return {key: value[key] if key == "device" else altered(value[key]) for key in value}
    if isinstance(value, list):
        return [altered(item) for item in value]
    return f"{value}?" if isinstance(value, str) else value + 1 if isinstance(value, int | float) else value


def history(run: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl, without what depends on the clock."""
    timed = ("time", "seconds", "examples_per_second")
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key not in timed} for line in lines]


def steps(run: Path) -> int:
    """How many steps a run took."""
    return max(line["step"] for line in history(run))


def keep_same(whole: Path, other: Path, how: str) -> None:
    """Weights, optimizer, average, random states and every logged number but times are the same."""
    read = f"suite.Model.augment; {RULES}"
    ours, theirs = (_digests(path / "checkpoints") for path in (whole, other))
    different = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    keep(not different, f"a run {how} ends with the same bits", seen=f"different: {different}", read=read)
    pairs = list(zip(history(whole), history(other), strict=False))
    first = next((pair for pair in pairs if pair[0] != pair[1]), "a different number of lines")
    keep(history(whole) == history(other), f"a run {how} logs the same numbers", seen=first, read=read)


def _digests(checkpoints: Path) -> dict[str, Any]:
    """Name and sha256 of every tensor file of the newest checkpoint."""
    last = max(checkpoints.glob("step-*"))
    files = json.loads((last / "MANIFEST.json").read_text())["files"]
    return {f"{last.name}/{name}": sha for name, (_, sha) in files.items() if name.endswith(".safetensors")}
