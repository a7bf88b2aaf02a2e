"""Offline means no socket; a model comes from a folder, the cache, the hub or a mirror, in this order."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from suite import SuiteError
from suite.assets import asset
from suite.assets import resolve as assets


def test_offline_names_the_way_in(two_parts, monkeypatch):
    monkeypatch.setenv("SUITE_OFFLINE", "1")
    with pytest.raises(
        SuiteError, match="owner/thing is not in the cache and is not fetched when offline; where a package"
    ):
        assets.fetch(two_parts)


BLOCKER = """
import socket


def refuse(*arguments, **options):
    raise RuntimeError("a socket was opened")


class Refused(socket.socket):
    __init__ = refuse


socket.socket, socket.create_connection, socket.getaddrinfo = Refused, refuse, refuse
"""


def test_offline_opens_no_socket(two_parts, place):
    """Cached and shipped assets, and the answer for an unknown model, with every socket blocked from the start."""
    assets.fetch(two_parts)
    (place / "code" / "sitecustomize.py").write_text(BLOCKER)
    (place / "code" / "shipper").mkdir()
    (place / "code" / "shipper" / "__init__.py").write_text("")
    (place / "code" / "shipper" / "data.csv").write_text("text\na\n")
    script = textwrap.dedent("""
        import socket
        from suite import Asset, Column, Columns, Domain, Starter, SuiteError, Wheel
        from suite.assets import resolve as assets
        from suite.assets.asset import set_offline
        try:
            socket.socket()
        except RuntimeError:
            print("blocked")
        set_offline()
        from suite.data.sources import load_rows
        thing = Asset("owner/thing", "model", "", "", "", wheels=tuple(Wheel(*part) for part in PARTS), convert="x:y")
        print(assets.resolve_model("owner/thing", [thing]))
        shipped = Asset("words", "data", "", "", "", shipped="shipper:data.csv")
        task = Domain(name="words", title="Words", columns=Columns((Column("text", "text", "t"),)), metric="m",
                      starter=Starter("", "words", (shipped,)), limits="", model="x:y", scores="x:y", demo="x:y").task()
        print(load_rows("", task)[0])
        for attempt in (lambda: assets.resolve_model("owner/other", [thing]), lambda: load_rows("owner/data", task)):
            try:
                attempt()
            except SuiteError as error:
                print(error)
    """)
    parts = [(part.distribution, part.version, part.filename, part.sha256, part.size) for part in two_parts.wheels]
    done = subprocess.run(
        [sys.executable, "-c", script.replace("PARTS", repr(parts))],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"HF_HOME": str(place / "hf")},
    )
    assert done.stdout.splitlines() == [
        "blocked",
        str(place / "cache" / "assets" / "owner--thing@1"),
        "{'text': 'a'}",
        "No model 'owner/other'. Did you mean 'owner/thing'? Known: owner/thing. It is no local folder, it is "
        "not in the cache, and the hub is not asked when offline.",
        "'owner/data' is no local path here, and the hub is not asked when offline; give a folder or file, the starter "
        "(words), or run where the hub can be reached.",
    ], done.stderr


def test_hub_is_asked_once_and_never_when_refused(monkeypatch):
    monkeypatch.undo()
    asked = []
    monkeypatch.setattr(assets, "_ask_hub", lambda: asked.append(1) or True)
    assets._hub_answers.cache_clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert not assets.hub_reachable()
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("SUITE_OFFLINE", "1")
    assert not assets.hub_reachable()
    assert asked == []
    monkeypatch.delenv("SUITE_OFFLINE")
    assert assets.hub_reachable()
    assert assets.hub_reachable()
    assert asked == [1]
    assets._hub_answers.cache_clear()


def test_hub_that_hangs_is_given_up(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(assets, "_HUB_TIMEOUT", -0.8)  # waits a second longer than this
    monkeypatch.setattr(assets, "_ask_hub", lambda: time.sleep(20) or True)
    assets._hub_answers.cache_clear()
    start = time.monotonic()
    assert not assets._hub_answers()
    assert time.monotonic() - start < 5
    assets._hub_answers.cache_clear()


def test_offline_switches(monkeypatch):
    import datasets.config
    from huggingface_hub import constants

    for module in (constants, datasets.config):
        monkeypatch.setattr(module, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("SUITE_OFFLINE", "0")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert (asset.offline(), asset.hub_refused()) == (False, True)
    asset.set_offline()
    assert (asset.offline(), asset.hub_refused()) == (True, True)
    assert constants.HF_HUB_OFFLINE is True
    assert datasets.config.HF_HUB_OFFLINE is True


def test_cache_dir(monkeypatch):
    monkeypatch.delenv("SUITE_CACHE")
    monkeypatch.setenv("HF_HOME", "/hf")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert assets.cache_dir() == Path("/hf/suite")
    monkeypatch.delenv("HF_HOME")
    assert assets.cache_dir() == Path("/xdg/suite")
    monkeypatch.setenv("SUITE_CACHE", "/own")
    assert assets.cache_dir() == Path("/own")


# ---- models ----------------------------------------------------------------------------------------------------------


def test_model_in_a_folder_or_a_run(place):
    (place / "run" / "model").mkdir(parents=True)
    (place / "run" / "config.yaml").write_text("")
    (place / "run" / "model" / "config.json").write_text("{}")
    assert assets.resolve_model(str(place / "run"), []) == place / "run" / "model"
    assert assets.resolve_model(str(place / "run" / "model"), []) == place / "run" / "model"
    (place / "run" / "config.yaml").unlink()  # then it is no run, but a model with a folder of that name
    assert assets.resolve_model(str(place / "run"), []) == place / "run"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (
            "{place}/empty",
            "The model folder {place}/empty is empty; give a folder with config.json and safetensors weights.",
        ),
        ("{place}/file", "The model '{place}/file' is a file; give the folder that holds config.json and its weights."),
        (
            "{place}/emty",
            "There is no model folder '{place}/emty'; did you mean '{place}/empty'? "
            "Give a folder, a hub id such as owner/name, or no model for the starter.",
        ),
        (
            "owner/thng",
            "No model 'owner/thng'. Did you mean 'owner/thing'? Known: owner/thing. It is no local folder, it is not "
            "in the cache, and the hub cannot be reached.",
        ),
    ],
)
def test_model_that_is_not_there(place, two_parts, reference, message, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(place / "hub"))
    (place / "empty").mkdir()
    (place / "file").write_text("")
    with pytest.raises(SuiteError) as error:
        assets.resolve_model(reference.format(place=place), [two_parts])
    assert str(error.value) == message.format(place=place)


@pytest.fixture
def hub(place, monkeypatch):
    """The hub's own cache layout, filled by hand; `asked` records what would have gone over the network."""
    import huggingface_hub
    from huggingface_hub import constants, snapshot_download

    asked = []
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(place / "hub"))

    def download(name, **options):
        asked.append((name, options["revision"], options["local_files_only"], options["allow_patterns"]))
        return snapshot_download(name, **options | {"local_files_only": True, "cache_dir": place / "hub"})

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    commit = "a" * 40
    folder = place / "hub" / "models--owner--hubbed"
    (folder / "snapshots" / commit).mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(commit)
    (folder / "blobs").mkdir()
    (folder / "snapshots" / commit / "model.safetensors").write_bytes(b"weights")
    return folder, asked


def test_hub_snapshot_comes_from_its_cache(hub):
    folder, asked = hub
    assert assets.resolve_model("owner/hubbed", []) == folder / "snapshots" / ("a" * 40)
    assert assets.resolve_model("owner/hubbed@" + "a" * 40, []) == folder / "snapshots" / ("a" * 40)
    assert [(name, revision, local) for name, revision, local, _ in asked] == [
        ("owner/hubbed", None, True),
        ("owner/hubbed", "a" * 40, True),
    ]
    assert not {pattern.rpartition(".")[2] for pattern in asked[0][3]} & {"bin", "pt", "pth", "pkl", "py", "ckpt"}


def test_broken_off_snapshot_is_asked_for_again(hub, monkeypatch):
    folder, asked = hub
    (folder / "blobs" / "abc.incomplete").write_bytes(b"")
    with pytest.raises(SuiteError, match="the hub cannot be reached"):
        assets.resolve_model("owner/hubbed", [])
    monkeypatch.setattr(assets, "_hub_answers", lambda: True)
    assets.resolve_model("owner/hubbed", [])
    assert [local for _, _, local, _ in asked] == [True, True, False]


def test_mirror_steps_in_for_an_unreachable_hub(hub, two_parts):
    _, asked = hub
    assert assets.resolve_model("owner/thing", [two_parts]).name == "owner--thing@1"
    assert [local for _, _, local, _ in asked] == [True]
    assets.resolve_model("owner/thing", [two_parts])
    assert len(asked) == 1  # what is in our cache needs no hub


def test_snapshot_without_safetensors_is_refused(hub, monkeypatch):
    folder, _ = hub
    weights = folder / "snapshots" / ("a" * 40) / "model.safetensors"
    weights.rename(weights.with_name("config.json"))
    monkeypatch.setattr(assets, "_hub_answers", lambda: True)
    with pytest.raises(
        SuiteError, match="'owner/hubbed' has no safetensors weights, and Suite loads no pickles; choose"
    ):
        assets.resolve_model("owner/hubbed", [])
