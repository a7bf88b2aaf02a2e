"""The parts and the commands: users in, lists out, items added, mistakes told in one sentence."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from datasets import Dataset
from recommendation_toys import config, encoder_folder, write_log

from suite import Predictor, SuiteError, Task, TrainingData
from suite.accelerator import make_accelerator
from suite.data.load import load_splits
from suite.inference import golden
from suite.runs import Run, list_runs
from suite_recommendations.commands.catalogue import add_items, read_items, similar
from suite_recommendations.data.catalogue import Catalogue
from suite_recommendations.demo import cards
from suite_recommendations.demo import page as demo
from suite_recommendations.domain import RECOMMENDATIONS


@pytest.fixture
def task(tmp_path):
    """The domain with a toy log as its data."""
    return Task(RECOMMENDATIONS, config(data=str(write_log(tmp_path / "log"))))


@pytest.fixture
def splits(task):
    return load_splits(task)[1]


@pytest.fixture
def model(task, splits, tmp_path):
    """An untrained toy model."""
    model = task.load(encoder_folder(tmp_path / "encoder"), splits.training)
    model.network.eval()
    return model


def answer(model, examples):
    with torch.no_grad():
        return model.infer(model.collate(examples))


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_one_filter_of_seen_items_for_model_and_baselines(task, splits, model):
    examples = model.prepare(splits["test"], "test")
    systems = {**task.baselines(model, splits, examples).predictions, "model": answer(model, examples)}
    assert set(systems) == {"popularity", "ItemKNN", "co-visitation", "EASE", "model"}
    for name, predictions in systems.items():
        for row, prediction in zip(splits["test"], predictions, strict=True):
            assert prediction["items"] and not set(prediction["items"]) & set(row["history"]), name


def test_untrained_it_finds_the_chain_better_than_popularity(task, splits, model):
    examples, scores = model.prepare(splits["test"], "test"), task.scores(model)
    systems = {**task.baselines(model, splits, examples).predictions, "model": answer(model, examples)}
    metrics = {}
    for name, predictions in systems.items():
        rows = [scores.score(p, scores.reference(e)) for p, e in zip(predictions, examples, strict=True)]
        metrics[name] = scores.metrics({key: np.asarray([row[key] for row in rows]) for key in rows[0]})
    assert metrics["model"]["hr@5"] > 0.9 > metrics["popularity"]["ndcg@5"] + 0.2
    assert metrics["co-visitation"]["hr@5"] > 0.9
    assert metrics["model"]["index_recall@20"] == 1.0


def test_users_of_a_file_are_answered_once_each_with_reasons(task, model, tmp_path):
    table = write(tmp_path / "users.csv", "user,item,time\nann,i3,2\nann,i2,1\nbob,Title 7,5\nbob,what is that,6\n")
    ann, bob = answer(model, model.inputs(str(table)))
    assert ann["user"] == "ann" and ann["items"][0] == "i4" and "i3" not in ann["items"]
    assert len(ann["reasons"]) == 10 and ann["reasons"][0] == "because of Title 3"
    assert bob["unknown"] == ["what is that"] and "i7" not in bob["items"] and bob["reasons"][0] == "because of Title 7"
    assert "not in the catalogue: what is that" in task.answers.render(bob)


def test_users_come_in_any_order_and_without_times(model, tmp_path):
    rows = [json.dumps({"customer": "z", "product": item}) for item in ("i5", "i6")]
    (example,) = model.inputs(str(write(tmp_path / "users.jsonl", "\n".join(rows))))
    assert example.items == ["i5", "i6"] and answer(model, [example])[0]["items"][0] == "i7"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("users.txt", "a,b", "Cannot read histories"),
        ("users.csv", "user,thing\na,b\n", "no column for 'item'"),
        ("users.csv", "user,item\n", "holds no row"),
        ("users.csv", "", "is empty"),
        ("users.json", "not json", "line 1 is not JSON"),
    ],
)
def test_a_bad_file_of_users_is_one_sentence(model, tmp_path, name, text, message):
    with pytest.raises(SuiteError, match=message):
        model.inputs(str(write(tmp_path / name, text)))
    with pytest.raises(SuiteError, match="Cannot read histories"):
        model.inputs(str(tmp_path / "nowhere.csv"))


def test_a_csv_has_a_line_per_item_and_no_formula(task, model, tmp_path):
    model.catalogue.titles[model.catalogue.numbers["i4"]] = "=SUM(A1)"
    (example,) = model.inputs(str(write(tmp_path / "u.csv", "user,item\n@cmd,i3\n")))
    task.answers.write([("u.csv", answer(model, [example])[0])], tmp_path / "out.csv")
    rows = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert rows[0]["rank"] == "1" and rows[0]["item"] == "i4"
    assert rows[0]["title"] == "'=SUM(A1)" and rows[0]["user"] == "'@cmd"
    assert [row["rank"] for row in rows] == [str(n) for n in range(1, 12)] and float(rows[0]["score"]) > 0


def test_a_run_without_a_model_is_refused(task, tmp_path):
    with pytest.raises(SuiteError, match="holds no recommender"):
        task.load(encoder_folder(tmp_path / "encoder"), None)


def test_rows_of_another_data_set_are_asked_for_their_last_item(model):
    rows = Dataset.from_dict({"user": ["n", "n", "n"], "item": ["i1", "i2", "i3"], "time": [1, 2, 3]})
    (example,) = model.prepare(rows, "test")
    assert example.numbers.tolist() == [model.catalogue.numbers[i] for i in ("i1", "i2")]
    assert example.target == "i3"


@pytest.fixture
def run(task, splits, model, tmp_path) -> Path:
    """A finished run's folder, as the core writes one."""
    folder = tmp_path / "runs" / "recommendations" / "1-toy"
    model.save(folder / "model")
    (folder / "config.yaml").write_text(task.config.to_yaml())
    status = {"domain": "recommendations", "state": "finished", "pid": 1, "host": "h", "heartbeat": 0}
    (folder / "status.json").write_text(json.dumps(status))
    golden.store(folder / "golden", task, model, splits["test"], make_accelerator(task.config))
    return folder


def test_similar_by_title_and_the_nearest_name(run):
    done = CliRunner().invoke(similar, ["Title 5", "--model", str(run), "--count", "3", "--format", "json"])
    assert done.exit_code == 0, done.exception
    assert len(json.loads(done.stdout)) == 3 and "Title 5" not in done.stdout
    wrong = CliRunner().invoke(similar, ["Titel 5", "--model", str(run)])
    assert isinstance(wrong.exception, SuiteError) and "'Title 5'" in str(wrong.exception)


def test_add_items_makes_a_new_run_and_loses_nothing(run, tmp_path):
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    table = write(tmp_path / "new.csv", "id,name,description\nn1,Newcomer,red film\nn2,Other,war dogs\n")
    arguments = [str(table), "--runs", str(tmp_path / "runs")]
    done = CliRunner().invoke(add_items, arguments)
    assert done.exit_code == 0, done.exception
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    copy = run.with_name("1-toy-added-2")
    old, new = (RECOMMENDATIONS.task().load(folder / "model", None) for folder in (run, copy))
    assert new.catalogue.ids == [*old.catalogue.ids, "n1", "n2"] and new.index.index.ntotal == 14
    assert new.catalogue.texts[12] == "Newcomer. red film"
    answering = Task(RECOMMENDATIONS, config(output=tmp_path / "runs"))
    predictors = [Predictor(answering, name) for name in ("", copy.name)]
    assert [len(predictor.model.catalogue) for predictor in predictors] == [12, 14]  # loaded: golden samples hold
    assert [predictor.run.copy_of for predictor in predictors] == ["", "1-toy"]
    assert done.stdout.startswith(f"2 items added to 12; {copy} is a copy of 1-toy that knows them.\n")
    assert f"name it: --model {copy}. Else the newest trained run does, or the starter.\n" in done.stdout
    again = CliRunner().invoke(add_items, [*arguments, "--model", str(run)])
    assert isinstance(again.exception, SuiteError) and "exists already" in str(again.exception)
    assert not list(run.parent.glob(".*"))
    shutil.rmtree(run)
    assert Predictor(answering).run is None  # the starter answers


def test_one_item_is_one_item_and_a_copy_of_a_copy_names_the_first_copy(run, tmp_path):
    for name, model in (("one", str(run)), ("two", str(run.with_name("1-toy-added-1")))):
        table = write(tmp_path / f"{name}.csv", f"id,title\n{name},Title of {name}\n")
        done = CliRunner().invoke(add_items, [str(table), "--model", model])
        assert done.stdout.startswith("1 item added to 1"), done.output
    runs = list_runs(tmp_path / "runs")
    assert [run.copy_of for run in runs] == ["", "1-toy", "1-toy-added-1"]
    assert Run.open("latest", tmp_path / "runs").path == run


def test_training_on_takes_the_catalogue_of_the_new_data(splits, model, run, tmp_path):
    settings = {"data": str(tmp_path / "log"), "model": str(run)}
    names = model.catalogue
    smaller = TrainingData(splits["train"], Catalogue(names.ids[:11], names.titles[:11], names.texts[:11]))
    model.network.gates.amount.data += 1
    model.save(run.with_name("learned"))
    going_on = Task(RECOMMENDATIONS, config(**settings)).load(run.with_name("learned"), smaller)
    torch.testing.assert_close(going_on.network.gates.amount, model.network.gates.amount)
    assert len(going_on.catalogue) == going_on.network.config.items == 11 and going_on.refreshed() is going_on
    for data in (None, smaller):  # without `model` in the options it only answers
        answering = Task(RECOMMENDATIONS, config()).load(run.with_name("learned"), data)
        assert answering.network.config.items == 12


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,title\ni3,Again\n", "knows the item 'i3' already"),
        ("id,title\nn,A\nn,B\n", "1 repeated item ids"),
        ("id,title\nn,\n", "neither title nor text"),
        ("id,title\n", "holds no row"),
        ("thing\nn\n", "no column for 'item'"),
    ],
)
def test_bad_new_items_are_told(model, tmp_path, text, message):
    with pytest.raises(SuiteError, match=message):
        read_items(write(tmp_path / "new.csv", text), model.catalogue)


class LoadedPredictor:
    """Stands for a predictor whose model is loaded."""

    def __init__(self, task, model) -> None:
        self.task, self.model = task, model

    def __call__(self, examples, *, model=None):
        return answer(model or self.model, examples)


@pytest.fixture
def session(task, model):
    return demo.Session(LoadedPredictor(task, model))


def test_the_demo_puts_what_is_typed_into_the_session_only(session, model):
    added = [demo.invented_item("Newcomer", model.catalogue.texts[model.catalogue.numbers["i4"]], [])]
    grown, prediction = session.answer(["i2", "i3"], added)
    assert "new-1" in prediction["items"][:5] and "new-1" not in model.catalogue.numbers
    number = grown.catalogue.numbers["new-1"]
    places = demo.places_of(grown, ["i2", "i3"], [number])
    assert places[number].rank == prediction["items"].index("new-1") + 1 and places[number].among == 11
    said, listed = demo.page(grown, prediction, ["i2", "i3"], added)
    assert f"is recommended: number <b>{places[number].rank} of 11</b>" in said
    assert listed.count("Newcomer") == 1 and " more …" not in listed


def test_a_new_item_below_the_list_has_its_own_place(session, monkeypatch):
    monkeypatch.setattr(cards, "SHOWN", 1)
    added = [demo.invented_item("Faraway", "unheard", [])]
    grown, prediction = session.answer(["i2"], added)
    assert prediction["items"][2] == "new-1"
    said, listed = demo.page(grown, prediction, ["i2"], added)
    assert "</b> would be number <b>3 of 12</b>" in said
    assert listed.count('role="listitem"') == 2 and "… 1 more …" in listed
    assert listed.index("… 1 more …") < listed.index(">3<") < listed.index("Faraway")
    said, listed = demo.page(grown, prediction, ["i2", "new-1"], added)
    assert said == "" and "Faraway" not in listed


def test_the_demo_refuses_nothing_at_all(session):
    with pytest.raises(SuiteError, match="at least one title"):
        session.answer([], [])
    with pytest.raises(SuiteError, match="a title"):
        demo.invented_item(" ", "text", [])
    with pytest.raises(SuiteError, match="20 new items"):
        demo.invented_item("a", "b", [{}] * 20)
    with pytest.raises(SuiteError, match="has 501 characters and 500 are read"):
        demo.invented_item("a", "b" * 501, [])


def test_the_endpoint_tells_what_it_does_not_know_and_caps_nothing_in_silence(task, model):
    with gr.Blocks() as blocks:
        demo.build(LoadedPredictor(task, model))
    (ask,) = (fn.fn for fn in blocks.fns.values() if fn.api_name == "recommendations_recommend")
    answered = ask(["i2", "Zardoz"], 2)
    assert answered == {"items": ask(["i2"], 2)["items"], "unknown": ["Zardoz"]}
    assert len(answered["items"]) == 2 and ask(["i2"], 2)["unknown"] == []
    for count in (0, 1000):
        with pytest.raises(SuiteError, match=rf"{count} items were asked for; 1 to \d+ can be had"):
            ask(["i2"], count)


def test_the_demo_escapes_what_is_typed(session):
    entry = demo.invented_item("<script>x</script>", "<img src=x>", [])
    grown, prediction = session.answer(["i2", "i3"], [entry])
    page = "".join(demo.page(grown, prediction, ["i2", "i3"], [entry]))
    assert "<script>" not in page and "<img" not in page


def test_example_tastes_are_made_of_the_data(model):
    tastes = demo.example_tastes(model)
    assert tastes and all(0 <= number < 12 for taste in tastes for number in taste)
