"""Scoring files: the same answers whatever the blocks, alerts as asked for, and sentences for what is wrong."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from suite import SuiteError
from suite_fraud.commands import files as commands
from suite_fraud.data import features, stream
from suite_fraud.data.tables import from_table
from suite_fraud.serving.score import Choice, score
from suite_fraud.serving.student import About, Student
from suite_fraud.starter.simulate import Portfolio, simulate

GIVEN = {"entity": "customer", "counterparty": "terminal", "label": "fraud"}


@pytest.fixture(scope="module")
def table():
    portfolio = Portfolio(customers=60, terminals=100, days=60, seed=1, radius=20.0, compromised_customers=1)
    return simulate(portfolio)


@pytest.fixture(scope="module")
def student(table):
    rows = from_table(table, GIVEN)
    x = features.compute(rows)
    return Student.teach(x, np.clip(rows.label * 0.8 + 0.05, 0, 1), About(threshold=0.5))


@pytest.fixture
def file(table, tmp_path):
    path = tmp_path / "all.csv"
    pyarrow.csv.write_csv(table, path)
    return path


def expected(table, student):
    rows = from_table(table, GIVEN)
    return student.predict(features.compute(rows))


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_probabilities_do_not_depend_on_blocks_or_formats(table, student, tmp_path, ending):
    path, output = tmp_path / f"all{ending}", tmp_path / "scored.parquet"
    (pyarrow.csv.write_csv if ending == ".csv" else pq.write_table)(table, path)
    totals = score(path, output, student, choice=Choice(everything=True), rows=500)
    assert totals.rows == table.num_rows > 3000
    scored = pq.read_table(output)
    assert scored["row"].to_pylist() == list(range(1, table.num_rows + 1))
    assert np.array_equal(scored["probability"].to_numpy(), expected(table, student))
    assert scored["entity"].to_pylist() == table["customer"].to_pylist()
    assert scored["amount"].to_pylist() == table["amount"].to_pylist()
    alerts = scored["alert"].to_numpy() == 1
    assert totals.alerts == alerts.sum() > 20
    assert np.array_equal(alerts, scored["probability"].to_numpy() >= 0.5)
    assert [bool(text) for text in scored["reasons"].to_pylist()] == alerts.tolist()


def test_only_alerts_are_written_and_a_threshold_may_be_given(table, student, file, tmp_path):
    output = tmp_path / "alerts.jsonl"
    totals = score(file, output, student, choice=Choice(threshold=0.7), rows=700)
    records = [json.loads(line) for line in output.read_text().splitlines()]
    wanted = np.flatnonzero(expected(table, student) >= 0.7) + 1
    assert [record["row"] for record in records] == wanted.tolist() and totals.alerts == len(wanted) > 5
    assert records[0]["time"] == str(table["time"][int(wanted[0]) - 1].as_py())
    assert all(1 <= len(record["reasons"].split("; ")) <= 3 for record in records)


@pytest.mark.parametrize("rows", [90, 100_000])
def test_a_capacity_takes_each_days_most_suspicious(table, student, file, tmp_path, rows):
    output = tmp_path / "alerts.parquet"
    totals = score(file, output, student, choice=Choice(capacity=3), rows=rows)
    probability = expected(table, student)
    day = table["time"].to_numpy().astype("datetime64[D]")
    wanted = []
    for today in np.unique(day):
        own = np.flatnonzero(day == today)
        wanted += sorted(own[np.argsort(-probability[own], kind="stable")[:3]] + 1)
    assert pq.read_table(output)["row"].to_pylist() == wanted
    assert totals.alerts == len(wanted)


def test_a_capacity_goes_with_nothing_else():
    with pytest.raises(SuiteError, match="leave --threshold and --all out"):
        Choice(capacity=3, everything=True)


def test_history_makes_habits_known(table, student, tmp_path):
    cut = table.num_rows // 2
    early, late, output = (tmp_path / name for name in ("early.parquet", "late.csv", "out.parquet"))
    pq.write_table(table.slice(0, cut), early)
    pyarrow.csv.write_csv(table.slice(cut), late)
    totals = score(late, output, student, choice=Choice(everything=True), history=early, rows=400)
    scored = pq.read_table(output)
    assert totals.rows == table.num_rows - cut
    assert scored["row"][0].as_py() == 1
    assert np.array_equal(scored["probability"].to_numpy(), expected(table, student)[cut:])


def test_order_within_a_block_is_free_but_not_across(table, student, tmp_path):
    path, output = tmp_path / "mixed.parquet", tmp_path / "out.csv"
    order = np.arange(table.num_rows)
    order[[10, 20]] = order[[20, 10]]
    pq.write_table(table.take(order), path)
    score(path, output, student, rows=500)
    order[[10, 1500]] = order[[1500, 10]]
    pq.write_table(table.take(order), path)
    output.unlink()
    with pytest.raises(SuiteError, match=r"Row 501 of mixed.parquet is earlier .* sort the file by time"):
        score(path, output, student, rows=500)
    assert not list(tmp_path.glob("*out.csv*")), "a file appears whole or not at all"


def test_an_unreadable_row_names_its_block(table, student, tmp_path):
    path = tmp_path / "bad.parquet"
    amount = table["amount"].to_pylist()
    amount[1234] = None
    pq.write_table(table.set_column(table.schema.get_field_index("amount"), "amount", pa.array(amount)), path)
    with pytest.raises(SuiteError, match=r"in the 500 rows from row 1,001 on: Row 235 has no amount"):
        score(path, tmp_path / "out.csv", student, rows=500)


def test_further_numbers_are_read_and_may_be_missing(table, tmp_path):
    rows = from_table(table, GIVEN)
    balance = np.random.default_rng(0).random(len(rows))
    x = np.column_stack([features.compute(rows), balance])
    student = Student.teach(x, np.clip(balance, 0.1, 0.9), About(numbers=("balance",)))
    path, output = tmp_path / "all.parquet", tmp_path / "out.parquet"
    pq.write_table(table.append_column("balance", pa.array(balance)), path)
    score(path, output, student, choice=Choice(everything=True), rows=500)
    probability = pq.read_table(output)["probability"].to_numpy()
    assert np.corrcoef(probability, balance)[0, 1] > 0.9
    pq.write_table(table, path)
    score(path, output, student, choice=Choice(everything=True), rows=500)
    assert len(set(pq.read_table(output)["probability"].to_pylist())) < len(rows) / 2


def test_formulas_are_inert_and_ids_keep_their_zeros(student, tmp_path):
    path, output = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_text("time,customer,terminal,amount\n2018-04-01 00:00:00,=1+1,007,5\n2018-04-01 00:00:01,-2,008,-6\n")
    score(path, output, student, choice=Choice(everything=True))
    with output.open() as lines:
        rows = list(csv.DictReader(lines))
    assert [row["entity"] for row in rows] == ["'=1+1", "'-2"]
    assert [row["counterparty"] for row in rows] == ["007", "008"]
    assert [float(row["amount"]) for row in rows] == [5, -6]


def test_times_that_change_their_unit_are_refused(student, tmp_path):
    path = tmp_path / "in.parquet"
    pq.write_table(pa.table({"time": [1, 2, 30_000, 40_000], "amount": [1.0, 2.0, 3.0, 4.0]}), path)
    with pytest.raises(SuiteError, match="look like hours and these like seconds; say which: --time-unit"):
        score(path, tmp_path / "out.csv", student, rows=2)
    plain = Student(student.booster, replace(student.about, time_unit="seconds"))
    assert score(path, tmp_path / "out.csv", plain, rows=2).rows == 4


def test_files_that_cannot_be_read_or_written_say_so(file, student, tmp_path):
    cases = [
        (tmp_path / "none.csv", "out.csv", "There is no file"),
        (tmp_path / "all.xlsx", "out.csv", "ends in .csv or .parquet"),
        (file, "out.txt", "ending of .csv, .jsonl or .parquet"),
        (file, "no/out.csv", "There is no folder"),
        (file, file.name, "is the file that is read"),
    ]
    (tmp_path / "all.xlsx").write_text("")
    for path, output, message in cases:
        with pytest.raises(SuiteError, match=message):
            score(path, tmp_path / output, student)
    (tmp_path / "broken.parquet").write_text("no parquet")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "ragged.csv").write_text("time,amount\n1,2\n3\n")
    for name in ("broken.parquet", "empty.csv", "ragged.csv"):
        with pytest.raises(SuiteError, match=f"{name} cannot be read "):
            score(tmp_path / name, tmp_path / "out.csv", student)
    with pytest.raises(SuiteError, match=r"No column for 'amount' .* --columns amount=THEIRS"):
        stream.mapping(["time", "customer"], {})


def test_columns_of_the_training_are_found_again():
    names = ["when", "shop", "sum_eur", "fraud", "time"]
    remembered = {"time": "when", "counterparty": "shop", "amount": "sum_eur", "entity": "gone"}
    assert stream.mapping(names, {}, remembered) == {
        "time": "when",
        "amount": "sum_eur",
        "label": "fraud",
        "counterparty": "shop",
    }


def test_columns_that_are_named_must_be_there():
    names = ["time", "card_no", "amount", "fraud", "verdict"]
    with pytest.raises(SuiteError, match="There is no column 'crad_no' for entity; the file has: time, card_no"):
        stream.mapping(names, {"entity": "crad_no"})
    columns = stream.mapping(names, commands.pairs(("entity=card_no,label=verdict",)), {"label": "fraud"})
    assert columns == {"time": "time", "entity": "card_no", "amount": "amount", "label": "verdict"}


def test_the_commands_make_score_and_tell(student, tmp_path):
    runner = CliRunner()
    data, output, runs = tmp_path / "data.parquet", tmp_path / "alerts.csv", tmp_path / "runs"
    asked = ["--output", str(data), "--customers", "50", "--terminals", "400", "--days", "20", "--scenarios"]
    made = runner.invoke(commands.simulate, asked, catch_exceptions=False)
    assert f"{pq.read_table(data).num_rows:,} transactions" in made.output
    with pytest.raises(SuiteError, match="has a student model; make one with"):
        runner.invoke(commands.score, [str(data), "--output", str(output), "--runs", str(runs)], catch_exceptions=False)
    student.save(runs / "fraud" / "20260101-000000-run" / "student")
    options = ["--runs", str(runs), "--capacity", "2", "--columns", "entity=customer"]
    result = runner.invoke(commands.score, [str(data), "--output", str(output), *options], catch_exceptions=False)
    assert "40 alerts among" in result.output and "a second" in result.output
    assert len(output.read_text().splitlines()) == 41
    with pytest.raises(SuiteError, match="--columns card=x is not OURS=THEIRS"):
        commands.pairs(("card=x",))
