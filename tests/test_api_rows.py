"""Rows from Python for `data`, and pictures and sounds from memory for `predict`: as if they had been files."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import suite_toy
from PIL import Image, ImageOps
from suite_toy.domain import TOY
from suite_toy.model import ToyModel

import suite
from suite import Column, Columns, Domain, Model, Starter, SuiteError, check, evaluate, predict, train
from suite.data.given import reference, references
from suite.data.load import load
from suite.decoders.pictures import load_picture, picture_file
from suite.inference.predictor import Predictor
from suite.plugins.loader import load_plugins
from suite.tables.media import file_of

WORDS = Path(suite_toy.__file__).parent / "starter" / "words.csv"
ROWS = list(csv.DictReader(WORDS.open()))
QUICK = {"max_steps": 2, "limit": 20}


@dataclass
class Thing:
    box: tuple[float, float]
    label: str


PICTURES = Columns(
    (
        Column("image", "image", "the picture"),
        Column("kind", "category", "which", required=False),
        Column("things", "structure", "what is there", shape=list[Thing]),
    )
)


@pytest.fixture
def pictures(tmp_path):
    """A task of pictures, whose runs are in a folder of the test."""
    domain = Domain(
        name="pictures", title="Pictures", columns=PICTURES, metric="none", starter=Starter("", ""), limits="",
        model="none:load", scores="none:Scores", demo="none:build",
    )  # fmt: skip
    return domain.task(output=tmp_path)


FORMS = {
    "list of dicts": lambda rows: rows,
    "DataFrame": pd.DataFrame,
    "DataFrame of categories": lambda rows: pd.DataFrame(rows).astype({"label": "category"}),
    "Dataset": datasets.Dataset.from_list,
    "selected Dataset": lambda rows: datasets.Dataset.from_list([*rows, *rows]).select(range(len(rows))),
    "Dataset of classes": lambda rows: datasets.Dataset.from_list(rows).class_encode_column("label"),
    "DatasetDict": lambda rows: datasets.DatasetDict(
        train=datasets.Dataset.from_list(rows[:60]), test=datasets.Dataset.from_list(rows[60:])
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_rows_of_every_form_are_the_same_data(tmp_path, form):
    task = TOY.task(output=tmp_path)
    path = reference(FORMS[form](ROWS), task)
    assert Path(path).parent == tmp_path / "toy" / "data"
    data, whole = load(task, path), load(task, str(WORDS))
    columns = [row for row in whole.rows.remove_columns([n for n in whole.rows.column_names if n not in ROWS[0]])]
    assert [{name: row[name] for name in ROWS[0]} for row in data.rows] == columns
    if form == "DatasetDict":
        assert data.rows["split"][:] == ["train"] * 60 + ["test"] * (len(ROWS) - 60)
    assert reference(FORMS[form](ROWS), task) == path and len(list(Path(path).parent.iterdir())) == 1


def test_a_run_on_rows_is_resumed_evaluated_and_is_the_run_of_their_file(tmp_path, monkeypatch):
    augment, seen = ToyModel.augment, []

    def interrupted(self, example, generator):
        seen.append(example)
        if len(seen) == 20:
            os.kill(os.getpid(), signal.SIGINT)
        return augment(self, example, generator)

    with monkeypatch.context() as patched:
        patched.setattr(ToyModel, "augment", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train("toy", data=pd.DataFrame(ROWS), max_steps=4, limit=40, output=tmp_path)
    run = train("toy", resume="latest", output=tmp_path)
    config = TOY.Config.from_file(run.path / "config.yaml")
    assert Path(config["data"]).is_file() and config["data"].startswith(str(tmp_path / "toy" / "data"))
    before = run.evaluation()["test"]
    assert evaluate(run)["test"] == before
    whole = train("toy", data=str(config["data"]), max_steps=4, limit=40, output=tmp_path / "whole")
    assert whole.evaluation()["test"]["systems"] == before["systems"]
    assert whole.environment()["data"] == run.environment()["data"]
    further = evaluate(run, data=[{"word": "area", "label": "vowels"}, {"word": "rhythm", "label": "consonants"}])
    (name,) = set(further) - {"test"}
    assert Path(name).parent == tmp_path / "toy" / "data" and further[name]["examples"] == 2
    frames = [pd.DataFrame(ROWS[:30]), datasets.Dataset.from_list(ROWS[30:60])]
    assert len(evaluate(run, data=frames)) == 3
    with pytest.raises(SuiteError, match="leave out data"):
        train("toy", resume="latest", data=ROWS, output=tmp_path)


def test_check_says_what_the_command_says(tmp_path):
    from click.testing import CliRunner

    from suite.cli.main import suite as commands

    rows = [*ROWS[:40], {"word": "r2d2", "label": "vowels", "author": "a"}]
    seen = check("toy", data=rows, output=tmp_path)
    assert seen["refused"] is None and seen["counts"]["rejected"] == 1
    assert seen["rejected"][0]["reason"].startswith("'r2d2' has characters other than letters")
    assert str(seen).splitlines()[-1].startswith("A training would take these data")
    asked = ["toy", "data", "check", next(map(str, (tmp_path / "toy" / "data").iterdir())), "--format", "json"]
    done = CliRunner().invoke(commands, asked)
    assert json.loads(done.stdout) == json.loads(json.dumps(seen))
    refused = check("toy", data=[{"word": "r2d2", "label": "vowels"}], output=tmp_path)
    assert "None of the 1 rows is usable" in refused["refused"] and refused["refused"] in str(refused)
    assert not list(tmp_path.glob("toy/*/status.json"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (7, "data is a int; give a reference"),
        ({"word": ["a"]}, "data is a dict; give a reference"),
        (iter([1]), "data is a list_iterator"),
        ([], "The data have no row."),
        (pd.DataFrame(), "The data have no row."),
        ([{"word": "a"}, "b"], "Row 1 of data is a str"),
        ([{"word": "a"}, {"word": 1}], "'word' mixes values of several types"),
        (pd.DataFrame([["a", "b"]], columns=["word", "word"]), "several columns of one name"),
        ([{"letters": "a", "letter": "b"}], "No column for 'word'"),
    ],
)
def test_what_are_no_rows_is_refused_in_a_sentence(tmp_path, data, said):
    with pytest.raises(SuiteError) as refused:
        load(TOY.task(output=tmp_path), reference(data, TOY.task(output=tmp_path)))
    assert said in str(refused.value)


def test_rows_that_cannot_be_kept_say_why(tmp_path):
    (tmp_path / "toy").write_text("in the way")
    with pytest.raises(SuiteError, match="cannot be kept in .*, where the run would look for them when it is resumed"):
        train("toy", data=ROWS, output=tmp_path)


def test_several_data_sets_are_a_list_and_a_list_of_dicts_is_one(tmp_path):
    task = TOY.task(output=tmp_path)
    assert references("a.csv", task) == ["a.csv"] and references(["a.csv", Path("b")], task) == ["a.csv", "b"]
    assert len(references(ROWS, task)) == 1 and len(references([ROWS, pd.DataFrame(ROWS)], task)) == 2


def png(values):
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


def test_pictures_go_into_the_file_whatever_they_are(pictures, tmp_path):
    values = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.png").write_bytes(png(values))
    path = str(tmp_path / "elsewhere" / "a.png")
    things = [{"box": np.array([1.0, 2.0]), "label": "x"}]
    given = [path, Path(path), png(values), {"bytes": png(values), "path": "/etc/a.png"}, {"bytes": None, "path": path},
             Image.fromarray(values), values, None, str(tmp_path / "gone.png")]  # fmt: skip
    rows = [{"image": value, "kind": str(place), "things": things} for place, value in enumerate(given)]
    data = load(pictures, reference(rows, pictures))
    frame = load(pictures, reference(pd.DataFrame(rows), pictures))
    assert frame.fingerprint == data.fingerprint
    (tmp_path / "elsewhere" / "a.png").unlink()
    for row in data.report.checked.select(range(7)):
        with picture_file(io.BytesIO(row["image"]["bytes"]), "it") as opened:
            assert (np.asarray(load_picture(opened, "it")) == values).all()
        assert row["things"] == [{"box": [1.0, 2.0], "label": "x"}]
    assert [r["row"] for r in data.report.rejected if "image is missing" in r["reason"]] == [7, 8]


def test_a_data_set_of_pictures_and_classes_inside_structures_stays_what_it_is(pictures):
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "things": {
                "box": datasets.List(datasets.List(datasets.Value("float32"))),
                "label": datasets.List(datasets.ClassLabel(names=["cat", "dog"])),
            },
        }
    )
    values = np.full((3, 3, 3), 7, np.uint8)
    rows = [{"image": Image.fromarray(values), "things": {"box": [[1, 2], [3, 4]], "label": [1, 0]}}]
    made = load(pictures, reference(datasets.Dataset.from_list(rows, features=features), pictures))
    assert [thing["label"] for thing in made.rows[0]["things"]] == ["dog", "cat"] and made.report.rejected == []
    assert (np.asarray(Image.open(io.BytesIO(made.rows[0]["image"]["bytes"]))) == 7).all()


@pytest.mark.parametrize("value", [3, np.zeros((4, 4)), {"array": np.zeros(3)}, np.zeros((2, 2, 2), np.uint8)])
def test_what_is_no_picture_names_its_row(pictures, value):
    rows = [{"image": np.zeros((2, 2), np.uint8), "things": []}, {"image": value, "things": []}]
    with pytest.raises(SuiteError, match=r"^image of row 1: .*; give .*\.$"):
        reference(rows, pictures)


@pytest.mark.parametrize("name", sorted(load_plugins().domains))
def test_no_domain_reads_the_file_of_given_rows_itself(name, tmp_path):
    domain = load_plugins().domain(name)
    path = tmp_path / "0123456789abcdef.parquet"
    pa.parquet.write_table(pa.table({"a": [1]}), path)
    assert domain.task(output=tmp_path).data.read(path) is None


# ---- predict -----------------------------------------------------------------------------------------------------


class Seeing(Model):
    """Answers with what it finds in the file it is given."""

    network = None

    def collate(self, examples):
        raise NotImplementedError

    infer = collate

    def inputs(self, argument):
        with picture_file(argument, "it") as opened:
            upright = ImageOps.exif_transpose(load_picture(opened, "it"))
            return [{"size": upright.size, "mode": upright.mode, "mean": float(np.asarray(upright).mean())}]


@pytest.fixture
def seeing(pictures, monkeypatch):
    predictor = Predictor(pictures, "starter")
    monkeypatch.setattr(Predictor, "model", Seeing())
    monkeypatch.setattr(Predictor, "__call__", lambda self, examples: list(examples))
    monkeypatch.setattr("suite.api.answers", lambda predictor, group: [(n, predictor(e)) for n, e in group])
    monkeypatch.setattr("suite.inference.answering.batch_size", lambda model: 8)
    return predictor


def test_pictures_and_arrays_are_answered_as_their_files(seeing, tmp_path):
    values = np.arange(24, dtype=np.uint8).reshape(4, 2, 3)
    (tmp_path / "a.png").write_bytes(png(values))
    given = [str(tmp_path / "a.png"), tmp_path / "a.png", Image.fromarray(values), values]
    answers = predict(seeing, given)
    assert [answer["input"] for answer in answers] == [str(given[0]), str(given[0]), "picture 3", "picture 4"]
    assert all({**answer, "input": ""} == {**answers[0], "input": ""} for answer in answers)
    assert seeing.answer(values)[0]["size"] == (2, 4) and predict(seeing, values)[0]["input"] == "picture 1"
    deep = np.full((3, 5), 40_000, np.uint16)
    assert seeing.answer(deep)[0] == {"size": (5, 3), "mode": "I;16", "mean": 40_000.0}


def test_a_turned_picture_stays_turned(seeing, tmp_path):
    turned = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6))
    exif = turned.getexif()
    exif[274] = 6  # to be turned by a quarter
    turned.save(tmp_path / "turned.jpg", exif=exif)
    with Image.open(tmp_path / "turned.jpg") as opened:
        assert seeing.answer(opened) == seeing.answer(tmp_path / "turned.jpg")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK", "YCbCr"])
def test_pictures_of_every_mode_are_answered(seeing, mode):
    picture = Image.new("RGB", (3, 2), (9, 90, 200))
    picture = picture.convert("I").convert("I;16") if mode == "I;16" else picture.convert(mode)
    assert seeing.answer(picture)[0]["size"] == (3, 2)


@pytest.mark.parametrize(
    "value", [np.zeros((2, 2)), np.zeros((2, 2, 5), np.uint8), np.zeros(3, np.uint8), np.zeros((0, 2), np.uint8),
              Image.new("F", (2, 2))],
)  # fmt: skip
def test_what_is_no_picture_is_a_sentence(seeing, value):
    with pytest.raises(SuiteError, match=r"^This input cannot be read: .*\.$"):
        predict(seeing, [value])


def test_who_reads_no_pictures_says_so(tmp_path):
    with pytest.raises(SuiteError, match=r"^Toy words takes no picture from memory; give a path or a text\.$"):
        Predictor(TOY.task(output=tmp_path), "toy/letters").answer(np.zeros((2, 2), np.uint8))
    with pytest.raises(SuiteError, match="takes no sound from memory, but a picture of Pillow's or an array"):
        Predictor(replace(TOY, columns=PICTURES).task(output=tmp_path), "toy/letters")._file(
            {"array": np.zeros(2), "sampling_rate": 8000}
        )


def test_a_sound_is_a_wav_of_every_digit():
    soundfile = pytest.importorskip("soundfile")
    samples = np.sin(np.arange(500) / 9).astype(np.float32) / 3
    content, ending = file_of({"array": samples, "sampling_rate": 16_000}, "audio")
    read, rate = soundfile.read(io.BytesIO(content), dtype="float32")
    assert (ending, rate) == (".wav", 16_000) and (read == samples).all()
    for wrong in ({"array": samples}, {"array": samples[None], "sampling_rate": 8000}, np.zeros(3)):
        with pytest.raises(ValueError, match="a sound is a dict of array, one channel of floats"):
            file_of(wrong, "audio")


def test_the_names_are_public():
    assert suite.check is check
