"""Every finding says which file and line it is of, and what was left unread is counted."""

from __future__ import annotations

import json

import pytest
from datasets import Dataset

from suite import located
from suite.data.checks import write_rejected
from suite.data.load import load


def said(report):
    return [line.strip() for line in report.render().splitlines()[1:]]


def places(report):
    return [(f["file"], f["line"]) for f in report.to_json()["findings"] if f["row"] is not None]


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.csv", "user,item\na,x\n,y\n", 3),
        ("a.csv", "user,item\n\n\na,x\n\n,y\n", 6),
        ("a.csv", 'user,item\n"a\nb\nc",x\n,y\n', 5),
        ("a.csv", '\ufeffuser;item\r\n"a;b";x\r\n;y\r\n', 3),
        ("a.tsv", 'user\titem\n"a" said\tx\n\ty\n', 3),
        ("a.jsonl", '{"user": "a", "item": "x"}\n\n{"item": "y"}\n', 3),
        ("a.json", '{"user": "a", "item": "x"}\n\n{"item": "y"}\n', 3),
        ("a.json", '[\n\n{"user": "a", "item": "x"},\n{"item": "y"}]', 2),
    ],
    ids=["plain", "blank lines", "line breaks", "semicolon", "stray quotes", "lines", "lines in json", "list"],
)
def test_a_row_is_named_by_its_line(events, tmp_path, name, content, line):
    (tmp_path / name).write_text(content)
    report = load(events, str(tmp_path / name)).report
    unit = "entry" if content.startswith("[") else "line"
    assert said(report) == [f"error: user is missing ({name}, {unit} {line})"]
    assert places(report) == [(name, line)]


def test_rows_of_several_files_are_named_by_each(events, folder):
    root = folder(
        **{"train.csv": "user,item\na,x\n,y\n,z\n", "test.jsonl": '{"user": "b", "item": "x"}\n{"item": "q"}\n'}
    )
    report = load(events, str(root)).report
    assert said(report) == ["error: user is missing (3 rows: test.jsonl, line 2; train.csv, lines 3, 4)"]
    write_rejected(report, root / "rejected.jsonl")
    lines = [json.loads(line) for line in (root / "rejected.jsonl").read_text().splitlines()]
    assert [(entry["file"], entry["line"]) for entry in lines] == [
        ("test.jsonl", 2),
        ("train.csv", 3),
        ("train.csv", 4),
    ]


def test_files_of_a_folder_are_named_by_their_path(labels, folder):
    root = folder(**{"cat/1.png": b"1", "cat/2.png": b"", "dog/3.png": b"3", "dog/4.png": b"4"})
    report = load(labels, str(root)).report
    assert said(report) == ["error: image '2.png' is an empty file (cat/2.png)"]


def test_a_domain_says_where_its_rows_are_from(events, task_of, tmp_path):
    (tmp_path / "a.xyz").write_text("x")
    rows = Dataset.from_dict({"user": ["a", None, None], "item": ["x", "y", "z"]})

    def read(path):
        return located(rows, [path.parent / "a.xyz", path.parent / "a.xyz", path.parent / "b.xyz"], [3, 7, 0], "record")

    report = load(task_of(events.columns, read=read), str(tmp_path / "a.xyz")).report
    assert report.rows.column_names == ["user", "item"]
    assert said(report) == ["error: user is missing (2 rows: a.xyz, record 8; b.xyz, record 1)"]


def test_what_was_left_unread_is_counted_by_ending(labels, clips, folder):
    root = folder(
        **{
            "cat/1.png": b"1",
            "dog/2.png": b"2",
            "dog/3.avif": b"3",
            "cat/4.avif": b"",
            "scans.zip": b"z",
            ".hidden": b"",
        }
    )
    report = load(labels, str(root)).report
    assert report.where.origin.unread == {".avif": 2, ".zip": 1}
    assert said(report) == [
        "warning: Files left unread: 2 .avif, 1 .zip. No row names them, and they are of no kind read here."
    ]
    root = folder(**{"metadata.csv": "file_name,text\ncat/1.png,one\n"})
    assert load(clips, str(root)).report.where.origin.unread == {".avif": 2, ".png": 1, ".zip": 1}
