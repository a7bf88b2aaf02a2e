"""The run folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner
from suite_toy.domain import TOY

from suite.cli import commands
from suite.errors import SuiteError
from suite.files import write_text
from suite.inference.predictor import finished_run, latest_run, newest_run
from suite.runs import Run, list_runs


def make(root, name="a", state="running"):
    run = Run.create(root, "toy", name)
    run.set_status(state, "toy")
    return run


def test_runs_made_in_one_second_get_folders_of_their_own(tmp_path):
    paths = {make(tmp_path, "same name!").path for _ in range(3)}
    assert len(paths) == 3 and all(path.name.split("-", 2)[2].startswith("same-name") for path in paths)


def test_a_run_whose_process_is_gone_is_interrupted_not_running(tmp_path):
    script = (
        f"from pathlib import Path; from suite.runs import Run; root = Path({str(tmp_path)!r}); "
        "r = Run.create(root, 'toy', 'x').owned(); "
        "r.set_status('running', 'toy'); import os; os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    (gone,) = list_runs(tmp_path)
    assert (gone.status()["state"], gone.state()) == ("running", "interrupted")
    mine = make(tmp_path).owned()
    assert mine.state() == "running"  # this process is alive
    assert mine.release().state() == "interrupted"


def test_a_run_is_opened_by_path_name_or_latest(tmp_path):
    first, second = make(tmp_path, "one"), make(tmp_path, "two")
    assert Run.open(first.path) == first
    assert Run.open(first.path.name, tmp_path) == first
    assert Run.open("latest", tmp_path, "toy").path == max(first.path, second.path, key=lambda p: p.name)
    with pytest.raises(SuiteError, match=r"No run 'x'. Runs of toy in .*one"):
        Run.open("x", tmp_path, "toy")
    with pytest.raises(
        SuiteError, match=r"No run 'latest': there is none of other in .* yet; 'suite other train' makes one"
    ):
        Run.open("latest", tmp_path, "other")


def test_latest_is_the_newest_that_was_trained_and_a_copy_says_what_of(tmp_path):
    trained, copied = make(tmp_path, "a", "finished"), make(tmp_path, "b", "finished")
    copied.set_status("finished", copy_of=trained.path.name)
    assert (trained.copy_of, copied.copy_of) == ("", trained.path.name)
    assert Run.open("latest", tmp_path) == trained
    trained.log({"step": 7})
    listed = CliRunner().invoke(commands.runs, ["list", "--output", str(tmp_path)]).output
    assert [line.split()[3] for line in listed.splitlines()[1:]] == ["7", "–"]
    assert f"copy of {trained.path.name}" in listed
    shown = CliRunner().invoke(commands.runs, ["show", copied.path.name, "--output", str(tmp_path)]).output
    assert f"toy, finished, a copy of {trained.path.name}, last written" in shown
    copied.path.rename(tmp_path / "toy" / "other")
    shutil.rmtree(trained.path)
    assert Run.open("latest", tmp_path).path.name == "other"


def test_a_model_is_that_of_the_newest_finished_run_and_of_a_copy_only_where_it_is_named(tmp_path):
    toy = TOY.task(output=tmp_path)
    trained, copied, failed = make(tmp_path, "a", "finished"), make(tmp_path, "b", "finished"), make(tmp_path, "c")
    copied.set_status("finished", copy_of=trained.path.name)
    failed.set_status("failed", cause="no memory")
    assert newest_run(toy) == latest_run(tmp_path) == latest_run(tmp_path, "toy") == trained
    shutil.rmtree(trained.path)
    assert newest_run(toy) is None and latest_run(tmp_path) == failed  # which says what it lacks
    shutil.rmtree(failed.path)
    assert newest_run(toy) is None
    for take in (lambda: latest_run(tmp_path), lambda: finished_run("latest", toy)):
        with pytest.raises(
            SuiteError, match=f"copies alone, no run that was trained; to take {copied.path.name}, name"
        ):
            take()
    (copied.path / "model").mkdir()
    assert finished_run(copied.path.name, toy) == copied


def test_history_survives_a_torn_line_and_is_cut_where_a_resume_begins(tmp_path):
    run = make(tmp_path)
    for step in (1, 2, 3):
        run.log({"step": step})
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')
    assert [line["step"] for line in run.history()] == [1, 2, 3]
    run.truncate_history(2)
    run.log({"step": 3})
    assert [line["step"] for line in run.history()] == [1, 2, 3]


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fails(descriptor):
        raise OSError("disk")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="disk"):
        write_text(path, "new")
    assert path.read_text() == "old"


def test_an_output_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SuiteError, match="give another --output"):
        Run.create(tmp_path / "file", "toy", "x")
