"""What a check finds, what it rejects, and when data are refused."""

from __future__ import annotations

import json
import time

import pytest
from datasets import Dataset, concatenate_datasets

from suite import Finding, SuiteError
from suite.data.checks import Where, check_rows, enforce, leaks, write_rejected
from suite.tables.origin import Origin


@pytest.fixture
def report(task_of, events):
    """Function that checks columns of events; `check` is the domain's own part."""

    def of(columns, check=lambda rows: ()):
        return check_rows(Dataset.from_dict(columns), task_of(events.columns, check=check))

    return of


def reasons(report):
    return [(entry["row"], entry["reason"]) for entry in report.rejected]


def test_missing_numbers_and_duplicates(report):
    result = report(
        {
            "user": ["a", None, "a", "b", "c", "a"],
            "item": ["x", "y", "x", "  ", "z", "x"],
            "amount": ["1", "2", "3", "4", "five", " 6e1 "],
        }
    )
    assert reasons(result) == [
        (1, "user is missing"),
        (2, "duplicate: same user, item as row 0"),
        (3, "item is missing"),
        (4, "amount is 'five', not a number"),
        (5, "duplicate: same user, item as row 0"),
    ]
    assert result.rows.to_dict() == {"user": ["a"], "item": ["x"], "amount": [1.0]}
    assert result.counts() == {"rows": 6, "accepted": 1, "rejected": 5, "errors": 0, "warnings": 0, "notes": 0}


def test_missing_numbers_are_no_text(report):
    result = report({"user": ["a", "b", "c"], "item": ["x", "y", "z"], "amount": ["1", None, ""]})
    assert reasons(result) == []
    assert result.rows["amount"][0] == 1.0


def test_nan_is_missing_where_required(task_of):
    from suite import Column, Columns

    task = task_of(Columns((Column("size", "number", "how large"),)))
    result = check_rows(Dataset.from_dict({"size": [1.5, float("nan"), None]}), task)
    assert reasons(result) == [(1, "size is missing"), (2, "size is missing")]


def test_a_rejected_row_makes_no_duplicate(report):
    result = report({"user": ["a", "a", "a"], "item": ["x", "x", "x"], "amount": ["bad", "1", "2"]})
    assert reasons(result) == [(0, "amount is 'bad', not a number"), (2, "duplicate: same user, item as row 1")]


def test_domain_sees_whole_rows_only_and_its_rows_are_counted_in_the_data(report):
    def check(rows):
        assert rows["user"][:] == ["b", "c"]
        yield Finding("error", "c is odd", 1)
        yield Finding("note", "b is fine", 0)
        yield Finding("warning", "few")

    result = report({"user": [None, "b", "c"], "item": ["x", "y", "z"]}, check)
    assert reasons(result) == [(0, "user is missing"), (2, "c is odd")]
    assert [(finding.severity, finding.row) for finding in result.findings] == [
        ("error", 0),
        ("error", 2),
        ("note", 1),
        ("warning", None),
    ]
    assert result.counts() == {"rows": 3, "accepted": 1, "rejected": 2, "errors": 0, "warnings": 1, "notes": 1}


def test_files_that_are_not_there_or_empty(clips, folder):
    root = folder(**{"good.wav": b"x", "empty.wav": b""})
    names = [str(root / name) for name in ("good.wav", "empty.wav", "gone.wav", "nul\0.wav")]
    result = check_rows(Dataset.from_dict({"audio": names, "text": ["a"] * 4}), clips)
    assert reasons(result) == [
        (1, "audio 'empty.wav' is an empty file"),
        (2, "audio 'gone.wav' is not there"),
        (3, "audio 'nul\\x00.wav' is not there"),
    ]


def test_embedded_files_missing_and_duplicated_by_content(clips):
    values = [{"bytes": b"1", "path": "a"}, {"bytes": None, "path": None}, {"bytes": b"1", "path": "b"}]
    result = check_rows(Dataset.from_dict({"audio": values, "text": ["a"] * 3}), clips)
    assert reasons(result) == [(1, "audio is missing"), (2, "copy: same content of audio as a")]


def test_one_class_is_a_warning(labels, folder):
    root = folder(**{"1.png": b"x", "2.png": b"y"})
    rows = Dataset.from_dict({"image": [str(root / "1.png"), str(root / "2.png")], "label": ["cat", "cat"]})
    result = check_rows(rows, labels)
    assert [finding.message for finding in result.findings] == [
        "label is 'cat' in every row; a model has nothing to tell apart."
    ]
    enforce(result, 0.0)


def test_classes_are_counted_without_the_rows_that_are_left_out(labels, folder):
    root = folder(**{"1.png": b"x", "2.png": b"y", "3.png": b""})
    rows = Dataset.from_dict({"image": [str(root / f"{n}.png") for n in (1, 2, 3)], "label": ["cat", "cat", "dog"]})
    assert "label is 'cat' in every row; a model has nothing to tell apart." in check_rows(rows, labels).render()


def test_required_column_that_is_not_there(report):
    result = report({"user": ["a"]}, check=lambda rows: pytest.fail("nothing to check"))
    with pytest.raises(SuiteError, match=r"The data have no column 'item'; name it with --columns item=THEIRS\."):
        enforce(result, 1.0)


def test_rendered(report):
    result = report(
        {"user": ["a", None, None, None, None, "b"], "item": list("uvwxyz"), "amount": ["1"] * 5 + ["bad"]},
        lambda rows: [Finding("warning", "few rows"), Finding("note", "row 'a' is short", 0)],
    )
    assert result.render().splitlines() == [
        "6 rows: 1 usable, 5 rejected (83.3%).",
        "  error: user is missing (4 rows: 1, 2, 3, …)",
        "  error: amount is 'bad', not a number (row 5)",
        "  warning: few rows",
        "  note: row 'a' is short (row 0)",
    ]
    assert json.loads(json.dumps(result.to_json()))["counts"]["rejected"] == 5


def test_enforce(report):
    result = report({"user": ["a", None, "c", None], "item": ["x", "y", None, None]})
    enforce(result, 0.75)
    with pytest.raises(SuiteError) as error:
        enforce(result, 0.7)
    assert str(error.value) == (
        "3 of 4 rows are unusable (75.0%), over max_rejected=0.7: user is missing (row 1); item is missing (row 2); "
        "user is missing; item is missing (row 3). Mend the data, or give a larger max_rejected."
    )


def test_enforce_refuses_when_nothing_is_left(report):
    with pytest.raises(SuiteError, match=r"^None of the 2 rows is usable: user is missing \(2 rows: 0, 1\)\.$"):
        enforce(report({"user": [None, ""], "item": ["x", "y"]}), 1.0)
    with pytest.raises(SuiteError, match=r"^The data have no row\.$"):
        enforce(report({"user": [], "item": []}), 1.0)


def test_column_of_nothing(report):
    assert reasons(report({"user": [None, None], "item": [None, None]})) == [
        (0, "user is missing; item is missing"),
        (1, "user is missing; item is missing"),
    ]


def test_rejected_file(report, tmp_path):
    values = [{"bytes": b"secret", "path": "p"}] * 2
    result = report({"user": ["a", None], "item": ["é", "ü"], "thing": values})
    write_rejected(result, tmp_path / "rejected.jsonl")
    lines = (tmp_path / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"row": 1, "reason": "user is missing", "values": {"user": None, "item": "ü", "thing": {"path": "p"}}}
    ]


def test_leaks_of_groups_and_keys(clips):
    splits = {
        "train": Dataset.from_dict({"audio": ["1", "2"], "speaker": ["a", "b"]}),
        "validation": Dataset.from_dict({"audio": ["3"], "speaker": ["c"]}),
        "test": Dataset.from_dict({"audio": ["2"], "speaker": ["a"]}),
    }
    where = Where(Origin(), concatenate_datasets([*splits.values()]), ())
    assert leaks(splits, clips.columns, where) == [
        Finding(
            "error",
            "1 values of speaker are in both train and test, such as 'a' (2 rows: 0, 3); keep each in one split.",
        ),
        Finding(
            "error",
            "1 contents of audio are in both train and test, such as '2' (2 rows: 1, 3); keep each in one split.",
        ),
    ]
    splits["test"] = Dataset.from_dict({"audio": ["4"], "speaker": ["d"]})
    assert leaks(splits, clips.columns, where) == []


def test_one_group_cannot_but_leak(clips):
    splits = {name: Dataset.from_dict({"speaker": ["a"]}) for name in ("train", "validation", "test")}
    where = Where(Origin(), concatenate_datasets([*splits.values()]), ())
    assert {finding.severity for finding in leaks(splits, clips.columns, where)} == {"warning"}


def test_a_hundred_thousand_rows_take_a_second(report):
    """A million rows were seen to take 0.6 s: two leave room for a busy machine, not for a Python loop over rows."""
    size = 100_000
    columns = {"user": [str(i % 5000) for i in range(size)], "item": [str(i // 5000) for i in range(size)]}
    start = time.process_time()
    assert report(columns).counts()["accepted"] == size
    assert time.process_time() - start < 2
