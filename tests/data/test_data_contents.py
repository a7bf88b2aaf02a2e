"""The same content under two names: left out where nothing else differs, never in two splits, and told."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from suite import Column, Columns, SuiteError
from suite.data.checks import check_rows, enforce
from suite.data.load import load, load_splits
from suite.tables import content
from suite.tables.content import content_codes
from suite.tables.splits import split_rows

PICTURES = Columns(
    (
        Column("image", "image", "a picture"),
        Column("label", "category", "what it shows"),
        Column("patient", "id", "whose", required=False),
    ),
    group="patient",
)


@pytest.fixture
def pictures(task_of, tmp_path):
    """Function that makes a folder and rows of (content, label, patient), each under a name of its own."""

    def make(rows, columns=PICTURES, **config):
        lines = ["file_name,label,patient,split"]
        for number, (held, label, patient, *split) in enumerate(rows):
            (tmp_path / f"{number}.png").write_bytes(held.encode())
            lines.append(f"{number}.png,{label},{patient},{''.join(split)}")
        (tmp_path / "metadata.csv").write_text("\n".join(lines) + "\n")
        return task_of(columns, **config, data=str(tmp_path))

    return make


def messages(report, severity):
    return [finding.message for finding in report.findings if finding.severity == severity]


def test_copies_are_left_out_and_cost_nothing_of_what_may_be_rejected(pictures):
    task = pictures([(f"{n // 2}", ("cat", "dog")[n // 2 % 2], f"p{n}") for n in range(20)])
    data, splits = load_splits(task)
    assert [entry["row"] for entry in data.report.rejected] == list(range(1, 20, 2))
    assert data.report.rejected[0]["reason"] == "copy: same content of image as metadata.csv, line 2"
    assert sum(map(len, splits.values())) == 10
    enforce(data.report, 0.0)


def test_the_same_content_with_another_label_stays_together_and_is_told(pictures):
    rows = [(f"{n // 2}", ("cat", "dog")[n % 2], f"p{n // 2}") for n in range(40)]
    expected = (
        "40 rows have files of the same content under other names in image; they differ in label, and one of the two"
    )
    for seed in range(5):
        data, splits = load_splits(pictures(rows, seed=seed))
        assert messages(data.report, "warning") == [f"{expected} is wrong. No two splits share them."]
        seen = [{Path(name).read_bytes() for name in rows["image"]} for rows in splits.values()]
        assert sum(map(len, seen)) == 20 and all(seen)


def test_patients_who_share_a_picture_are_in_one_split(pictures):
    """Tied by content over a chain: a and b share one picture, b and c another."""
    own = [(f"own {n}", "cat", f"p{n}") for n in range(12)]
    shared = [("x", "cat", "a"), ("x", "dog", "b"), ("y", "cat", "b"), ("y", "dog", "c"), ("more", "cat", "c")]
    for seed in range(8):
        _, splits = load_splits(pictures([*own, *shared], seed=seed))
        places = {name for name, rows in splits.items() for patient in rows["patient"] if patient in "abc"}
        assert len(places) == 1


def test_a_content_that_was_put_into_two_splits_is_refused(pictures):
    rows = [(f"{n}", ("cat", "dog")[n % 2], "", "train" if n < 10 else "test") for n in range(16)]
    rows[15] = ("0", "dog", "", "test")
    with pytest.raises(
        SuiteError, match="1 contents of image are in both train and test, such as '0.png' and '15.png'"
    ):
        load_splits(pictures(rows))


def test_without_the_same_content_nothing_is_parted_otherwise(pictures, task_of):
    rows = [(f"{n}", ("cat", "dog")[n % 2], "") for n in range(40)]
    task = pictures(rows)
    kept = load(task, task.config.data).rows
    plain = kept.remove_columns("image").add_column("image", [f"{n}" for n in range(40)])
    text = Columns((Column("image", "text", "no file"), *PICTURES.columns[1:]), group="patient")
    parts = [split_rows(rows, columns, task.config) for rows, columns in ((kept, PICTURES), (plain, text))]
    assert [part["label"] for part in parts[0].values()] == [part["label"] for part in parts[1].values()]


def test_five_captions_of_each_picture_stay_together(task_of, tmp_path):
    captions = Columns((Column("image", "image", "a picture"), Column("caption", "text", "words")))
    for number in range(12):
        (tmp_path / f"{number}.png").write_bytes(f"{number}".encode())
    lines = [f"{n // 5}.png,words {n}" for n in range(60)]
    (tmp_path / "metadata.csv").write_text("file_name,caption\n" + "\n".join(lines) + "\n")
    data, splits = load_splits(task_of(captions, data=str(tmp_path)))
    assert len(data.rows) == 60 and not messages(data.report, "warning")
    assert all(set(Counter(rows["image"]).values()) == {5} for rows in splits.values())


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.sampled_from([b"", b"a", b"b", b"a" * 3000, b"a" * 2999 + b"b", b"a" * 1500 + b"b" + b"a" * 1499]),
        max_size=8,
    )
)
def test_contents_are_told_apart_as_bytes_are(tmp_path_factory, held):
    """Large files that differ in the middle too, as paths and as bytes."""
    folder = tmp_path_factory.mktemp("contents")
    paths = [folder / f"{number}" for number in range(len(held))]
    for path, content_ in zip(paths, held, strict=True):
        path.write_bytes(content_)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(content, "_WHOLE", 1000)
        patch.setattr(content, "_PART", 100)
        for values in ([str(path) for path in paths], [{"bytes": content_, "path": None} for content_ in held]):
            codes = content_codes(pa.chunked_array([pa.array(values)]) if held else pa.chunked_array([[]], pa.string()))
            alike = np.array([[a == b for b in held] for a in held]).reshape(len(held), len(held))
            assert np.array_equal(codes[:, None] == codes[None, :], alike)


def test_a_file_is_read_once_and_a_large_one_whole_only_where_its_ends_are_seen_twice(pictures, monkeypatch):
    monkeypatch.setattr(content, "_WHOLE", 100)
    monkeypatch.setattr(content, "_PART", 10)
    read: Counter[str] = Counter()
    own = Path.open

    def counted(path, *arguments, **named):
        read[path.name] += 1
        return own(path, *arguments, **named)

    same = "x" * 500
    rows = [(f"{n}" * 400, "cat", "") for n in range(6)] + [(same, "cat", ""), (same, "dog", ""), ("small", "cat", "")]
    task = pictures(rows)
    monkeypatch.setattr(Path, "open", counted)
    load_splits(task)
    load_splits(task)
    assert [read[f"{n}.png"] for n in range(9)] == [1, 1, 1, 1, 1, 1, 2, 2, 1]


def test_what_is_not_there_is_no_copy_of_anything(clips):
    rows = Dataset.from_dict({"audio": ["gone.wav", "gone too.wav", "gone.wav"], "text": ["a", "a", "b"]})
    assert all("is not there" in entry["reason"] for entry in check_rows(rows, clips).rejected)
