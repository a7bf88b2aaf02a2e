"""The analyst's queue: what it shows and saves, what becomes of a decision, and that no stranger's text is run."""

from __future__ import annotations

import csv
import html
import re
import subprocess
import sys
import warnings
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from datasets import Dataset
from fraud_toys import TOY, written

from suite import Corrections, Predictor, SuiteError
from suite.data.corrections import source
from suite_fraud.commands.labels import labels
from suite_fraud.data.columns import COLUMNS
from suite_fraud.data.tables import from_table
from suite_fraud.demo import cards, page
from suite_fraud.demo import session as session_of
from suite_fraud.domain import FRAUD
from suite_fraud.model import decisions
from suite_fraud.serving import queue
from suite_fraud.serving.queue import Queue
from suite_fraud.starter.simulate import simulate

EVIL = "<img src=x onerror=alert(1)>"


def table(label=(1, 0, 1, 0)):
    known = [None if value < 0 else value for value in label]
    return pa.table(
        {
            "time": np.array([0, 60, 86_400, 86_460]).astype("datetime64[s]"),
            "entity": ["a", "b", "a", EVIL],
            "counterparty": ["x", "y", EVIL, "x"],
            "amount": [100.0, 10.0, 123_456.78, 5.0],
            "label": pa.array(known, pa.int8()),
        }
    )


def toy(label=(1, 0, 1, 0)) -> Queue:
    rows = from_table(table(label))
    return Queue(Dataset.from_dict({"row": rows.order}), rows, np.arange(4), "toy", np.array([0.3, 0.9, 0.8, 0.001]))


@pytest.fixture
def predictor(tmp_path):
    return SimpleNamespace(task=FRAUD.task(output=tmp_path), run=None)


@pytest.fixture(scope="module")
def starter(tmp_path_factory):
    """The shipped starter on a tiny portfolio instead of its own, which takes ten seconds to make up."""
    data = written(tmp_path_factory.mktemp("toy"))
    return Predictor(FRAUD.task(output=tmp_path_factory.mktemp("runs"), data=str(data)))


@pytest.fixture(scope="module")
def session(starter, tmp_path_factory):
    path = tmp_path_factory.mktemp("uploads") / "toy.parquet"
    pq.write_table(simulate(TOY), path)
    demo = session_of.DemoSession(starter)
    demo.name = demo.uploads.keep(queue.opened(starter, path))
    return demo


def test_the_first_of_each_day_come_with_the_most_suspicious_first():
    assert toy().first(1).tolist() == [1, 2]
    assert toy().first(2).tolist() == [1, 2, 0, 3]


def test_savings_are_those_of_the_outcome_at_each_capacity():
    generator = np.random.default_rng(0)
    label, amount, day = generator.integers(0, 2, 400), generator.integers(1, 99, 400) * 1.0, np.arange(400) // 100
    rows = from_table(
        pa.table({"time": day.astype("datetime64[D]").astype("datetime64[s]"), "amount": amount, "label": label})
    )
    held = Queue(Dataset.from_dict({"row": rows.order}), rows, np.arange(400), "", generator.random(400))
    savings = held.savings(120, review_cost=30)
    for k in (1, 7, 100, 120):
        outcome = decisions.curve(held.probability, label, amount, day, review_cost=30, capacities=(k,))[k]
        figures = (savings.saved[k - 1], savings.found[k - 1], savings.missed[k - 1], savings.money_missed[k - 1])
        assert figures == (outcome.money_saved, outcome.frauds_found, outcome.frauds_missed, outcome.money_missed)
    assert savings.saved[savings.best - 1] == savings.saved.max() > savings.saved[-1]


def test_the_slider_says_where_one_more_alert_stops_paying():
    held = toy()
    savings = held.savings(5, review_cost=2)
    assert savings.saved.round(2).tolist() == [123_452.78, 123_548.78, 123_548.78, 123_548.78, 123_548.78]
    text = cards.figures(held, savings, 1, 2)
    assert (
        "<b>123,453</b><small>money saved" in text
        and "<b>50\N{NARROW NO-BREAK SPACE}%</b><small>precision of 2 alerts" in text
    )
    assert "stops paying at <b>2</b>. 1 more a day would save 96 more." in text
    assert "missed, worth 100" in text and "review cost at 2 each" in text
    assert "1 fewer a day would save" not in text and "This is that place" in cards.figures(held, savings, 2, 2)


def test_without_labels_nothing_is_promised():
    held = toy((-1,) * 4)
    assert held.savings(5, review_cost=2) is None
    text = cards.figures(held, None, 1, 2)
    assert "unknown" in text and "saved</small>" not in text and "<svg" not in text
    partly = toy((-1, 0, 1, 0))
    assert "known of 3 among 4" in cards.figures(partly, partly.savings(5, review_cost=2), 1, 2)


def test_names_from_a_file_are_text_and_never_markup():
    held = toy()
    every = cards.alerts(held, [1, 2, 0, 3], [[EVIL]] * 4, {}, of=4, picked=-1) + cards.detail(held, 2, [EVIL], 1)
    assert "<img" not in every and every.count("&lt;img src=x") == 6 + 3  # reasons, counterparties, entities
    assert "&lt;img" in cards.alerts(Queue(held.rows, held.table, held.where, EVIL, held.probability), [], [], {}, of=0,
                                     picked=-1)  # fmt: skip


def test_an_alert_shows_its_customers_last_transactions_up_to_itself():
    assert [record["amount"] for record in toy().history(2)] == [100.0, 123_456.78]
    assert [record["amount"] for record in toy().history(0)] == [100.0]
    assert [record["amount"] for record in toy().history(2, 1)] == [123_456.78]
    text = cards.detail(toy(), 2, ["why"], None)
    assert "stored" not in text
    (this,) = re.findall(r'<tr class="kit-strong kit-bad">(.*?)</tr>', text)
    assert "123,456.78" in this and text.count("<tr") == 2


def test_decisions_are_marked_counted_and_found_again_by_another_page(predictor, tmp_path):
    queue.decide(predictor, toy(), 2, fraud=False)
    queue.decide(predictor, toy(), 2, fraud=True)
    queue.decide(predictor, toy(), 1, fraud=False)
    known = queue.decided(tmp_path)
    assert sorted(known.values()) == [0, 1]
    known["2020-01-01T00:00:00", "of", 1.0, "another file"] = 1
    text = cards.alerts(toy(), [1, 2, 0], [[], [], []], known, of=4, picked=2)
    assert "4 transactions, 2 decided" in text and "<b>3 of 4 alerts</b>" in text
    rows = re.findall(r"<button(.*?)</button>", text)
    assert ["kit-strong" in row for row in rows] == [False, True, False]
    said = [re.findall(r'"kit-badge kit-(\w+)">(\w+)<', row) for row in rows]
    assert said == [[("good", "fine")], [("bad", "fraud")], []]
    assert "The table's label: fraud" in html.unescape(cards.detail(toy(), 2, [], 1))


def test_a_decision_is_stored_with_what_was_said_before(predictor, tmp_path):
    queue.decide(predictor, toy((-1, 0, 1, 0)), 0, fraud=True)
    (kept,) = Corrections("fraud", tmp_path).read()
    assert kept.row == {"time": "1970-01-01T00:00:00", "entity": "a", "amount": 100.0, "counterparty": "x"}
    assert (kept.before, kept.after) == ({"label": None, "probability": 0.3}, {"label": 1})
    assert (kept.source, kept.model) == ("toy", "fraud-network")


def test_decisions_load_as_rows_with_the_domains_columns(predictor, tmp_path):
    queue.decide(predictor, toy(), 0, fraud=True)
    queue.decide(predictor, toy(), 3, fraud=False)
    rows = source("", predictor.task)
    assert set(rows.column_names) == set(COLUMNS.names)
    assert from_table(rows).label.tolist() == [1, 0] and from_table(rows).amount.tolist() == [100.0, 5.0]


@pytest.mark.parametrize("labelled", [True, False])
def test_decisions_go_back_into_their_table(predictor, tmp_path, labelled):
    given = table((-1, 0, 1, 0)).take([3, 2, 1, 0])  # not in order of time
    given = given if labelled else given.drop_columns("label")
    pyarrow.csv.write_csv(given, tmp_path / "bank.csv")
    queue.decide(predictor, toy(), 0, fraud=True)
    queue.decide(predictor, toy(), 2, fraud=False)
    command = ["--data", str(tmp_path / "bank.csv"), "--output", str(tmp_path / "new.csv"), "--runs", str(tmp_path)]
    done = CliRunner().invoke(labels, command, catch_exceptions=False)
    assert "2 decisions found in bank.csv, 2 of which changed a label" in done.output
    new = pyarrow.csv.read_csv(tmp_path / "new.csv")
    assert new["label"].to_pylist() == ([0, 0, 0, 1] if labelled else [None, 0, None, 1])
    assert new["amount"].to_pylist() == given["amount"].to_pylist()


def test_a_table_with_new_labels_is_otherwise_as_it_was(predictor, tmp_path):
    given = table().append_column("zip", pa.array(["01234", "NA", "", "+49"]))
    given = given.append_column("balance", pa.array(["-12.00", "1.50", "=1+1", "7"]))
    pyarrow.csv.write_csv(given, tmp_path / "bank.csv")
    queue.decide(predictor, toy(), 0, fraud=True)
    command = ["--data", str(tmp_path / "bank.csv"), "--runs", str(tmp_path), "--output"]
    CliRunner().invoke(labels, [*command, str(tmp_path / "new.csv")], catch_exceptions=False)
    with (tmp_path / "bank.csv").open() as before, (tmp_path / "new.csv").open() as after:
        expected = [["'=1+1" if cell == "=1+1" else cell for cell in row] for row in csv.reader(before)]
        assert expected == list(csv.reader(after))  # no export holds a live formula
    with pytest.raises(SuiteError, match=r"bank\.csv is the file that is read; give another one with --output"):
        CliRunner().invoke(labels, [*command, str(tmp_path / "bank.csv")], catch_exceptions=False)


def test_decisions_of_another_table_are_told(predictor, tmp_path):
    pyarrow.csv.write_csv(table(), tmp_path / "bank.csv")
    with pytest.raises(SuiteError, match=r"None of the 0 decisions below .* is about a transaction of bank\.csv"):
        CliRunner().invoke(
            labels, ["--data", str(tmp_path / "bank.csv"), "--output", str(tmp_path / "new.csv"), "--runs",
                     str(tmp_path)], catch_exceptions=False,
        )  # fmt: skip


def test_the_starter_ranks_an_upload_and_gives_reasons(session):
    text, more = session.alerts(session.name, 20, 25, -1)
    assert more and text.count("data-row") == 25 and text.count('"kit-chip"') > 25
    held = session.queue(session.name)
    first = held.first(20)
    assert (held.table.label[held.where[first[:50]]] == 1).mean() > 5 * (held.table.label == 1).mean()
    assert "money saved" in session.figures(session.name, 20)
    row = int(first[0])
    session.decide(session.name, row, fraud=True)
    assert (
        "You said so" in session.detail(session.name, row)
        and "1 decided" in session.alerts(session.name, 20, 25, row)[0]
    )


def test_the_endpoint_answers_records_in_their_order(session):
    records = simulate(TOY).slice(0, 500).to_pylist()
    records = [{"time": str(row["time"]), **{k: row[k] for k in ("customer", "terminal", "amount")}} for row in records]
    records[400]["amount"] = 2_000.0
    answers, turned = session.answer(records), session.answer(records[::-1])
    assert (
        np.argmax([answer["probability"] for answer in answers]) == 400
        and answers[400]["alert"]
        and answers[400]["reasons"]
    )
    assert [answer["probability"] for answer in turned[::-1]] == pytest.approx(
        [answer["probability"] for answer in answers]
    )


def test_mistakes_are_sentences(session, tmp_path):
    with pytest.raises(SuiteError, match="Pick an alert of the queue first"):
        session.detail(session.name, -1)
    with pytest.raises(SuiteError, match="Pick an alert of the queue first"):
        session.decide(session.name, 10**9, fraud=True)
    with pytest.raises(SuiteError, match="no longer held here; upload it again"):
        session.queue("gone")
    with pytest.raises(SuiteError, match="Give a list of transactions"):
        session.answer([])
    with pytest.raises(SuiteError, match="at most 10,000"):
        session.answer([{}] * 10_001)
    (tmp_path / "words.csv").write_text("who,what\na,b\n")
    with pytest.raises(SuiteError, match="No column for 'time'"):
        queue.opened(session.predictor, tmp_path / "words.csv")


def test_too_long_a_file_is_sent_to_the_command(session, monkeypatch):
    monkeypatch.setattr(queue, "MOST", 3)
    with pytest.raises(SuiteError, match="bank has 4 transactions and this page takes 3; .* suite fraud score FILE"):
        queue.of(session.predictor, from_table(table()), "bank")


def test_only_so_many_uploads_are_held():
    demo = session_of.DemoSession(SimpleNamespace())
    names = [demo.uploads.keep(toy()) for _ in range(session_of.HELD)]
    demo.queue(names[0])
    demo.uploads.keep(toy())
    assert demo.queue(names[0]).source == "toy"
    with pytest.raises(SuiteError, match="no longer held"):
        demo.queue(names[1])


def test_the_page_is_built_without_a_model_and_without_a_warning():

    with warnings.catch_warnings(), gr.Blocks() as blocks:
        warnings.simplefilter("error", UserWarning)
        page.build(SimpleNamespace(task=FRAUD.task()))
    public = {function.api_name for function in blocks.fns.values() if function.api_visibility == "public"}
    assert public == {"fraud_score"}
    names = {function.fn.__name__ for function in blocks.fns.values()}
    assert {"open_example", "open_file", "move", "show_more", "pick", "decided"} <= names


def test_building_the_page_imports_no_torch():
    code = (
        "import sys, gradio as gr\nfrom suite import Predictor\nfrom suite_fraud.domain import FRAUD\n"
        "task = FRAUD.task()\nwith gr.Blocks():\n    task.demo(Predictor(task))\n"
        "assert not {'torch', 'transformers', 'sklearn', 'lightgbm'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
