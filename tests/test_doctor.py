"""`suite doctor`: says what is broken, with a cure, and exits with 1 only then."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from suite.cli import checkup, doctor
from suite.cli.main import suite
from suite.plugins.loader import Plugins
from suite.plugins.offers import PluginInfo


def run(tmp_path: Path, *paths: Path) -> tuple[int, dict[str, dict[str, str]]]:
    """The command in a process of its own with further import paths; exit status and checks by name."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "SUITE_CACHE": str(tmp_path / "cache"),
        "HF_HUB_OFFLINE": "1",
    }
    command = [sys.executable, "-m", "suite", "doctor", "--format", "json", "-q"]
    child = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert child.stdout, child.stderr
    return child.returncode, {check["name"]: check for check in json.loads(child.stdout)}


def distribution(folder: Path, name: str, code: str) -> Path:
    """A distribution on disk that an import path makes visible, as pip would have left it."""
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(code)
    info = folder / f"{name}-0.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.9\n")
    return folder


def test_a_stray_torchvision_breaks_transformers_and_is_named_with_its_cure(tmp_path):
    stray = distribution(
        tmp_path / "stray", "torchvision", "raise RuntimeError('operator torchvision::nms does not exist')"
    )
    status, checks = run(tmp_path, stray)
    assert status == 1
    assert checks["torchvision"]["state"] == "broken"
    assert checks["torchvision"]["cure"].endswith("pip uninstall -y torchvision")
    assert checks["transformers"]["state"] == "broken"
    assert "torchvision::nms" in checks["transformers"]["found"]
    assert checks["transformers"]["cure"] == "First follow the cure of torchvision below."
    assert checks["torch"]["state"] == "ok"
    assert checks["hub"]["found"] == "not asked: SUITE_OFFLINE or HF_HUB_OFFLINE is set"


def test_a_probe_that_kills_its_process_blames_the_import_that_did_it():
    records = checkup.probe({"json": "import json", "culprit": "import os; os._exit(9)", "after": "import json"})
    assert records["json"] == {"error": None}
    assert records["culprit"] == {"error": "the process ended with status 9"}
    assert "after" not in records


def test_packages_that_are_missing_or_outside_the_range_are_broken(monkeypatch):
    fine = {name: {"error": None} for name in checkup.IMPORTS}
    installed = dict.fromkeys(checkup.IMPORTS, "5.1.0") | {"torch": "2.9.1", "gradio": None}
    monkeypatch.setattr(checkup, "_version", installed.get)
    checks = {check.name: check for check in checkup.packages(fine)}
    assert checks["torch"].state == "broken" and checks["torch"].found.startswith("2.9.1, outside torch")
    assert checks["gradio"].found == "not installed" and "install 'gradio" in checks["gradio"].cure
    assert checks["datasets"].state == "ok"


@pytest.mark.parametrize(
    ("free", "state"), [(checkup.NO_DISK - 1, "broken"), (checkup.NO_DISK, "note"), (checkup.LOW_DISK, "ok")]
)
def test_disk(monkeypatch, tmp_path, free, state):
    monkeypatch.setattr(checkup.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))
    check = checkup.disk(tmp_path / "not" / "there" / "yet")
    assert (check.state, bool(check.cure)) == (state, state != "ok")


def test_a_cache_that_cannot_be_written_is_broken(monkeypatch, tmp_path):
    monkeypatch.setenv("SUITE_CACHE", str(tmp_path / "cache"))
    assert [check.state for check in checkup.cache()] == ["ok", "ok"]
    monkeypatch.setattr(checkup.os, "access", lambda *_: False)  # root may write anywhere: a mode would not show it
    (check,) = checkup.cache()
    assert check.state == "broken" and "SUITE_CACHE" in check.cure


def test_a_broken_plugin_is_listed_with_its_reason():
    plugins = Plugins(
        [PluginInfo("good", "suite-good", "1.0"), PluginInfo("bad", "suite-bad", "2.0", error="no torch")]
    )
    good, bad = checkup.plugin_checks(plugins)
    assert good.state == "ok"
    assert (bad.state, bad.found) == ("broken", "suite-bad 2.0: no torch")


def test_a_plugin_with_a_note_is_no_fault_and_one_switched_off_is_said():
    slow = PluginInfo("slow", "suite-slow", "1.0", notes=["takes 3.0 s to import, and every command waits for it"])
    off = PluginInfo("off", "suite-off", "1.0", enabled=False)
    noted, quiet = checkup.plugin_checks(Plugins([slow, off]))
    assert (noted.state, noted.found) == ("note", f"suite-slow 1.0 {slow.notes[0]}")
    assert noted.cure == "Tell its author, or switch it off (suite plugins disable slow)."
    assert (quiet.state, quiet.found) == ("ok", "suite-off 1.0, switched off; suite plugins enable off")


def test_a_strangers_suite_is_named_with_its_cure(tmp_path, monkeypatch):
    assert list(checkup.strangers()) == []
    monkeypatch.syspath_prepend(distribution(tmp_path / "one", "suite", ""))
    monkeypatch.syspath_prepend(distribution(tmp_path / "two", "Suite_Kit", ""))
    (tmp_path / "two" / "Suite_Kit-0.9.dist-info" / "top_level.txt").write_text("suite\n")
    first, second = checkup.strangers()
    assert (first.state, second.state) == ("broken", "broken")
    assert first.found == "suite 0.9 is imported as 'suite' too, and is not this Suite, which is suite-core"
    assert second.found.startswith("suite-kit 0.9 is imported as 'suite' too")
    assert "uninstall -y suite, then install suite-core again from your clone or wheel, with --force" in first.cure


def test_a_gpu_driver_without_a_torch_for_it_is_a_note(monkeypatch):
    cpu = {"error": None, "threads": 2, "gpus": [], "bf16": False}
    monkeypatch.setattr(checkup.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert [check.state for check in checkup.devices(cpu)] == ["note"]
    monkeypatch.setattr(checkup.shutil, "which", lambda name: None)
    assert [check.found for check in checkup.devices(cpu)] == ["CPU, 2 threads, no GPU"]
    gpu = cpu | {"gpus": ["H200"], "bf16": True}
    assert [check.found for check in checkup.devices(gpu)] == ["H200 (bf16)"]
    assert list(checkup.devices({"error": "ImportError: no"})) == []


@pytest.mark.parametrize(("state", "status"), [("ok", 0), ("note", 0), ("broken", 1)])
def test_exit_status_and_text(monkeypatch, state, status):
    check = checkup.Check("thing", state, "as it is", "" if state == "ok" else "Do this.")
    monkeypatch.setattr(doctor, "examine", lambda: [check])
    answer = CliRunner().invoke(suite, ["doctor", "-q"])
    assert answer.exit_code == status
    assert ("thing: as it is. Do this." in answer.output) == (state != "ok")
    assert ("Nothing is broken." in answer.output) == (state != "broken")
