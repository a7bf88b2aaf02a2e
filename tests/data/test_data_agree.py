"""The same rows are the same data by whichever way they come: CSV, TSV, JSON, Parquet, a frame, a data set."""

from __future__ import annotations

import csv
import json
import math
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest
from datasets import Dataset
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from suite import Column, Columns, SuiteError
from suite.data.load import load

KINDS = {"said": "text", "label": "category", "who": "id", "size": "number", "when": "time", "rest": "number"}
COLUMNS = Columns(tuple(Column(name, kind, name, required=False) for name, kind in KINDS.items()))
LONG = 2**53 + 1
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
"""An example writes seven files: to make it smaller would take minutes, and three rows are small enough."""


def csv_file(folder, rows, delimiter=","):
    path = folder / ("a.csv" if delimiter == "," else "a.tsv")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(KINDS)
        for row in rows:
            writer.writerow(["" if row[name] is None else written(row[name]) for name in KINDS])
    return path


def written(value):
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else value


def tsv_file(folder, rows):
    return csv_file(folder, rows, "\t")


def json_file(folder, rows):
    path = folder / "a.json"
    path.write_text(json.dumps(rows))
    return path


def lines_file(folder, rows):
    path = folder / "a.jsonl"  # what is missing is left out: nothing is the same as null
    path.write_text("".join(json.dumps({k: v for k, v in row.items() if v is not None}) + "\n" for row in rows))
    return path


def parquet_file(folder, rows):
    path = folder / "a.parquet"
    parquet.write_table(pa.table({name: [row[name] for row in rows] for name in KINDS}), path)
    return path


def decimals_file(folder, rows):
    """Numbers as the decimals that databases export."""
    path = folder / "a.parquet"
    values = {name: [row[name] for row in rows] for name in KINDS}
    values["size"] = [None if v is None else Decimal(str(v)) for v in values["size"]]
    parquet.write_table(pa.table(values), path)
    return path


def frame(folder, rows):
    """By way of pandas, where a missing value makes floats of whole numbers."""
    return Dataset.from_pandas(pd.DataFrame(rows, columns=list(KINDS)), preserve_index=False)


def data_set(folder, rows):
    return Dataset.from_list(rows)


WAYS = (csv_file, tsv_file, json_file, lines_file, parquet_file, decimals_file, frame, data_set)


@pytest.fixture
def through(task_of, tmp_path_factory):
    """Function that gives the checked rows which came a way, None for a missing value, or the refusal."""

    def read(way, rows):
        folder = tmp_path_factory.mktemp("agree")
        made = way(folder, rows)
        held = made if isinstance(made, Dataset) else None
        task = task_of(COLUMNS, read=lambda path: held)
        try:
            report = load(task, str(folder if held is not None else made)).report
        except SuiteError as error:
            return str(error)
        if refused := [f.message for f in report.findings if f.severity == "error" and f.row is None]:
            return refused[0]
        return [{name: plain(row.get(name)) for name in KINDS} for row in report.rows.to_list()]

    return read


def plain(value):
    """A value as it must be understood: blank text and NaN are missing, ids are their text, numbers are numbers."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or value == "":
        return None
    return value


def understood(row):
    values = {name: plain(row[name]) for name in KINDS}
    texts = {name: values[name] for name in ("said", "label") if values[name] is not None}
    return values | {name: str(written(value)) for name, value in texts.items()}


def same(ours, theirs):
    """Ids may be numbers or text of the same digits; numbers are compared as numbers."""
    pairs = {name: (ours[name], theirs[name]) for name in KINDS}
    pairs["who"] = tuple(None if v is None else str(v) for v in pairs["who"])
    pairs["when"] = tuple(None if v is None else str(v) for v in pairs["when"])
    return all(a == b for a, b in pairs.values())


LETTERS = st.text(st.characters(categories=("L", "N", "Zs"), codec="utf-8"), min_size=1, max_size=8)
WORDS = st.sampled_from(["NA", "null", "nan", "007", "1.50", "true", "None", "2024-01-01", "a,b", 'a "b"', "x\ty"])
TEXT = LETTERS.map(str.strip).filter(bool) | WORDS
WHOLE = st.integers(-(2**62), 2**62)
SMALL = st.integers(-(10**6), 10**6)
DECIMAL = st.decimals(-(10**6), 10**6, places=3, allow_nan=False).map(float)
MOMENTS = st.integers(1, 10**9)


def three(*values):
    """A column of three values that may be missing, all of one of these sorts, as a column of Parquet is."""
    return st.one_of(*(st.lists(st.none() | value, min_size=3, max_size=3) for value in values))


WHOLE_IDS = st.lists(WHOLE, min_size=3, max_size=3)  # none missing, or a frame would have lost their digits
TABLES = st.fixed_dictionaries(
    {
        "said": three(TEXT, SMALL),
        "label": three(TEXT, st.booleans()),
        "who": three(TEXT, SMALL) | WHOLE_IDS,
        "size": three(SMALL, DECIMAL) | WHOLE_IDS,
        "when": st.lists(MOMENTS, min_size=3, max_size=3),
        "rest": three(DECIMAL),
    }
)


@settings(
    deadline=None,
    max_examples=40,
    phases=WITHOUT_SHRINKING,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(table=TABLES)
@example(table={name: [None] * 3 for name in KINDS} | {"said": ["NA", "007", None], "who": [LONG, LONG + 1, LONG + 2]})
@example(
    table={name: [1, 2, 3] for name in KINDS}
    | {"who": [7, None, 8], "label": [True, None, False], "said": [1, None, 2]}
)
def test_the_same_rows_whichever_way_they_come(through, table):
    rows = [{name: table[name][number] for name in KINDS} for number in range(3)]
    wanted = [understood(row) for row in rows]
    for way in WAYS:
        got = through(way, rows)
        assert isinstance(got, list), (way.__name__, got)
        assert len(got) == len(wanted), way.__name__
        assert all(map(same, got, wanted)), (way.__name__, got, wanted)


@pytest.mark.parametrize("value", [["a", "b"], {"a": 1}], ids=["list", "object"])
@pytest.mark.parametrize("name", ["said", "label", "who", "size"])
@pytest.mark.parametrize("way", [json_file, lines_file, parquet_file, data_set])
def test_nothing_is_made_of_lists_and_objects(through, way, name, value):
    row = {"said": "x", "label": "x", "who": "x", "size": 1, "when": 1, "rest": 1.0}
    seen = through(way, [row | {name: value}, row | {name: value}])
    assert isinstance(seen, str) and repr(name) in seen and ("holds lists" in seen or "holds structs" in seen)


@pytest.mark.parametrize("way", [json_file, lines_file])
def test_a_list_beside_text_names_the_column(through, way):
    row = {"said": "x", "label": "x", "who": "x", "size": 1, "when": 1, "rest": 1.0}
    seen = through(way, [row, row | {"said": ["a", "b"]}])
    assert "'said' mixes values of several types" in seen


def test_numbers_of_json_stay_as_written_in_text(through):
    row = dict.fromkeys(KINDS) | {"said": 1.50, "when": 1}
    path = '{"said": 1.50, "when": 1}\n{"said": 1e3, "when": 1}\n{"said": 12345678901234567890123, "when": 1}\n'

    def raw(folder, rows):
        (folder / "a.jsonl").write_text(path)
        return folder / "a.jsonl"

    assert [line["said"] for line in through(raw, [row])] == ["1.50", "1e3", "12345678901234567890123"]


@pytest.mark.parametrize("way", [csv_file, json_file, lines_file])
def test_a_number_no_float_holds_is_not_rounded(through, task_of, tmp_path, way):
    """In a column that nobody declared: text, digit for digit."""
    row = {"said": "x", "label": "x", "who": "x", "size": 1, "when": 1, "rest": 2**70 + 1}
    path = way(tmp_path, [row, row])
    few = Columns(tuple(column for column in COLUMNS if column.name != "rest"))
    assert set(load(task_of(few), str(path)).report.rows["rest"]) == {str(2**70 + 1)}


def test_ids_that_lost_digits_before_they_came_are_refused(through):
    row = dict.fromkeys(KINDS) | {"when": 1}
    seen = through(frame, [row | {"who": LONG}, row])
    assert "ids in 'who' are numbers above 2^53" in seen


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NaT], ids=["none", "nan", "nat"])
def test_a_missing_time_rejects_its_row_and_is_no_event_of_long_ago(task_of, tmp_path, missing):
    events = Columns((Column("who", "id", "who"), Column("when", "time", "when", required=False)), time="when")
    times = [pd.Timestamp("2024-01-01"), missing, pd.Timestamp("2024-01-03"), pd.Timestamp("2024-01-04")]
    if isinstance(missing, float):
        times = [1.0, missing, 3.0, 4.0]
    pd.DataFrame({"who": list("abcd"), "when": times}).to_parquet(tmp_path / "a.parquet")
    report = load(task_of(events), str(tmp_path / "a.parquet")).report
    assert [(entry["row"], entry["reason"]) for entry in report.rejected] == [(1, "when is missing")]
