"""Data, models and runs that libraries choke on: a sentence and exit status 2, never a traceback, never a wait."""

import json
import os
import signal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import suite_toy
from suite_toy.domain import TOY

from suite import SuiteError
from suite.cli.main import run, suite
from suite.data.load import load
from suite.runs import Run, list_runs

STARTER = Path(suite_toy.__file__).parent / "starter" / "model"
WORDS = {"word": ["apfel", "tag", "birne", "esel"], "label": ["vowels", "consonants"] * 2}


@pytest.fixture
def command(tmp_path, monkeypatch, capfd):
    """A function that runs `suite …` here: its status, and what it said. Any other exception is the test's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SUITE_CACHE", str(tmp_path / "cache"))

    def given(*arguments):
        signal.alarm(100)  # what waits for ever ends the test
        try:
            status = run(suite, [str(argument) for argument in arguments])
        finally:
            signal.alarm(0)
        return status, "".join(capfd.readouterr())

    return given


@pytest.mark.parametrize("content", ["1", "null", "true", '"text"', "[1, 2]", "[[]]", "NaN", "{}", "1e999"])
@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_json_without_rows(tmp_path, content, ending):
    (tmp_path / f"a.{ending}").write_text(content)
    with pytest.raises(SuiteError):
        load(TOY.task(), str(tmp_path / f"a.{ending}"))


def test_a_column_nobody_asks_for_may_be_of_any_kind(tmp_path, capsys):
    columns = {
        "map": pa.array([[("a", 1)], None, [], [("b", 2)]], pa.map_(pa.string(), pa.int64())),
        "interval": pa.array([None] * 4, pa.month_day_nano_interval()),
        "view": pa.array(["a", "b", "c", None], pa.string_view()),
    }
    pq.write_table(pa.table(WORDS | {"map": columns["map"]}), tmp_path / "a.parquet")
    assert load(TOY.task(), str(tmp_path / "a.parquet")).rows.column_names == ["word", "label"]
    assert "the column 'map' cannot be read" in capsys.readouterr().err
    for name, column in columns.items():
        if name != "map":
            from suite.data.sources import _holdable
            from suite.tables.readers import Reading

            table = pa.table(WORDS | {name: column})
            assert "word" in _holdable(table, Reading(TOY.columns, {}), tmp_path).column_names


def test_a_column_that_is_asked_for_is_refused(tmp_path):
    column = pa.array([[("a", 1)]] * 4, pa.map_(pa.string(), pa.int64()))
    pq.write_table(pa.table({"word": column, "label": WORDS["label"]}), tmp_path / "a.parquet")
    with pytest.raises(SuiteError, match="the column 'word' cannot be read"):
        load(TOY.task(), str(tmp_path / "a.parquet"))


def test_a_file_name_that_is_no_utf_8(tmp_path, command):
    name = os.fsencode(tmp_path) + b"/b\xff.csv"
    Path(os.fsdecode(name)).write_text("word,label\napfel,vowels\n")
    for option in ("--data", "--model"):
        status, said = command("toy", "train", option, os.fsdecode(name))
        assert status == 2
        assert "is not UTF-8; rename the file" in said


def test_a_pipe_is_not_waited_for(tmp_path, command):
    os.mkfifo(tmp_path / "a.csv")
    status, said = command("toy", "data", "check", tmp_path / "a.csv")
    assert status == 2
    assert "is neither a file nor a folder" in said


def test_a_link_to_nothing(tmp_path):
    (tmp_path / "a.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(SuiteError, match=r"a\.csv is a link to .*gone\.csv, which is not there"):
        load(TOY.task(), str(tmp_path / "a.csv"))


@pytest.mark.parametrize(
    "text",
    [
        "epochs: !!python/object/apply:os.system [touch canary]",
        "epochs: 2020-13-45",
        "a: [",
        "&a [*a]",
        "\x00",
        "? {a: 1}",
    ],
)
def test_yaml_that_is_more_than_options(tmp_path, text, command):
    (tmp_path / "a.yaml").write_text(text)
    status, _ = command("toy", "train", "--config", "a.yaml")
    assert status == 2
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("damage", ["cut", "pickle", "auto", "empty", "long"])
def test_a_model_folder_that_is_none(tmp_path, damage, command):
    folder = tmp_path / "model"
    folder.mkdir()
    for path in STARTER.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    weights = folder / "model.safetensors"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:100])
    if damage == "long":
        weights.write_bytes(b"\xff" * 8 + weights.read_bytes()[8:])
    if damage in ("pickle", "auto"):
        weights.unlink()
    if damage == "pickle":
        (folder / "pytorch_model.bin").write_bytes(b"\x80\x04\x95cos\nsystem\n")
    if damage == "auto":
        (folder / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "code.Model"}}))
        (folder / "code.py").write_text("open('canary', 'w')")
    if damage == "empty":
        for path in folder.iterdir():
            path.unlink()
    status, said = command("toy", "predict", "apfel", "--model", folder)
    assert status == 2, said
    assert "model" in said
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("status", ["", "{", "null", "{}", '{"domain": 3, "state": "finished"}', None])
def test_a_damaged_status_beside_good_runs(tmp_path, status, command):
    good = Run.create(tmp_path / "runs", "toy", "good")
    good.set_status("finished", "toy")
    bad = tmp_path / "runs" / "toy" / "20200101-bad"
    bad.mkdir()
    if status is None:
        os.mkfifo(bad / "status.json")
    else:
        (bad / "status.json").write_text(status)
    assert list_runs(tmp_path / "runs") == [good]
    assert Run.open("latest", tmp_path / "runs") == good
    for arguments in (("list",), ("show",), ("list", "--format", "json")):
        code, said = command("runs", *arguments)
        assert code == 0, said
        assert good.path.name in said
        assert "20200101-bad" in said
    assert command("runs", "show", "20200101-bad")[0] == 2


def test_other_damaged_files_of_a_run(tmp_path, command):
    """The list says which run is damaged, and goes on."""
    for name in ("evaluation.json", "metrics.jsonl"):
        run = Run.create(tmp_path / "runs", "toy", name)
        run.set_status("finished", "toy")
        (run.path / name).write_text('{"test": 3}\n[}\n')
    code, said = command("runs", "list")
    assert code == 0
    assert said.count("damaged") == 2
    assert command("runs", "show")[0] == 2


def test_texts_of_a_parquet_file_that_are_no_utf_8(tmp_path):
    """Arrow takes them as they are; they fell wherever they were first looked at."""
    pq.write_table(pa.table(WORDS), tmp_path / "a.parquet", compression="none", use_dictionary=False)
    content = (tmp_path / "a.parquet").read_bytes()
    at = content.index(b"birne")
    (tmp_path / "a.parquet").write_bytes(content[:at] + b"\xe1\x20" + content[at + 2 :])
    with pytest.raises(SuiteError, match=r"a\.parquet cannot be read \(.*UTF8"):
        load(TOY.task(), str(tmp_path / "a.parquet"))
