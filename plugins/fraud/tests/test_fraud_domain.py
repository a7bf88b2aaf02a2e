"""The domain: which rows go where, what a whole run leaves behind, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from datasets import Dataset
from fraud_toys import TOY

from suite import Scored, SuiteError, Task, TrainingData
from suite.assets.resolve import resolve_model
from suite_fraud.config import FraudConfig
from suite_fraud.data import rows as parts
from suite_fraud.data import tables
from suite_fraud.domain import FRAUD
from suite_fraud.evaluation import champion, report
from suite_fraud.model import texts
from suite_fraud.model.base import NetworkConfig
from suite_fraud.model.inputs import Block, Examples, block, collate
from suite_fraud.serving.model import FraudModel
from suite_fraud.starter.simulate import simulate

NAMES = ["transaction", "time", "entity", "counterparty", "amount", "label"]


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return simulate(TOY).rename_columns(NAMES)


def task(**changes) -> Task:
    return FRAUD.task({"validation_share": 0.3}, changes)


def config(**changes) -> FraudConfig:
    return task(**changes).config


def load(portfolio=None, rows=None, **changes) -> FraudModel:
    """The starter, fitted to training rows where there are some."""
    data = None if portfolio is None else TrainingData(portfolio.splits["train"] if rows is None else rows, portfolio)
    return task(**changes).load(resolve_model("fraud-network", FRAUD.starter.assets), data)


@pytest.fixture(scope="module")
def portfolio(table) -> parts.Portfolio:
    return parts.split(Dataset(table), config())


def days(rows: Dataset) -> tuple[int, int]:
    return min(rows["day"]), max(rows["day"])


def test_parts_lie_in_time_as_labels_become_known(portfolio):
    splits = portfolio.splits
    assert days(splits["train"]) == (19, 25)
    assert days(splits["test"]) == (33, 39)
    assert days(splits["validation"])[0] == 0  # 40 days hold no more than what the rule asks for
    assert days(splits["validation"])[1] == 25


def test_validation_is_of_other_entities_and_students_learn_from_neither_training_nor_test(portfolio):
    splits = portfolio.splits
    assert not set(splits["train"]["entity"]) & set(splits["validation"]["entity"])
    taught = set(portfolio.spare["row"])
    assert not taught & set(splits["train"]["row"]) and not taught & set(splits["test"]["row"])
    assert days(portfolio.spare) == (0, 32)


def test_transactions_a_day_count_those_of_unknown_label(table):
    rows = tables.from_table(table)
    hidden = (rows.label == 0) & (np.random.default_rng(0).random(len(rows)) < 0.9)
    partly = replace(rows, label=np.where(hidden, -1, rows.label).astype(np.int8))
    expected = ((rows.days >= 19) & (rows.days < 33)).sum() / 14
    assert parts.divide(partly, config()).per_day == parts.divide(rows, config()).per_day == expected


def test_the_unit_of_numbers_in_time_is_kept(table):
    seconds = table["time"].cast(pa.timestamp("s")).cast(pa.int64())
    minutes = pa.array((seconds.to_numpy() - seconds.to_numpy()[0]) // 60)
    result = parts.split(Dataset(table.set_column(1, "time", minutes)), config(time_unit="minutes"))
    assert result.time_unit == "minutes" and days(result.splits["test"]) == (33, 39)


def test_rows_of_another_set_keep_their_order(table):
    model = load()
    some = table.slice(0, 300)
    backwards = some.take(np.arange(300)[::-1])
    examples = model.prepare(Dataset(backwards), "test")
    scores = task().scores(model)
    amounts = [scores.reference(example)["amount"] for example in examples]
    assert amounts == pytest.approx(backwards["amount"].to_pylist())


def scored(probability) -> Scored:
    scores = {
        "probability": np.array(probability),
        "label": np.array([1, 0, 0]),
        "amount": np.ones(3),
        "day": np.zeros(3, int),
    }
    return Scored([{}] * 3, [None] * 3, scores)


def test_who_wins_and_the_optimism_meter_are_of_the_test_rows_alone(portfolio):
    model = load()
    contest = champion.Contest(np.array([1, 0, 0]), np.ones(3))
    contest.enter("fine-tuned", *[np.array([0.9, 0.5, 0.1])] * 2)
    contest.enter("trees", *[np.array([0.5, 0.9, 0.1])] * 2)
    context = report.Comparison(contest, report.Optimism("trees", 0.1, 0.2))
    systems = {"fine-tuned": scored([0.9, 0.5, 0.1]), "trees": scored([0.5, 0.9, 0.1])}
    sections = list(task().report(model, systems, portfolio.splits["test"], context))
    assert [section.title for section in sections] == ["Who wins", "What it would have saved", "Optimism meter"]
    assert sections[-1].values == {"system": "trees", "through_time": 0.1, "random": 0.2}
    (other,) = task().report(model, systems, portfolio.splits["test"], None)
    assert other.title == "What it would have saved" and other.values["system"] == "fine-tuned"


def test_known_cards_are_not_tested(portfolio, table):
    rows = tables.from_table(table)
    known = (rows.label == 1) & (rows.days >= 19) & (rows.days < 33 - 7)
    blocked = {rows.entity_names[code].as_py() for code in rows.entity[known]}
    assert blocked and not blocked & set(portfolio.splits["test"]["entity"])


def test_cards_known_by_then_do_not_validate(portfolio, table):
    rows = tables.from_table(table)
    frauds = rows.label == 1
    first = np.full(len(rows.entity_names), 99)
    np.minimum.at(first, rows.entity[frauds], rows.days[frauds])
    known = dict(zip(rows.entity_names.to_pylist(), first, strict=True))
    validation = portfolio.splits["validation"]
    late = [known[entity] < day - 7 for entity, day in zip(validation["entity"], validation["day"], strict=True)]
    assert min(known[entity] for entity in validation["entity"]) < 10  # there are such cards
    assert not any(late)


def test_held_out_entities_do_not_move_when_others_come(table):
    rows = tables.from_table(table)
    all_of_them = parts.held_out(rows, share=0.3, seed=1)
    fewer = tables.from_table(table.slice(0, 3_000))
    some = dict(zip(fewer.entity_names.to_pylist(), parts.held_out(fewer, share=0.3, seed=1), strict=True))
    held = dict(zip(rows.entity_names.to_pylist(), all_of_them, strict=True))
    assert some.items() <= held.items()
    assert all_of_them.mean() == pytest.approx(0.3, abs=0.07)


def test_features_are_of_the_whole_table(portfolio):
    # Habits of the test week reach back beyond it: nearly nobody is new there.
    counts = np.array(portfolio.splits["test"]["entity_count_30d"])
    assert np.median(counts) > 30


@pytest.mark.parametrize(
    ("changes", "settings", "message"),
    [
        ({"label": None}, {}, "No transaction has a label"),
        ({}, {"test_days": 60}, "days of transactions; these span 40"),
        ({"label": 0}, {}, "The train part has 0 frauds"),
        ({}, {"test_end": 15}, "need 21 days of transactions; these span 15"),
    ],
)
def test_what_cannot_be_parted_is_refused_with_a_sentence(table, changes, settings, message):
    for name, value in changes.items():
        array = pa.array([value] * len(table), pa.int8())
        table = table.set_column(NAMES.index(name), name, array)
    with pytest.raises(SuiteError, match=message):
        parts.split(Dataset(table), config(**settings))


def test_a_leaking_column_and_one_class_are_findings(table):
    data = task().data
    leak = table.append_column("verdict", pa.array(np.asarray(table["label"]) * 2.0))
    errors = [finding for finding in data.check(Dataset(leak)) if finding.severity == "error"]
    assert len(errors) == 1 and "'verdict' gives the label away" in errors[0].message
    honest = table.set_column(5, "label", pa.array(np.zeros(len(table), np.int8)))
    assert any("are legitimate" in finding.message for finding in data.check(Dataset(honest)))
    broken = table.set_column(4, "amount", pa.array(["many"] * len(table)))
    refused = list(data.check(Dataset(broken)))
    assert [finding.row for finding in refused] == list(range(len(table)))
    assert {finding.message for finding in refused} == {"amount 'many' cannot be read; write it as 1234.56"}


def test_rows_that_cannot_be_read_are_left_out_by_name(table):
    """Each kind of value once, and what is read in other ways is no fault."""
    few = table.slice(0, 2000)
    times = [str(value) for value in few["time"].to_pylist()]
    times[3] = "some day"
    amounts = [f"€ {value:.2f}" for value in few["amount"].to_pylist()]
    amounts[5] = "plenty"
    labels = [("0", "1", "no", "Y", "")[row % 5] for row in range(len(few))]
    labels[7] = "perhaps"
    changed = {"time": times, "amount": amounts, "label": labels}
    entities = few["entity"].to_pylist()
    for name, values in (changed | {"entity": [None, *entities[1:]]}).items():
        few = few.set_column(few.column_names.index(name), name, pa.array(values, pa.string()))
    rows = {f.row: f.message for f in task().data.check(Dataset(few)) if f.severity == "error" and f.row is not None}
    assert rows == {
        0: "entity is missing; fill it in or leave the row out",
        3: "time 'some day' cannot be read; write it as 2018-04-30 12:00:00",
        5: "amount 'plenty' cannot be read; write it as 1234.56",
        7: "label 'perhaps' cannot be read; write 1 for fraud, 0 for legitimate, nothing where nobody knows",
    }


def test_columns_of_one_value_and_of_names_are_left_out(table, monkeypatch):
    monkeypatch.setattr(parts, "MANIFOLD", 10)
    more = table.append_column("constant", pa.array(np.ones(len(table))))
    more = more.append_column("kind", pa.array(["chip", "online"] * (len(table) // 2) + ["chip"] * (len(table) % 2)))
    more = more.append_column("note", pa.array([f"note {row}" for row in range(len(table))]))
    names = parts.split(Dataset(more), config()).splits["train"].column_names
    assert "text:kind" in names
    assert not {"number:constant", "text:note"} & set(names)


def test_texts_reach_the_batch_by_their_vectors(monkeypatch):
    monkeypatch.setattr(texts, "embed", lambda values: np.stack([np.full(384, len(v), np.float32) for v in values]))
    rows = Dataset.from_dict(
        {"a": [1.0, 2.0], "amount": [3.0, 4.0], "text:shop": ["ab", None], "label": [1, -1], "day": [0, 0],
         "entity": ["x", "y"]}
    )  # fmt: skip
    made = block(rows, NetworkConfig(features=["a", "gone"], texts=["shop"], extras=["other"]))
    batch = collate(list(Examples(made)))
    assert batch["texts"][:, 0].tolist() == [2.0, 0.0]
    assert batch["features"][:, 0].tolist() == [1.0, 2.0] and bool(batch["features"][:, 1].isnan().all())
    assert "labels" not in batch  # one is unknown
    assert batch["asked"] == []


def test_examples_come_many_at_once():
    blank = np.zeros(5)
    made = Block(
        np.zeros((5, 1)), np.zeros((5, 0)), np.zeros((5, 0), int), np.zeros((1, 0)), blank, blank, blank, blank
    )
    examples = Examples(made)
    assert [example.row for example in examples.__getitems__([3, 1])] == [3, 1]
    assert examples[-1].row == 4
    with pytest.raises(IndexError):
        _ = examples[5]


def test_metrics_leave_unknown_labels_out():
    scores = {
        "probability": np.array([0.9, 0.2, 0.95]),
        "label": np.array([1, 0, -1]),
        "amount": np.ones(3),
        "day": np.zeros(3, int),
        "entity": np.arange(3),
    }
    judge = FRAUD.task().scores(None)
    metrics = judge.metrics(judge.joint(Scored([], [], scores)))
    assert metrics["average_precision"] == 1.0
    assert json.dumps(metrics)


def test_a_limit_that_leaves_one_class_is_refused_before_training(portfolio):
    train = portfolio.splits["train"]
    legitimate = train.select(np.flatnonzero(np.asarray(train["label"]) == 0)[:60])
    with pytest.raises(SuiteError, match="The train part has 0 frauds among 60 transactions; it needs both kinds"):
        load(portfolio, legitimate)


def test_the_fewer_frauds_the_stronger_the_pull(portfolio):
    model = load(portfolio, l2_sp=1.0)
    network = model.network
    examples = model.prepare(portfolio.splits["train"], "train")
    batch = model.collate([examples[row] for row in range(8)])
    network.eval()
    plain = float(model.loss(network, batch).detach())
    for module in network.train().modules():
        if hasattr(module, "p"):
            module.p = 0.0  # no dropout
    assert float(model.loss(network, batch).detach()) == pytest.approx(plain)  # at the start there is no distance
    network.head.bias.data += 1.0
    frauds = sum(label == 1 for label in portfolio.splits["train"]["label"])
    moved = float(model.loss(network, batch).detach()) - float(model.loss(network.eval(), batch).detach())
    assert moved == pytest.approx(1.0 / frauds, rel=1e-3)
    free = model.with_config(config(l2_sp=0))
    assert float(free.loss(network.train(), batch).detach()) == float(free.loss(network.eval(), batch).detach())


def test_a_split_hands_on_its_portfolio_and_a_model_is_loaded_with_it(table):
    parted = task()
    splits = parted.data.split(Dataset(table))
    assert splits.context.per_day > 0 and len(splits.context.spare)
    assert splits["test"] is splits.context.splits["test"]
    model = parted.load(resolve_model("fraud-network", FRAUD.starter.assets), splits.training)
    assert model.portfolio is splits.context
    assert load().portfolio is None and load().start is None


def test_a_file_is_answered_row_by_row_with_reasons_for_alerts(table, tmp_path):
    path = tmp_path / "bank.parquet"
    pq.write_table(table.slice(0, 400), path)
    model = load()
    model.network.eval()
    examples = model.inputs(str(path))
    with torch.no_grad():
        answers = model.infer(model.collate(examples))
        low = replace(model, calibration={**model.calibration, "cost": 0.0}).infer(model.collate(examples[:3]))
    assert [answer["row"] for answer in answers] == list(range(400))
    assert [answer["amount"] for answer in answers] == pytest.approx(table["amount"].to_pylist()[:400])
    assert all(bool(answer["reasons"]) <= answer["alert"] for answer in answers)
    assert all(answer["alert"] for answer in low) and any(answer["reasons"] for answer in low)
    lines = [FRAUD.task().answers.render(answer) for answer in low]
    assert lines[0].startswith("row        0  ") and "ALERT: " in lines[0]


def test_calibrating_makes_another_model_and_leaves_the_one_it_is_of(portfolio, tmp_path):
    model = load(portfolio, systems=["logistic regression"])
    model.network.eval()
    before = dict(model.calibration)
    validation = model.prepare(portfolio.splits["validation"], "validation")
    scores = task().scores(model)
    with torch.no_grad():
        answers = model.infer(model.collate(list(validation)))
    calibrated = model.calibrate(answers, [scores.reference(example) for example in validation])
    assert model.calibration == model.network.config.calibration == before and model.student is None
    assert calibrated.calibration.keys() == before.keys() and dict(calibrated.calibration) != before
    calibrated.save(tmp_path / "model")
    assert {path.name for path in (tmp_path / "model").iterdir()} == {"config.json", "model.safetensors", "student"}
    again = task().load(tmp_path / "model", None)
    assert again.calibration == calibrated.calibration
    model.save(tmp_path / "before")
    kept, first = (json.loads((tmp_path / name / "config.json").read_text()) for name in ("model", "before"))
    assert first == {**kept, "calibration": before}
    model.network.save_pretrained(tmp_path / "network")
    assert (tmp_path / "network" / "config.json").read_text() == (tmp_path / "before" / "config.json").read_text()
