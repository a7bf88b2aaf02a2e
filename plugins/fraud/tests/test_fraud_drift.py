"""Drift: what has moved, by how much, and what follows."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from suite import SuiteError
from suite_fraud.commands import files as commands
from suite_fraud.data import features
from suite_fraud.data.tables import from_table
from suite_fraud.serving import drift
from suite_fraud.serving.drift import weekly
from suite_fraud.serving.spread import Spread, Training
from suite_fraud.serving.student import About, Student
from suite_fraud.starter.simulate import Portfolio, simulate

NAMES = ["size", "flag"]


def weeks(shift=0.0, fade=0.0, days=28, per_day=200, changed_from=21):
    """Four weeks of two features and scores; from a day on the first feature shifts and scores lose their sense."""
    generator = np.random.default_rng(0)
    count = days * per_day
    day = np.repeat(np.arange(days), per_day)
    label = (generator.random(count) < 0.1).astype(np.int8)
    late = day >= changed_from
    x = np.stack([generator.normal(size=count) + shift * late, generator.integers(0, 2, count)], axis=1)
    score = np.clip(label * 0.5 * np.where(late, 1 - fade, 1) + generator.random(count) * 0.5, 0, 1)
    return x, score, label, day


def report(x, score, label, day, **options):
    generator = np.random.default_rng(1)
    trained = np.stack([generator.normal(size=2000), generator.integers(0, 2, 2000)], axis=1)
    trained_score = (generator.random(2000) < 0.1) * 0.5 + generator.random(2000) * 0.5
    settings = {"threshold": 0.5, "trained": Training.of(NAMES, trained, trained_score), **options}
    return weekly(NAMES, x, score, label, day, **settings)


def psi(expected, actual):
    return Spread.of(expected).psi(actual)


def test_the_index_of_two_shares_is_the_formula():
    expected, actual = np.repeat([0.0, 1.0], [5000, 5000]), np.repeat([0.0, 1.0], [2000, 8000])
    wanted = (0.2 - 0.5) * math.log(0.2 / 0.5) + (0.8 - 0.5) * math.log(0.8 / 0.5)
    assert psi(expected, actual) == pytest.approx(wanted, abs=1e-3)
    assert psi(expected, expected) == pytest.approx(0, abs=1e-12)


def test_rare_values_and_missing_ones_count():
    common = np.zeros(1000)
    assert psi(common, np.where(np.arange(1000) < 300, np.nan, 0.0)) > 0.25
    assert psi(common, np.where(np.arange(1000) < 300, 5.0, 0.0)) > 0.25
    assert psi(np.arange(1000.0), np.where(np.arange(1000) < 900, np.arange(1000.0), np.nan)) > 0.25
    assert psi(np.arange(1000.0), np.arange(1000.0)[::-1]) == pytest.approx(0, abs=1e-12)
    assert math.isnan(psi(common, np.empty(0))) and math.isnan(psi(np.empty(0), common))


def test_what_is_kept_of_training_is_no_row():
    values = np.array([1.0, 2.0, 3.0, 4.0, np.nan])
    kept = Spread.of(values, bins=2)
    assert kept.edges == [2.5]
    assert kept.shares == pytest.approx([2.5 / 6.5, 2.5 / 6.5, 1.5 / 6.5])
    amounts = np.random.default_rng(0).lognormal(5, 1, 11).round(2)  # of eleven values, nine are the quantiles
    assert not set(Spread.of(amounts).edges) & set(amounts.tolist())


def test_without_drift_nothing_is_advised():
    verdict = report(*weeks())
    assert not verdict.retrain and verdict.advice.startswith("No need to retrain")
    assert [(week.start, week.end, week.count) for week in verdict.weeks] == [(d, d + 7, 1400) for d in (0, 7, 14, 21)]
    assert max(week.features["size"] for week in verdict.weeks) < 0.1


def test_a_feature_that_moved_is_named():
    verdict = report(*weeks(shift=1.0))
    assert verdict.retrain and "differ much from those in training in size (PSI" in verdict.advice
    assert verdict.weeks[-1].moved == ["size"] and verdict.weeks[0].moved == []


def test_scores_that_moved_are_told():
    x, score, label, day = weeks()
    verdict = report(x, np.where(day >= 21, score * 0.3, score), label, day)
    assert verdict.retrain and "scores of the last week" in verdict.advice
    assert verdict.weeks[-1].alert_rate == 0 < verdict.weeks[0].alert_rate


def test_labels_count_before_features_and_only_when_known():
    x, score, label, day = weeks(shift=1.0, fade=1.0, changed_from=14)
    verdict = report(x, score, label, day)
    assert verdict.retrain and verdict.advice.startswith("Retrain: average precision fell from ")
    assert "(days 14 to 21)" in verdict.advice
    last = verdict.weeks[-1]
    assert last.frauds == 0 and math.isnan(last.average_precision), "labels of the last week are not known yet"
    assert report(x, score, label, day, delay=0).weeks[-1].frauds > 0


def test_no_transaction_no_advice():
    none = np.empty(0)
    verdict = report(np.empty((0, 2)), none, none, none.astype(int))
    assert not verdict.retrain and verdict.weeks == []


def test_a_part_of_a_week_is_left_out_at_the_beginning():
    x, score, label, day = weeks()
    verdict = report(*(values[day >= 3] for values in (x, score, label, day)))
    assert [(week.start, week.end) for week in verdict.weeks] == [(7, 14), (14, 21), (21, 28)]


BANK = Portfolio(customers=400, terminals=300, days=63, seed=2, radius=12.0, compromised_customers=1,
                 compromised_terminals=1)  # fmt: skip
"""Nine weeks; after the sixth all windows and the terminals' four bad weeks are full."""


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    """A folder with a student of the seventh week, and the transactions before and after that."""
    folder = tmp_path_factory.mktemp("bank")
    table = simulate(BANK)
    rows = from_table(table, {"entity": "customer", "counterparty": "terminal", "label": "fraud"})
    x, day = features.compute(rows), rows.days
    week = (day >= 42) & (day < 49)
    student = Student.teach(x[week], np.clip(rows.label[week] * 0.8 + 0.05, 0, 1), About(threshold=0.5))
    training = Training.of(student.about.names, x[week], student.predict(x[week]))
    replace(student, training=training).save(folder / "student")
    pq.write_table(table.filter(pa.array(day < 49)), folder / "before.parquet")
    pq.write_table(table.filter(pa.array(day >= 49)), folder / "after.parquet")
    return folder


def output(bank, file, *options):
    command = [str(file), "--model", str(bank), "--history", str(bank / "before.parquet"), *options]
    return CliRunner().invoke(commands.drift, command, catch_exceptions=False).output


def test_the_next_weeks_of_the_same_portfolio_ask_for_no_training(bank):
    assert sorted(path.name for path in (bank / "student").iterdir()) == ["drift.json", "model.txt", "student.json"]
    verdict = json.loads(output(bank, bank / "after.parquet", "--format", "json"))
    assert not verdict["retrain"], verdict["advice"]
    assert [week["from"] for week in verdict["weeks"]] == ["2018-05-20", "2018-05-27"]
    assert max(week["features"]["amount"] for week in verdict["weeks"]) < 0.02
    text = output(bank, bank / "after.parquet")
    assert text.splitlines()[1].startswith("2018-05-20") and "No need to retrain" in text.splitlines()[-1]


def test_three_times_the_amounts_ask_for_training_anew(bank, tmp_path):
    table = pq.read_table(bank / "after.parquet")
    place = table.column_names.index("amount")
    pq.write_table(table.set_column(place, "amount", pc.multiply(table["amount"], 3.0)), tmp_path / "x3.parquet")
    verdict = json.loads(output(bank, tmp_path / "x3.parquet", "--format", "json"))
    assert verdict["retrain"] and "amount" in verdict["weeks"][-1]["moved"]


def test_what_drift_cannot_be_told_of_is_a_sentence(bank, tmp_path):
    pq.write_table(pq.read_table(bank / "after.parquet").slice(0, 50), tmp_path / "short.parquet")
    with pytest.raises(SuiteError, match=r"short\.parquet holds 1 days; drift is told of whole weeks"):
        output(bank, tmp_path / "short.parquet")
    shutil.copytree(bank / "student", tmp_path / "student")
    (tmp_path / "student" / "drift.json").unlink()
    with pytest.raises(SuiteError, match="does not hold what its training looked like; train anew"):
        drift.of_file(bank / "after.parquet", tmp_path)
