"""Where data come from, how folders are read, and that no file outside them ever is."""

from __future__ import annotations

import os
import string
from pathlib import Path

import pyarrow as pa
import pytest
from datasets import Audio, Dataset, Features, Image, Value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from suite import Asset, Column, Columns, SuiteError
from suite.assets import resolve as assets
from suite.data import sources
from suite.data.sources import load_rows
from suite.tables.gate import Gate


def rows_of(rows: Dataset) -> list[dict]:
    return rows.to_list()


# ---- folders ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "table",
    [
        {"metadata.csv": "file_name,text\na/1.wav,one\n"},
        {"metadata.jsonl": '{"file_name": "a/1.wav", "text": "one"}\n'},
        {"anything.csv": "file_name,text\na/1.wav,one\n"},
    ],
)
def test_table_beside_files(clips, folder, table):
    root = folder(**table, **{"a/1.wav": b"x"})
    assert rows_of(load_rows(str(root), clips)) == [{"file_name": str(root / "a/1.wav"), "text": "one"}]


def test_single_file_starts_at_its_folder(clips, folder):
    root = folder(**{"list.csv": "file_name,text\na/1.wav,one\n", "a/1.wav": b"x", "other.csv": "unread"})
    assert load_rows(str(root / "list.csv"), clips)[0]["file_name"] == str(root / "a/1.wav")


def test_given_columns_hold_for_the_configs_data_only(task_of, clips, folder):
    root = folder(**{"list.csv": "clip,said\n1.wav,007\n", "1.wav": b"x"})
    task = task_of(clips.columns, data=str(root), columns={"audio": "clip", "text": "said"})
    assert rows_of(load_rows(str(root), task)) == [{"clip": str(root / "1.wav"), "said": "007"}]
    assert rows_of(load_rows(str(root / "list.csv"), task)) == [{"clip": "1.wav", "said": 7}]


def test_tables_by_split(events, folder):
    root = folder(
        **{"train.csv": "user,item\n1,2\n", "dev.csv": "user,item\n3,4\n", "test-00000.csv": "user,item\n5,6\n"}
    )
    assert [(row["user"], row["split"]) for row in load_rows(str(root), events)] == [
        ("3", "validation"),
        ("5", "test"),
        ("1", "train"),
    ]


def test_folders_by_split(clips, folder):
    root = folder(
        **{
            "train/metadata.csv": "file_name,text\n1.wav,one\n",
            "train/1.wav": b"x",
            "valid/metadata.csv": "file_name,text,split\n2.wav,two,test\n",
            "valid/2.wav": b"x",
        }
    )
    assert rows_of(load_rows(str(root), clips)) == [
        {"file_name": str(root / "train/1.wav"), "text": "one", "split": "train"},
        {"file_name": str(root / "valid/2.wav"), "text": "two", "split": "validation"},
    ]


def test_folder_per_class(labels, folder):
    root = folder(
        **{"cat/1.png": b"x", "cat/deep/2.JPG": b"x", "dog/3.png": b"x", "dog/.hidden.png": b"x", "a.txt": "x"}
    )
    assert [(Path(row["image"]).name, row["label"]) for row in load_rows(str(root), labels)] == [
        ("1.png", "cat"),
        ("2.JPG", "deep"),
        ("3.png", "dog"),
    ]


def test_folder_per_split_and_class(labels, folder):
    root = folder(**{"train/cat/1.png": b"x", "test/dog/2.png": b"x"})
    assert rows_of(load_rows(str(root), labels)) == [
        {"image": str(root / "test/dog/2.png"), "label": "dog", "split": "test"},
        {"image": str(root / "train/cat/1.png"), "label": "cat", "split": "train"},
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "The folder {root} is empty; give a table such as metadata.csv, or files."),
        (
            {"a.doc": "x", "b.doc": "x"},
            "The folder {root} holds a.doc, b.doc, but no image file (.png, .jpg, .jpeg, .webp, .bmp, .gif, .tif, "
            ".tiff) and no table (.csv, .tsv, .parquet, .jsonl, .ndjson, .json).",
        ),
        (
            {"a.csv": "x", "b.csv": "x"},
            "{root} holds several tables (a.csv, b.csv); give one, or name them train, validation and test.",
        ),
        (
            {"train.csv": "image,label\n1.png,x\n", "test.parquet": None},
            "The tables in {root} don't go together: ",
        ),
    ],
)
def test_folders_that_cannot_be_read(labels, folder, tmp_path, files, message):
    root = tmp_path / "data"
    root.mkdir()
    folder(**{name: content for name, content in files.items() if content is not None})
    if "test.parquet" in files:
        parquet.write_table(pa.table({"image": ["2.png"], "label": [[1]]}), root / "test.parquet")
    with pytest.raises(SuiteError) as error:
        load_rows(str(root), labels)
    assert str(error.value).startswith(message.format(root=root))


def test_folder_without_table_where_one_is_needed(events, folder):
    root = folder(**{"a.png": b"x"})
    with pytest.raises(SuiteError, match=r"holds a.png, but no table \(.*\), which is needed here."):
        load_rows(str(root), events)


def test_domains_own_reader_comes_first_and_its_paths_pass_the_gate(task_of, clips, folder):
    root = folder(**{"odd.xyz": "x", "1.wav": b"x"})
    read = lambda path: Dataset.from_dict({"audio": ["1.wav"], "text": [path.name]})  # noqa: E731
    task = task_of(clips.columns, read=read)
    assert rows_of(load_rows(str(root / "odd.xyz"), task)) == [{"audio": str(root / "1.wav"), "text": "odd.xyz"}]
    task = task_of(clips.columns, read=lambda path: Dataset.from_dict({"audio": ["../secret.wav"], "text": ["x"]}))
    with pytest.raises(SuiteError, match="leads outside"):
        load_rows(str(root / "odd.xyz"), task)


# ---- files inside tables ---------------------------------------------------------------------------------------------


def media_parquet(path: Path, name: str, feature, values: list[dict]) -> str:
    """A Parquet file as the hub's libraries write it, whose schema says that the column is audio or image."""
    schema = Features({name: feature, "label": Value("string"), "text": Value("string")}).arrow_schema
    texts = ["x"] * len(values)
    arrays = [pa.array(values, schema.field(name).type), pa.array(texts), pa.array(texts)]
    parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), path)
    return str(path)


def test_parquet_with_media_keeps_bytes_undecoded(labels, tmp_path):
    values = [{"bytes": b"not a picture", "path": "/etc/passwd"}, {"bytes": b"neither", "path": None}]
    rows = load_rows(media_parquet(tmp_path / "a.parquet", "image", Image(), values), labels)
    assert [row["image"] for row in rows] == [
        {"bytes": b"not a picture", "path": "passwd"},
        {"bytes": b"neither", "path": None},
    ]


def test_media_features_stay_undecoded(task_of, events, tmp_path):
    features = Features({"user": Value("string"), "cover": Image()})
    rows = [{"user": "1", "cover": {"bytes": b"not a picture", "path": None}}]
    task = task_of(events.columns, read=lambda path: Dataset.from_list(rows, features=features))
    assert load_rows(str(tmp_path), task)[0] == rows[0]


def test_parquet_without_bytes_passes_the_gate(clips, tmp_path):
    (tmp_path / "in").mkdir()
    path = media_parquet(tmp_path / "in" / "a.parquet", "audio", Audio(), [{"bytes": None, "path": "1.wav"}])
    assert load_rows(path, clips)[0]["audio"] == {"bytes": None, "path": str(tmp_path / "in" / "1.wav")}
    media_parquet(tmp_path / "in" / "a.parquet", "audio", Audio(), [{"bytes": None, "path": "/etc/passwd"}])
    with pytest.raises(SuiteError, match=r"audio: '/etc/passwd' leads outside"):
        load_rows(path, clips)


# ---- the gate --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "../secret.wav",
        "/etc/passwd",
        "a/../../secret.wav",
        "link.wav",
        "linked/secret.wav",
        "..",
        "../data-secret/1.wav",
    ],
)
def test_escapes_are_refused(clips, folder, tmp_path, name):
    (tmp_path / "secret.wav").write_bytes(b"secret")
    root = folder(**{"metadata.csv": f"file_name,text\nok.wav,x\n{name},x\n", "a/x": b""})
    (root / "link.wav").symlink_to(tmp_path / "secret.wav")
    (root / "linked").symlink_to(tmp_path)
    with pytest.raises(SuiteError) as error:
        load_rows(str(root), clips)
    assert str(error.value) == (
        f"file_name of row 1: {name!r} leads outside {root}, and nothing there is opened; "
        "put the file into that folder, or give the folder that holds all files."
    )


def test_linked_file_in_a_folder_of_classes_is_refused(labels, folder, tmp_path):
    (tmp_path / "secret.png").write_bytes(b"secret")
    root = folder(**{"cat/1.png": b"x"})
    (root / "cat" / "2.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(SuiteError, match="'cat/2.png' leads outside"):
        load_rows(str(root), labels)


def test_links_inside_are_followed(clips, folder):
    root = folder(**{"metadata.csv": "file_name,text\nlink.wav,x\n", "a/1.wav": b"x"})
    (root / "link.wav").symlink_to(root / "a" / "1.wav")
    assert load_rows(str(root), clips)[0]["file_name"] == str(root / "a" / "1.wav")


@pytest.mark.parametrize(
    "name", ["http://127.0.0.1:9/a.wav", "file:///etc/passwd", "s3://bucket/a", "\\\\host\\share\\a"]
)
def test_addresses_are_refused(clips, folder, name):
    root = folder(**{"metadata.csv": f"file_name,text\n{name},x\n"})
    with pytest.raises(SuiteError, match="is an address, and data are never fetched from one; give a local file."):
        load_rows(str(root), clips)


PIECES = st.sampled_from(
    ["a", "b", "..", ".", "", "link", "up", "deep", "file", "~", "/", "//", "a/..", "%2e%2e", "..\\"]
)


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.lists(PIECES | st.text(string.printable, max_size=4), max_size=8).map("/".join))
def test_gate_lets_nothing_outside(tmp_path, name):
    root = tmp_path / "root"
    (root / "a" / "deep").mkdir(parents=True, exist_ok=True)
    for link, target in (("link", tmp_path), ("a/up", root), ("a/deep/link", "/etc"), ("file", tmp_path / "outside")):
        if not (root / link).is_symlink():
            (root / link).symlink_to(target)
    try:
        path = Gate(root).path(name)
    except SuiteError:
        return
    assert Path(os.path.realpath(path)).is_relative_to(root)
    assert Path(os.path.realpath(root / name)).is_relative_to(root)


# ---- by name ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A starter shipped inside a package."""
    package = tmp_path / "shipping_package"
    (package / "words").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "words" / "metadata.csv").write_text("file_name,text\n1.wav,one\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return Asset("owner/words", "data", "", "", "", shipped="shipping_package:words")


@pytest.mark.parametrize("reference", ["", "owner/words", "starter:", "starter:owner/words"])
def test_starter(task_of, clips, shipped, reference):
    task = task_of(clips.columns, assets=[shipped], starter="owner/words")
    assert load_rows(reference, task)[0]["text"] == "one"


def test_unknown_starter(task_of, clips, shipped):
    task = task_of(clips.columns, assets=[shipped], starter="owner/words")
    with pytest.raises(SuiteError, match="No starter 'words'. Did you mean 'owner/words'. Known: owner/words."):
        load_rows("starter:words", task)


def test_explicit_sources(clips, folder):
    root = folder(**{"list.csv": "file_name,text\n1.wav,one\n"})
    assert len(load_rows(f"folder:{root}", clips)) == len(load_rows(f"file:{root}/list.csv", clips)) == 1


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("folder:{tmp}/dat", "There is no folder '{tmp}/dat'; did you mean '{tmp}/data'?"),
        ("file:{tmp}/data", "There is no file '{tmp}/data'; did you mean '{tmp}/data'?"),
        ("flder:x", "No source 'flder'. Did you mean 'folder'? Known: corrections, file, folder, hub, local, starter."),
        ("hub:x", "'x' is no data set's name; write owner/name, owner/name@revision or owner/name:config."),
        (
            "{tmp}/dat",
            "No data '{tmp}/dat': there is no such file or folder; did you mean '{tmp}/data'? Give a folder, a file "
            "(.csv, .tsv, .parquet, .jsonl, .ndjson, .json), or a data set on the hub (owner/name).",
        ),
        (
            "owner/name",
            "'owner/name' is no local path here, and the hub cannot be reached; give a folder or file, "
            "or run where the hub can be reached.",
        ),
    ],
)
def test_nothing_there(clips, folder, tmp_path, monkeypatch, reference, message):
    folder(**{"list.csv": "x"})
    monkeypatch.setenv("SUITE_PLUGINS", "")  # a broken plugin on this machine would be named in the answer
    monkeypatch.setattr(sources, "load_plugins", sources.load_plugins.__wrapped__)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(assets, "_hub_answers", lambda: False)
    with pytest.raises(SuiteError) as error:
        load_rows(reference.format(tmp=tmp_path), clips)
    assert str(error.value) == message.format(tmp=tmp_path)


# ---- the hub ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def hub(monkeypatch):
    """A hub of one data set; records what it was asked."""
    import datasets
    import huggingface_hub

    asked = []

    def info(self, name, revision=None):
        asked.append((name, revision))
        return type("Info", (), {"sha": "c" * 40})

    def load(name, config, *, revision):
        asked.append((name, config, revision))
        return datasets.DatasetDict(
            {
                "train": Dataset.from_dict({"user": ["1"], "item": ["2"], "split": ["mine"]}),
                "test": Dataset.from_dict({"user": ["3"], "item": ["4"], "split": ["mine"]}),
            }
        )

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(assets, "_hub_answers", lambda: True)
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", info)
    monkeypatch.setattr(sources, "load_dataset", load)
    return asked


def test_hub_data_are_pinned_and_keep_their_splits(events, hub):
    rows = load_rows("owner/name@v2:small", events)
    assert rows_of(rows) == [
        {"user": "1", "item": "2", "split": "train"},
        {"user": "3", "item": "4", "split": "test"},
    ]
    assert hub == [("owner/name", "v2"), ("owner/name", "small", "c" * 40)]


def test_hub_that_is_refused_is_not_asked(events, hub, monkeypatch):
    with pytest.raises(SuiteError, match="the hub is not asked when offline"):
        load_rows("owner/name", events, offline=True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(SuiteError, match="the hub is not asked when offline"):
        load_rows("hub:owner/name", events)
    assert hub == []


def test_hub_paths_lie_in_its_cache_or_are_refused(clips, hub, monkeypatch):
    monkeypatch.setattr(sources, "_download", lambda *_: Dataset.from_dict({"audio": ["/etc/passwd"], "text": ["x"]}))
    with pytest.raises(SuiteError, match="'/etc/passwd' leads outside"):
        load_rows("owner/name", clips)


def test_only_file_columns_are_taken_for_files(task_of, tmp_path):
    (tmp_path / "a.csv").write_text("text,note\n/etc/passwd,http://x\n")
    task = task_of(Columns((Column("text", "text", "words"),)))
    assert rows_of(load_rows(str(tmp_path / "a.csv"), task)) == [{"text": "/etc/passwd", "note": "http://x"}]
