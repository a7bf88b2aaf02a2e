"""`train`, `evaluate`, `load`, `predict` from Python: the commands' own functions, without ending the process."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import signal
import threading
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import Field
from suite_toy.domain import TOY, ToyConfig
from suite_toy.model import ToyModel

import suite
from suite import SuiteError, evaluate, load, predict, train
from suite.cli.main import suite as commands
from suite.runs import Run

PAGE = Path(suite.__file__).parent.parent / "docs" / "python.md"
QUICK = {"max_steps": 2, "limit": 20}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train("toy", **QUICK, output=tmp_path_factory.mktemp("api"))


def page_blocks():
    """The page's Python blocks, in order, with the toy's name for the domain's: its model answers at once."""
    texts = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    ours = {
        '"translation"': '"toy"',
        "max_steps=50": "max_steps=2, limit=20",
        '"source"': '"word"',
        '"target"': '"label"',
    }
    ours |= {"Speichern": "vowels", "Öffnen": "consonants"}
    return [re.sub("|".join(ours), lambda match: ours[match[0]], block) for block in texts]


def test_the_page_runs_to_the_letter(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names, printed = {}, []
    for block in page_blocks():
        with redirect_stdout(io.StringIO()) as shown:
            exec(compile(ast.parse(block), str(PAGE), "exec"), names)
        printed.append(shown.getvalue())
    assert len(printed) == 6
    assert "fine-tuned" in printed[1] and "{'input': 'Save', 'label':" in printed[1]
    assert printed[2].startswith("There are 2 ")
    assert printed[3].startswith("accuracy 0.")
    assert [line.split()[0] for line in printed[4].splitlines()] == ["Open", "Close"]
    assert printed[5].startswith("No unfinished run of toy in runs")


def test_train_returns_a_finished_run_made_with_the_options(run):
    assert isinstance(run, Run) and run.state() == "finished"
    config = ToyConfig.from_file(run.path / "config.yaml")
    assert (config["max_steps"], config["limit"]) == (2, 20)


def test_evaluate_returns_what_it_wrote_and_prints_what_the_command_prints(run):
    evaluation = evaluate(run, slice_by="label")
    assert evaluation == json.loads((run.path / "evaluation.json").read_text()) == run.evaluation()
    assert set(evaluation["test"]["systems"]) == {"fine-tuned", "before fine-tuning", "majority"}
    assert set(evaluation["test"]["slices"]["label"]) <= {"vowels", "consonants"}
    assert "accuracy of fine-tuned against majority" in str(evaluation)


class Gated(ToyConfig):
    allow_toys: bool = Field(False, description="Load a toy.")


def test_an_evaluation_is_given_the_permission_that_its_run_does_not_bring(run, monkeypatch):
    def gated(source, config, data):
        if not config.allow_toys:
            raise SuiteError("Toys are not allowed.")
        return ToyModel.load(source, config, data)

    monkeypatch.setattr("suite_toy.domain.TOY", replace(TOY, Config=Gated, model=gated))
    with pytest.raises(SuiteError, match="Toys are not allowed"):
        evaluate(run)
    assert set(evaluate(run, allow_toys=True)["test"]["systems"]) == {"fine-tuned", "before fine-tuning", "majority"}
    asked = ["toy", "evaluate", str(run.path), "--set", "allow_toys=true", "--format", "json"]
    assert CliRunner().invoke(commands, asked).exit_code == 0
    assert predict(load(run, allow_toys=True), "area")


def test_other_options_of_an_evaluation_rank_above_the_runs_once_the_golden_samples_were_answered(run, monkeypatch):
    infer = ToyModel.infer

    def contrary(self, batch):
        answers = infer(self, batch)
        other = {"vowels": "consonants", "consonants": "vowels"}
        changed = [{**answer, "label": other[answer["label"]]} for answer in answers]
        return changed if self.config.noise == 1 else answers

    before = evaluate(run)["test"]["systems"]["fine-tuned"]["accuracy"]["value"]
    monkeypatch.setattr(ToyModel, "infer", contrary)
    result = evaluate(run, noise=1)
    accuracy = result["test"]["systems"]["fine-tuned"]["accuracy"]["value"]
    assert accuracy == pytest.approx(1 - before) and accuracy != before
    assert result["test"]["options"] == {"noise": 1}
    assert "Answered with noise=1.0, which training did not have.\n" in str(result)


@pytest.mark.parametrize(
    "options", [{"model": "elsewhere"}, {"precision": "bf16"}, {"epochs": 9.0}, {"name": "x"}, {"max_rejected": 0.5}]
)
def test_an_option_that_could_not_act_on_a_trained_model_is_refused(run, options):
    before = run.evaluation()
    ((name, value),) = options.items()
    with pytest.raises(
        SuiteError,
        match=f"^{name}={value} is for training and would change nothing about a trained model; leave it out. An "
        "evaluation can be told: also_evaluate, batch_size, .*micro_batch_size, noise, seed, test_share.$",
    ):
        evaluate(run, **options)
    assert run.evaluation() == before


def test_only_options_that_act_are_told_beside_the_figures(run, tmp_path):
    more = tmp_path / "more.csv"
    more.write_text("word,label\narea,vowels\nrhythm,consonants\n")
    evaluation = evaluate(run, batch_size=4, limit=20, also_evaluate=[str(more)])
    assert set(evaluation) == {"test", str(more)}
    assert [figures["options"] for figures in evaluation.values()] == [{"batch_size": 4}] * 2


@pytest.mark.parametrize("options", [{"seed": 7}, {"limit": 5}, {"test_share": 0.4}])
def test_no_option_of_an_evaluation_scores_rows_that_were_trained_on(run, options):
    ((name, value),) = options.items()
    with pytest.raises(SuiteError, match=f"^{name}={value} would score other rows than those that training has not"):
        evaluate(run, **options)


def test_a_run_is_found_by_object_folder_name_and_domain(run):
    root = run.path.parent.parent
    for reference, place in ((run, {}), (run.path, {}), (run.path.name, {"output": root}), ("toy", {"output": root})):
        model = load(reference, **place)
        assert model.run == run and model.task.domain.name == "toy"


def test_options_of_a_loaded_model_rank_above_the_runs(run):
    assert load(run, noise=0.7).task.config.noise == 0.7
    assert load(run).task.config.noise == 0.1


def test_predict_answers_each_input_in_order(run, tmp_path):
    model = load(run)
    answers = predict(model, ["area", "rhythm"])
    assert [answer["input"] for answer in answers] == ["area", "rhythm"]
    rows = model([{"word": "area"}, {"word": "rhythm"}])
    assert [answer["vowels"] for answer in answers] == pytest.approx([answer["vowels"] for answer in rows])
    assert predict(run, "area") == answers[:1]


def test_the_starter_answers_where_there_is_no_run(tmp_path):
    assert load("toy", output=tmp_path).run is None
    assert len(predict(load("toy/letters", domain="toy"), "area")) == 1


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: train("toi"), "No domain 'toi'. Did you mean 'toy'?"),
        (lambda: train("toy", max_step=3), "No option 'max_step'. Did you mean 'max_steps'?"),
        (lambda: train("toy", resume="latest", epochs=2), "leave out epochs"),
        (lambda: load("toi"), "No run or domain 'toi'. Did you mean 'toy'?"),
        (lambda: load("owner/name"), "'owner/name' is no run; for a model folder or a hub id say domain="),
        (lambda: load("owner/name", domain="toi"), "No domain 'toi'"),
        (lambda: evaluate("toy", output="nowhere"), "No run 'latest'"),
        (lambda: predict("toy/letters", "area"), "say domain="),
        (lambda: predict(load("toy/letters", domain="toy"), ["area", "r2d2"]), "'r2d2' is no word"),
    ],
)
def test_a_mistake_raises_the_commands_sentence(call, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SuiteError, match=re.escape(sentence)):
        call()


def test_an_interrupt_leaves_a_checkpoint_and_the_run_goes_on(tmp_path, monkeypatch):
    before, augment, seen = signal.getsignal(signal.SIGINT), ToyModel.augment, []

    def interrupted(self, example, generator):
        seen.append(example)
        if len(seen) == 20:  # in the third batch of eight
            os.kill(os.getpid(), signal.SIGINT)
        return augment(self, example, generator)

    monkeypatch.setattr(ToyModel, "augment", interrupted)
    with pytest.raises(
        KeyboardInterrupt, match=r"stopped by SIGINT at step \d; train\('toy', resume='latest'\) goes on"
    ):
        train("toy", max_steps=8, limit=40, output=tmp_path)
    assert signal.getsignal(signal.SIGINT) is before
    (stopped,) = (Run(path.parent) for path in tmp_path.glob("*/*/status.json"))
    assert stopped.state() == "interrupted"
    assert train("toy", resume="latest", output=tmp_path) == stopped
    assert stopped.state() == "finished"


def test_it_works_in_a_thread(tmp_path):
    runs = []
    thread = threading.Thread(target=lambda: runs.append(train("toy", **QUICK, output=tmp_path)))
    thread.start()
    thread.join()
    assert runs[0].state() == "finished"
