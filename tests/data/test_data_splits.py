"""Splits by own column, group, time and at random; and the fingerprint of data."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import numpy as np
import pyarrow as pa
import pytest
from datasets import Dataset, concatenate_datasets
from hypothesis import given, settings
from hypothesis import strategies as st

from suite import Column, Columns, SuiteError, TrainConfig
from suite.tables.fingerprint import fingerprint
from suite.tables.splits import split_rows

PLAIN = Columns((Column("text", "text", "words"),))
GROUPED = Columns((Column("who", "id", "who"),), group="who", time="when")
TIMED = Columns((Column("when", "time", "when"),), time="when")
LABELLED = Columns((Column("label", "category", "what"),))


def parts(columns, names, config=None, **data):
    """The values of the first column in each split."""
    splits = split_rows(Dataset.from_dict(data), columns, config or TrainConfig())
    assert list(splits) == ["train", "validation", "test"]
    return [splits[name][names][:] for name in splits]


def test_own_column_is_honoured():
    marks = ["Train", "dev", "TEST", "train", "valid", "eval", "training", "val"]
    assert parts(PLAIN, "n", n=list(range(8)), split=marks) == [[0, 3, 6], [1, 4, 7], [2, 5]]


def test_a_share_of_what_the_rows_mark_themselves_is_refused():
    rows = {"n": list(range(60)), "split": ["train"] * 50 + ["test"] * 10}
    with pytest.raises(SuiteError, match="test_share=0.2 would not be read: the column 'split' marks the test rows"):
        parts(PLAIN, "n", TrainConfig(test_share=0.2), **rows)
    train, validation, _ = parts(PLAIN, "n", TrainConfig(validation_share=0.2), **rows)
    assert (len(train), len(validation)) == (40, 10)


def test_missing_split_is_carved_out_of_train_only():
    marks = ["train"] * 50 + ["test"] * 10
    train, validation, test = parts(PLAIN, "n", n=list(range(60)), split=marks)
    assert test == list(range(50, 60))
    assert (len(train), len(validation)) == (45, 5)
    assert sorted(train + validation) == list(range(50))


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        (
            ["train", "holdout"],
            "The column 'split' holds 'holdout'; possible are train, training, validation, valid, val, dev, test, "
            "testing, eval.",
        ),
        (["test", "val"], "The column 'split' marks no row as 'train', only as validation and test; mark some."),
        (["train", "test"], "There are 1 rows, too few to part into 2 splits; give more data."),
    ],
)
def test_own_column_that_will_not_do(marks, message):
    with pytest.raises(SuiteError) as error:
        parts(PLAIN, "n", n=[0, 1], split=marks)
    assert str(error.value) == message


def test_groups_stay_whole_and_shares_hold():
    who = [f"s{number % 40}" for number in range(1000)]
    train, validation, test = parts(GROUPED, "who", who=who, when=list(range(1000)))
    assert not set(train) & set(validation) and not set(train) & set(test) and not set(validation) & set(test)
    assert (len(train), len(validation), len(test)) == (800, 100, 100)


def test_groups_do_not_depend_on_the_order_of_rows_but_on_the_seed():
    who = [f"s{number % 40}" for number in range(400)]
    first = [set(part) for part in parts(GROUPED, "who", who=who)]
    assert [set(part) for part in parts(GROUPED, "who", who=who[::-1])] == first
    assert [set(part) for part in parts(GROUPED, "who", TrainConfig(seed=7), who=who)] != first


def test_one_huge_group_trains():
    who = ["big"] * 90 + ["a"] * 5 + ["b"] * 5
    train, validation, test = parts(GROUPED, "who", who=who)
    assert set(train) == {"big"}
    assert {*validation, *test} == {"a", "b"} and len(validation) == len(test) == 5


@pytest.mark.parametrize("groups", [1, 2])
def test_too_few_groups_are_split_by_row_and_said_aloud(groups, capsys):
    who = [f"s{number % groups}" for number in range(100)]
    columns = Columns((Column("who", "id", "who"),), group="who")
    assert [len(part) for part in parts(columns, "who", who=who)] == [80, 10, 10]
    assert capsys.readouterr().err == (
        f"Warning: The data have {groups} different values of 'who', too few for 3 splits without overlap, so they are "
        "split by row; the test score says nothing about a new who.\n"
    )


def test_newest_rows_test():
    assert parts(TIMED, "when", when=[9, 0, 8, 1, 7, 2, 6, 3, 5, 4]) == [[0, 1, 7, 2, 6, 3, 5, 4], [8], [9]]


def test_ties_never_straddle():
    train, validation, test = parts(TIMED, "when", when=[0] * 80 + [1] * 5 + [2] * 3 + [3] * 12)
    assert (set(train), set(validation), set(test)) == ({0}, {1, 2}, {3})


@pytest.mark.parametrize(
    "times",
    [
        ["2024-01-01", "2024-01-02T10:00:00+05:00", "2024-01-02T08:00:00Z"],
        ["9", "10", "100"],
        [1.5, 2.5, 3.5],
        [None, 1, 2],
    ],
    ids=["dates with zones", "numbers as text", "floats", "one missing"],
)
def test_times_in_many_forms(times):
    rows = Dataset.from_dict({"when": times, "n": [0, 1, 2]})
    splits = split_rows(rows.select([2, 0, 1]), TIMED, TrainConfig())
    assert [splits[name]["n"][:] for name in splits] == [[0], [1], [2]]


def test_time_that_is_none():
    with pytest.raises(SuiteError) as error:
        parts(TIMED, "when", when=["2024-01-01", "31.5.2024", "2024-01-03"])
    assert str(error.value) == (
        "The column 'when' holds '31.5.2024', which is no time; write numbers or dates such as 2024-05-31T14:00:00."
    )


def test_too_few_times():
    with pytest.raises(SuiteError, match="There are 2 different times, too few to part into 3 splits; give more data."):
        parts(TIMED, "when", when=[1, 1, 2, 2])


def test_random_is_from_the_seed():
    data = {"n": list(range(100))}
    first = parts(PLAIN, "n", **data)
    assert [len(part) for part in first] == [80, 10, 10]
    assert sorted(chain(*first)) == data["n"]
    assert parts(PLAIN, "n", **data) == first
    assert parts(PLAIN, "n", TrainConfig(seed=1), **data) != first


def test_rounding_leaves_training_a_row():
    config = TrainConfig(validation_share=0.375, test_share=0.375)
    assert [len(part) for part in parts(PLAIN, "n", config, n=list(range(4)))] == [1, 2, 1]


def test_labels_keep_their_shares():
    labels = ["a"] * 700 + ["b"] * 200 + ["c"] * 98 + ["rare"] * 2
    train, validation, test = map(Counter, parts(LABELLED, "label", label=labels))
    for part in (validation, test):
        assert [round(part[label] / 10) for label in "abc"] == [7, 2, 1]
        assert sum(part.values()) == 100
    assert train["rare"] == 2


@settings(deadline=None, max_examples=80)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=25),
    shares=st.tuples(st.floats(0.01, 0.49), st.floats(0.01, 0.49)),
    columns=st.sampled_from([PLAIN, GROUPED, TIMED, LABELLED]),
    seed=st.integers(0, 5),
)
def test_every_row_is_in_exactly_one_split_and_none_is_empty(sizes, shares, columns, seed):
    values = np.repeat(np.arange(len(sizes)), sizes)
    rows = Dataset.from_dict({"n": np.arange(len(values)), "who": values, "when": values, "label": values})
    config = TrainConfig(validation_share=shares[0], test_share=shares[1], seed=seed)
    try:
        splits = split_rows(rows, columns, config)
    except SuiteError:
        assert len(values) < 3 or (columns.time and len(sizes) < 3)
        return
    assert sorted(chain(*(part["n"] for part in splits.values()))) == list(range(len(values)))
    assert all(len(part) for part in splits.values())
    if columns.group and len(sizes) >= 3:
        assert sum(len(set(part["who"])) for part in splits.values()) == len(sizes)
    if columns is TIMED:
        assert max(splits["train"]["when"]) < min(splits["validation"]["when"])
        assert max(splits["validation"]["when"]) < min(splits["test"]["when"])


# ---- fingerprint -----------------------------------------------------------------------------------------------------

ROWS = {"text": ["a", None, "", "bc"], "n": [1, 2, None, 4], "x": [0.5, None, 1.5, 2.5], "b": [True, False, None, True]}


def test_fingerprint_is_of_values_only():
    rows = Dataset.from_dict(ROWS)
    expected = fingerprint(rows)
    assert expected == "d4007ea29cbebfb6"
    halves = concatenate_datasets([rows.select([0, 1]), rows.select([2, 3])])
    assert fingerprint(halves) == expected
    assert fingerprint(rows.select([3, 2, 1, 0]).select([3, 2, 1, 0])) == expected
    assert fingerprint(rows.select_columns(["b", "x", "n", "text"])) == expected
    assert (
        fingerprint(
            Dataset(
                pa.table(rows.data.table).cast(
                    pa.schema([("text", pa.large_string()), ("n", pa.int32()), ("x", pa.float32()), ("b", pa.bool_())])
                )
            )
        )
        == expected
    )


@pytest.mark.parametrize(
    "change",
    [
        {"text": ["a", "", "", "bc"]},
        {"text": ["ab", None, "", "c"]},
        {"n": [1, 2, 0, 4]},
        {"x": [0.5, None, 1.5, 2.5000001]},
        {"b": [True, False, False, True]},
        {"more": ["a"] * 4},
    ],
)
def test_fingerprint_sees_every_change(change):
    assert fingerprint(Dataset.from_dict(ROWS | change)) != fingerprint(Dataset.from_dict(ROWS))


def test_fingerprint_sees_order_and_nested_values():
    rows = Dataset.from_dict({"n": [[1], [2, 3]], "s": [{"k": "v"}, {"k": "w"}]})
    assert fingerprint(rows) != fingerprint(rows.select([1, 0]))


def test_fingerprint_of_files_is_of_their_content(tmp_path, clips):
    def made(name, content):
        path = tmp_path / name
        path.write_bytes(content)
        return fingerprint(Dataset.from_dict({"audio": [str(path)], "text": ["x"]}), clips.columns)

    large = bytes(3 << 20)
    assert made("a", b"1") == made("b", b"1") != made("c", b"2")
    assert made("d", large) == made("e", large)
    assert made("f", large[:-1] + b"1") != made("g", large) != made("h", large + b"\0")
    embedded = Dataset.from_dict({"audio": [{"bytes": b"1", "path": "z"}], "text": ["x"]})
    assert fingerprint(embedded, clips.columns) == made("i", b"1")
