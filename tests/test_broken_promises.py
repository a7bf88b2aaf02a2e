"""Each promise of the contract, broken by a toy: its test fails, saying what was promised, seen, and where to read."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest
import torch
from suite_toy.domain import TOY
from suite_toy.model import ToyModel
from suite_toy.parts import ToyData, ToyScores

from suite import Answers, Splits
from suite.testing import DomainContract, runs
from suite.testing import contract as promises
from suite.testing.promise import keep_same
from suite.testing.runs import is_steady

MODEL = Path(__file__).parent / "toy" / "suite_toy" / "starter" / "model"


class Contract(DomainContract):
    """The contract of a domain given here, without a process of its own."""

    domain = "toy"
    __test__ = False

    def __init__(self, domain=TOY, answer=(0, "", "")):
        self.described, self.answer = domain, answer

    def make(self, **settings):
        return self.described.task({"noise": 0.0}, settings)

    def loaded_toy(self):
        task = self.make()
        model = task.load(MODEL, None)
        model.network.eval()
        return task, model, [{"word": word, "label": label} for word, label in WORDS]

    def command(self, *arguments, **environment):
        status, out, err = self.answer
        return subprocess.CompletedProcess(arguments, status, out, err)


WORDS = [("area", "vowels"), ("rhythm", "consonants"), ("audio", "vowels"), ("strength", "consonants")]


def broken(test, *arguments):
    """The three lines a failing promise ends with."""
    with pytest.raises(pytest.fail.Exception) as caught:
        test(*arguments)
    lines = [line.strip() for line in str(caught.value).splitlines()]
    assert [line.partition(":")[0] for line in lines if line.split(":")[0] in ("promised", "seen", "read")] == [
        "promised", "seen", "read",
    ]  # fmt: skip
    return str(caught.value)


def refusal(said):
    """What a contract is told whose commands end with status 2."""
    return Contract(answer=(2, "", said))


# ---- the model ---------------------------------------------------------------------------------------------------


def toy_with(kind):
    """The toy with another model."""
    return replace(TOY, model=kind.load)


class Summed(ToyModel):
    def loss(self, network, batch):
        return super().loss(network, batch) * len(batch["labels"])


class Short(ToyScores):
    def score(self, prediction, reference):
        return {"right": 1.0}

    def metrics(self, scores):
        return {"precision": 1.0}


class Tensors(ToyModel):
    def infer(self, batch):
        return [{**answer, "vowels": torch.tensor(answer["vowels"])} for answer in super().infer(batch)]


class Centred(ToyModel):
    """Answers by comparing with the rest of the batch, as a batch norm left in training mode does."""

    def infer(self, batch):
        answers = super().infer(batch)
        mean = sum(answer["vowels"] for answer in answers) / len(answers)
        return [{**answer, "vowels": answer["vowels"] - mean} for answer in answers]


class Noisy(ToyModel):
    """Answers with random numbers that are nobody's own."""

    def infer(self, batch):
        return [{**answer, "vowels": float(torch.rand(()))} for answer in super().infer(batch)]


class Headless(ToyModel):
    collate = None


class Idle(ToyModel):
    """Drops the options it is given."""

    @classmethod
    def load(cls, source, config, data):
        return super().load(source, TOY.Config(), data)


@pytest.mark.parametrize(
    ("domain", "test", "promised"),
    [
        (toy_with(Summed), "test_loss_is_a_mean_over_count", "loss is the mean over count"),
        (replace(TOY, scores=Short), "test_predictions_are_json_and_scored", "metrics() holds 'accuracy'"),
        (toy_with(Tensors), "test_predictions_are_json_and_scored", "values JSON holds"),
        (toy_with(Centred), "test_answers_do_not_depend_on_company", "the same answer in any batch"),
        (toy_with(Noisy), "test_answers_do_not_depend_on_company", "the same answer in any batch"),
        (toy_with(Headless), "test_model_is_whole", "a model with all its methods\n    seen: ['has no collate']"),
        (toy_with(Idle), "test_model_is_whole", "the config it was given"),
    ],
)
def test_a_broken_model_is_told(domain, test, promised):
    contract = Contract(domain)
    assert promised in broken(getattr(contract, test), contract.loaded_toy())
    whole = Contract()
    getattr(whole, test)(whole.loaded_toy())


# ---- what is said ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "promised"),
    [({"limits": " "}, "title and limits"), ({"starter": replace(TOY.starter, model="x")}, "asset for each starter")],
)
def test_a_silent_domain_is_told(parts, promised):
    assert promised in broken(Contract(replace(TOY, **parts)).test_domain_says_what_people_read)
    Contract().test_domain_says_what_people_read()


def test_a_heavy_import_is_told(monkeypatch):
    monkeypatch.setattr("suite.testing.contract.HEAVY", ("suite_toy.domain",))
    assert "imports nothing heavy\n    seen: ['suite_toy.domain']" in broken(
        Contract().test_domain_imports_nothing_heavy
    )


def test_a_page_that_waits_for_torch_is_told(monkeypatch):
    Contract().test_page_waits_for_no_torch()
    script = promises.PAGE.replace('demo.partition(":")[0]', '"suite_toy.model"')
    assert script != promises.PAGE
    monkeypatch.setattr(promises, "PAGE", script)
    assert "without torch\n    seen: ['torch', 'transformers']" in broken(Contract().test_page_waits_for_no_torch)


class Shy(ToyScores):
    metrics = None


class Curious(Answers):
    def same(self, expected, actual, tolerance):
        return True


@pytest.mark.parametrize(
    ("parts", "seen"),
    [
        ({"report": "suite_toy.gone:report"}, "report='suite_toy.gone:report': ModuleNotFoundError: No module named"),
        ({"model": "suite_toy.model:Gone"}, "model='suite_toy.model:Gone': AttributeError: module 'suite_toy.model'"),
        ({"baselines": lambda model, splits: None}, "does not take (model, splits, examples): too many positional"),
        ({"scores": Shy}, "has no metrics"),
        ({"answers": Curious}, "same does not take (self, expected, actual): missing a required argument: 'tolerance'"),
    ],
)
def test_a_part_that_is_not_there_or_does_not_fit_is_told(parts, seen):
    assert seen in broken(Contract(replace(TOY, **parts)).test_parts_are_there)
    Contract().test_parts_are_there()


class Lopsided(ToyData):
    def split(self, rows):
        return Splits(super().split(rows) | {"test": rows.select([])})


def test_an_empty_split_is_told():
    assert "no empty split" in broken(Contract(replace(TOY, data=Lopsided)).test_starter_data_passes_its_own_check)


# ---- runs --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small finished run of the toy."""
    from suite.training.train import train

    folder = tmp_path_factory.mktemp("broken")
    settings = {"limit": 12, "max_steps": 3, "evaluate_every": 2, "noise": 0.0, "output": folder}
    return train(TOY.task(settings)).path


def test_a_run_that_lacks_something_is_told(trained):
    Contract().test_run_is_complete(trained)
    (trained / "README.md").rename(trained / "gone")
    try:
        assert "['README.md'] in the run" in broken(Contract().test_run_is_complete, trained)
    finally:
        (trained / "gone").rename(trained / "README.md")


def test_a_pickle_is_told(trained):
    (trained / "model" / "extra.bin").write_bytes(b"")
    try:
        assert "no pickle" in broken(Contract().test_run_is_complete, trained)
    finally:
        (trained / "model" / "extra.bin").unlink()


class Forgetful(ToyModel):
    """Answers by what no saved model holds."""

    def infer(self, batch):
        return [{**answer, "vowels": answer["vowels"] / 2} for answer in super().infer(batch)]


class Blind(Answers):
    def same(self, expected, actual):
        return True


def test_a_model_that_answers_otherwise_is_told(trained):
    Contract().test_saved_model_answers_as_before(trained)
    promised = broken(Contract(toy_with(Forgetful)).test_saved_model_answers_as_before, trained)
    assert "the saved model gives the answers stored with it" in promised
    blind = Contract(replace(TOY, answers=Blind))
    assert "other answers are refused" in broken(blind.test_saved_model_answers_as_before, trained)


def test_an_evaluation_that_answers_otherwise_is_told(trained):
    Contract().test_evaluation_and_predictor_answer_alike(trained)
    path = trained / "predictions-test.jsonl"
    kept = path.read_text()
    lines = [json.loads(line) for line in kept.splitlines()]
    lines[0]["fine-tuned"]["vowels"] += 0.1
    try:
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        test = Contract().test_evaluation_and_predictor_answer_alike
        assert "evaluate and predict answer alike" in broken(test, trained)
    finally:
        path.write_text(kept)


def shortcut(predictor):
    """A demo with a way of its own."""
    word, answer = gr.Textbox(), gr.Label()
    word.submit(lambda text: {"vowels": 1.0}, word, answer, api_name="toy_decide")


def asked_with(endpoint, *arguments):
    """The toy whose demo is asked that."""
    return replace(TOY, demo_call=lambda predictor: (endpoint, arguments))


SHOUTING = asked_with("toy_decide", "audio")
"""Its demo is asked something else than `predict`."""


class Asked(Contract):
    same_question = True

    def answered_input(self, folder):
        return "rhythm"


@pytest.mark.parametrize(
    ("domain", "said"),
    [
        (replace(TOY, demo=shortcut), "seen: infer was not asked"),
        (SHOUTING, "answers by infer as predict does: [{'label'"),
        (asked_with("decide", "rhythm"), "an endpoint 'decide'\n    seen: ['toy_decide']"),
        (asked_with("toy_decide", "r2d2"), "'r2d2' is no word"),
    ],
)
def test_a_demo_that_answers_otherwise_is_told(trained, tmp_path, domain, said):
    assert said in broken(Asked(domain).test_the_demo_answers_by_infer, trained, tmp_path)


class Unasked(Asked):
    def answered_input(self, folder):
        return ""


def test_the_same_question_without_a_question_is_told(trained, tmp_path):
    Asked().test_the_demo_answers_by_infer(trained, tmp_path)
    assert "same_question needs answered_input" in broken(Unasked().test_the_demo_answers_by_infer, trained, tmp_path)


def test_a_demo_may_ask_something_else_than_predict_and_names_nothing_to_skip(trained, tmp_path):
    Contract(SHOUTING).test_the_demo_answers_by_infer(trained, tmp_path)
    with pytest.raises(pytest.skip.Exception, match="demo_call names nothing"):
        Contract(asked_with("")).test_the_demo_answers_by_infer(trained, tmp_path)


def test_a_command_that_answers_otherwise_is_told(trained, tmp_path):
    unsigned = {"input": "area", "label": "vowels", "vowels": 0.123}
    answers = (unsigned, "each answer names the run"), (unsigned | {"model": trained.name}, "as the model does here")
    for answer, promised in answers:
        contract = Asked(answer=(0, json.dumps([answer]), ""))
        assert promised in broken(contract.test_a_fresh_process_answers, trained, tmp_path)


def test_a_resumed_run_that_differs_is_told(trained, tmp_path):
    other = tmp_path / "other"
    (other / "checkpoints").mkdir(parents=True)
    for step in (trained / "checkpoints").glob("step-*"):
        (other / "checkpoints" / step.name).mkdir()
        (other / "checkpoints" / step.name / "MANIFEST.json").write_text((step / "MANIFEST.json").read_text())
    log = (trained / "metrics.jsonl").read_text()
    (other / "metrics.jsonl").write_text(log)
    keep_same(trained, other, "copied")
    (other / "metrics.jsonl").write_text(log.replace('"step": 2', '"step": 7'))
    assert "logs the same numbers" in broken(keep_same, trained, other, "altered")
    manifest = max((other / "checkpoints").glob("step-*")) / "MANIFEST.json"
    content = json.loads(manifest.read_text())
    content["files"]["model.safetensors"][1] = "another"
    manifest.write_text(json.dumps(content))
    assert "different: ['step-" in broken(keep_same, trained, other, "altered")


class Elsewhere(Contract):
    """Its second run is one that somebody altered."""

    def train(self, folder, *flags):
        return self.other


def test_two_processes_that_differ_are_told(trained, tmp_path, monkeypatch):
    contract = Elsewhere()
    contract.other = tmp_path
    for name in ("predictions-test.jsonl", "metrics.jsonl"):
        (tmp_path / name).write_text((trained / name).read_text())
    contract.test_two_processes_are_as_one(trained, contract.loaded_toy(), tmp_path)
    lines = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    places = [n for n, line in enumerate(lines) if "validation/loss" in line]
    lines[places[-1]]["validation/loss"] += 0.1
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    contract.test_two_processes_are_as_one(trained, contract.loaded_toy(), tmp_path)  # dropout: only the first counts
    monkeypatch.setattr(runs, "is_steady", lambda *loaded: True)
    test = contract.test_two_processes_are_as_one
    assert "the same metrics on two processes at step 3" in broken(test, trained, contract.loaded_toy(), tmp_path)
    (tmp_path / "predictions-test.jsonl").write_text("{}\n")
    assert "each scored once" in broken(test, trained, contract.loaded_toy(), tmp_path)


def test_dropout_makes_a_loss_unsteady():
    _, model, words = Contract().loaded_toy()
    assert not is_steady(model, words)
    model.network.dropout.p = 0.0
    assert is_steady(model, words)


# ---- mistakes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "said", "holds"),
    [
        (2, "Error: 'r2d2' is no word.", True),
        (0, "", False),
        (1, "Error: 'r2d2' is no word.", False),
        (2, "Traceback (most recent call last):\nError: x", False),
    ],
)
def test_bad_input_that_is_not_refused_is_told(tmp_path, status, said, holds):
    contract = Contract(answer=(status, "", said))
    if holds:
        contract.test_bad_input_is_one_sentence(tmp_path)
    else:
        assert "is refused with one sentence" in broken(contract.test_bad_input_is_one_sentence, tmp_path)


def test_an_option_that_is_taken_silently_is_told():
    refusal("Error: no option 'epoch'; did you mean 'epochs'?").test_misspelt_option_names_the_nearest()
    assert "naming 'epochs'" in broken(refusal("Error: no.").test_misspelt_option_names_the_nearest)


def test_a_training_that_fails_is_told(tmp_path):
    assert "train exits with 0\n    seen: 2: Error: no data" in broken(refusal("Error: no data").train, tmp_path)
