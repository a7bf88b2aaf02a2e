"""What cannot work is refused before the first step, and every run can be finished by the command it names."""

from __future__ import annotations

import json
import shlex
import signal
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner
from pydantic import Field
from suite_toy.domain import TOY, ToyConfig
from suite_toy.fitting import fault_after
from suite_toy.model import ToyModel
from suite_toy.parts import ToyScores

import suite.training.train as training
from suite import SuiteError, evaluate, train
from suite.cli.main import suite as commands
from suite.config import only_with
from suite.signals import Stopped
from suite.testing import DomainContract, newest
from suite.training.plan import plan

QUICK = {"max_steps": 4, "evaluate_every": 2, "limit": 20}


class Unknowing(ToyScores):
    """Knows two labels, as a model with a head of two classes does."""

    def reference(self, example):
        if example["label"] not in ("vowels", "consonants"):
            raise SuiteError(f"the class {example['label']!r} is none of the model's")
        return super().reference(example)


@pytest.fixture
def others(tmp_path):
    """Data sets that are not the toy's: one that can be scored, one with another class, one without words."""
    path = tmp_path / "others"
    path.mkdir()
    (path / "good.csv").write_text("word,label\narea,vowels\nrhythm,consonants\n")
    (path / "alien.csv").write_text("word,label\narea,vowels\nrhythm,silence\n")
    (path / "empty.csv").write_text("colour,label\nred,vowels\n")
    return path


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"also_evaluate": ["nowhere.csv"]}, r"nowhere.csv cannot be scored: .*nowhere"),
        ({"also_evaluate": ["{others}/good.csv", "{others}/empty.csv"]}, "empty.csv cannot be scored: .*word"),
        (
            {"also_evaluate": ["{others}/alien.csv"]},
            "alien.csv cannot be scored: the class 'silence' is none of the model's",
        ),
        ({"callbacks": ["wandbb"]}, "No callback 'wandbb'"),
        ({"lora_rank": 4}, r"lora_rank=4 is read only with lora set, and lora is False"),
        ({"lora": True, "lora_targets": ["nothing"]}, "LoRA cannot be put on"),
        ({"freeze": ["nothing.*"]}, "freeze: no parameter matches"),
    ],
)
def test_no_step_is_taken_with_what_would_fail_at_the_end(options, sentence, others, tmp_path, monkeypatch):
    steps = []
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda *_: steps.append(1))
    named = {
        name: [str(part).format(others=others) for part in value] if isinstance(value, list) else value
        for name, value in options.items()
    }
    domain = replace(TOY, scores=Unknowing)
    with pytest.raises(SuiteError, match=sentence):
        training.train(domain.task(QUICK, named, {"output": tmp_path / "runs"}))
    with pytest.raises(SuiteError, match=sentence):
        plan(domain.task(QUICK, named))
    assert not steps


def test_what_needs_no_model_is_refused_before_there_is_a_run(others, tmp_path):
    for options in ({"also_evaluate": ["nowhere.csv"]}, {"callbacks": ["wandbb"]}):
        with pytest.raises(SuiteError):
            train("toy", **QUICK, **options, output=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_an_unknown_column_to_slice_by_is_refused_before_anything_is_answered(tmp_path, monkeypatch):
    run = train("toy", **QUICK, output=tmp_path)
    monkeypatch.setattr(ToyModel, "infer", lambda *_: pytest.fail("answered"))
    with pytest.raises(SuiteError, match="No column 'lable' to slice by"):
        evaluate(run, slice_by="lable")


# ---- options that nobody would read --------------------------------------------------------------------------------


def test_an_option_that_nothing_reads_beside_the_others_is_an_error():
    class Config(ToyConfig):
        objective: str = "plain"
        negatives: int = Field(5, json_schema_extra=only_with(objective=["sampled", "gbce"]), description="Drawn.")

    assert Config.build({"objective": "gbce", "negatives": 7}).negatives == 7
    assert Config.build({"negatives": 5}).negatives == 5, "its default may be said, as a run's config does"
    with pytest.raises(SuiteError, match=r"negatives=7 is read only with objective=sampled or gbce, and objective is"):
        Config.build({"negatives": 7})


class Decorated(ToyConfig):
    gloss: float = Field(1.0, description="Shine of the answers.")
    coats: int = Field(2, json_schema_extra=only_with("gloss"), description="Layers of gloss.")


class Contract(DomainContract):
    domain = "toy"
    __test__ = False

    def make(self, **settings):
        return replace(TOY, Config=Decorated).task(QUICK, settings)


def test_the_contract_tells_an_option_that_nothing_reads(tmp_path):
    recorded = Contract().train_recorded(tmp_path)
    assert {"noise", "also_evaluate", "batch_size"} <= recorded[1]
    with pytest.raises(pytest.fail.Exception, match="nothing reads gloss, coats"):
        Contract().test_every_option_is_read(recorded, tmp_path)


# ---- every run can be finished -------------------------------------------------------------------------------------


def term():
    signal.raise_signal(signal.SIGTERM)


def bug():
    raise ValueError("a bug of the loop")


def mistake():
    raise SuiteError("the server of the figures is away")


def full():
    raise OSError(28, "No space left on device")


def not_finite():
    raise SuiteError("the loss is not finite", changes={"learning_rate": 0.003})


@pytest.mark.parametrize("fault", [term, bug, mistake, full, not_finite, None])
def test_the_command_that_a_stopped_run_names_finishes_it(fault, others, tmp_path, monkeypatch):
    further, root = others / "good.csv", tmp_path / "runs of mine"
    happens = fault or further.unlink  # None: a further data set goes while the model trains
    with fault_after(3, happens), pytest.raises((SuiteError, Stopped, ValueError, OSError)):
        training.train(TOY.task(QUICK, {"output": root, "also_evaluate": [str(further)], "seed": 3}))
    run = newest(root)
    command = shlex.split(json.loads((run / "status.json").read_text())["next"])
    assert command[0] == "suite"
    if fault is not_finite:
        command += ["--output", str(root)]
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(commands, command[1:])
    assert done.exit_code == 0, done.output
    finished = newest(root)
    assert (finished == run) == (fault is not not_finite)
    assert json.loads((finished / "status.json").read_text())["state"] == "finished"
    scored = json.loads((finished / "evaluation.json").read_text())
    assert list(scored) == (["test", str(further)] if fault else ["test"])
    config = ToyConfig.from_file(finished / "config.yaml")
    assert config["seed"] == 3 and config["learning_rate"] == (0.003 if fault is not_finite else 0.03)
    if fault is None:
        assert f"also_evaluate=[] (was ['{further}'])" in (finished / "log.txt").read_text()


def test_what_a_weight_depends_on_cannot_be_given_anew(tmp_path):
    with fault_after(3, bug), pytest.raises(ValueError):
        training.train(TOY.task(QUICK, {"output": tmp_path}))
    with pytest.raises(SuiteError, match=r"leave out learning_rate\. What can be given anew: also_evaluate, "):
        train("toy", resume="latest", output=tmp_path, learning_rate=0.1)
    done = CliRunner().invoke(commands, ["runs", "resume", "--output", str(tmp_path), "--set", "log_every=1"])
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in (newest(tmp_path) / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [3, 4]
