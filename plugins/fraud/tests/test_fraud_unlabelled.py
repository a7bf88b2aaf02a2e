"""Where there are no labels: what is odd comes first, and labels that are there all the same are not looked at."""

from __future__ import annotations

import csv

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from fraud_toys import TOY, written

from suite import Ranking, SuiteError
from suite_fraud.commands import files as commands
from suite_fraud.commands.unlabelled import TEACHERS, unlabelled
from suite_fraud.serving.student import Student
from suite_fraud.starter.simulate import simulate


def run(command, *arguments):
    return CliRunner().invoke(command, [str(part) for part in arguments], catch_exceptions=False)


@pytest.mark.parametrize("teacher", TEACHERS)
def test_frauds_are_found_among_the_odd_without_a_label(tmp_path, teacher):
    table = simulate(TOY, scenarios=True)
    path = tmp_path / "bare.parquet"
    pq.write_table(table.drop_columns(["fraud", "scenario"]), path)
    done = run(unlabelled, path, "--output", tmp_path / "odd", "--teacher", teacher)
    assert done.exit_code == 0, done.output
    about = Student.load(tmp_path / "odd").about
    assert about.teacher == teacher and about.fidelity["spearman"] > 0.8
    run(commands.score, path, "--model", tmp_path / "odd", "--output", tmp_path / "all.csv", "--all")
    with (tmp_path / "all.csv").open() as file:
        rows = list(csv.DictReader(file))
    order = np.argsort([int(row["row"]) for row in rows])
    chance = np.array([float(row["probability"]) for row in rows])[order]
    scenario = table["scenario"].to_numpy()
    seen = scenario != 2  # a terminal's frauds are odd in nothing but their labels
    assert Ranking(chance[seen], (scenario > 0)[seen]).auroc() > 0.75  # .5 would be luck
    alerts = sum(int(row["alert"]) for row in rows)
    assert alerts == pytest.approx(100 * TOY.days, rel=0.02)


def test_labels_are_not_looked_at(tmp_path):
    path, bare = written(tmp_path), tmp_path / "bare.parquet"
    table = pq.read_table(path)
    flipped = pa.array(1 - table["fraud"].to_numpy())
    pq.write_table(table.drop_columns(["fraud"]).append_column("fraud", flipped), bare)
    models = []
    for number, source in enumerate((path, bare)):
        run(unlabelled, source, "--output", tmp_path / f"odd{number}")
        models.append((tmp_path / f"odd{number}" / "model.txt").read_text())
    assert models[0] == models[1]


def test_a_short_file_counts_time_as_the_training_did(tmp_path):
    count = 2_000
    random = np.random.default_rng(0)
    when, amount = np.arange(count) * 100, random.uniform(1, 90, count)
    table = pa.table({"time": when, "entity": when // 100 % 50, "amount": amount})
    pq.write_table(table, tmp_path / "long.parquet")
    pq.write_table(table.slice(0, 100), tmp_path / "short.parquet")  # until 9,900: hours, if nothing else were known
    run(unlabelled, tmp_path / "long.parquet", "--output", tmp_path / "odd")
    assert Student.load(tmp_path / "odd").about.time_unit == "seconds"
    run(unlabelled, tmp_path / "long.parquet", "--output", tmp_path / "told", "--time-unit", "minutes")
    assert Student.load(tmp_path / "told").about.time_unit == "minutes"
    options = ("--model", tmp_path / "odd", "--output", tmp_path / "all.parquet", "--all")
    run(commands.score, tmp_path / "short.parquet", *options)
    assert pq.read_table(tmp_path / "all.parquet")["time"].cast(pa.int64()).to_pylist()[-1] == 9_900_000


def test_an_existing_folder_is_kept(tmp_path):
    with pytest.raises(SuiteError, match="exists already; give another folder"):
        run(unlabelled, written(tmp_path), "--output", tmp_path)
