"""Who watches runs, questions and corrections: what is told, what it may break."""

from __future__ import annotations

import copy
import json
import os
import random
import re
import sys
import time

import numpy as np
import pytest
import torch
from suite_toy.domain import TOY
from suite_toy.fitting import fault_after

import suite
from suite.data.corrections import Corrections
from suite.inference.predictor import Predictor
from suite.plugins import observers
from suite.plugins.hookspecs import hookimpl
from suite.plugins.loader import load_plugins
from suite.plugins.observers import EVENTS, Observers
from suite.signals import Stopped, Terminated
from suite.testing.promise import keep_same, newest
from suite.training import callbacks
from suite.training.callbacks import observers_of
from suite.training.train import train

WORDS = ["banana", "rhythm", "aeon"]
QUICK = {"max_steps": 4, "evaluate_every": 2, "limit": 20, "log_every": 2}


class Recorder:
    """Keeps every event with its arguments."""

    def __init__(self):
        self.kept = []

    @hookimpl
    def suite_run_started(self, run, domain, config, step, total):
        self.kept.append(("suite_run_started", run.path.name, domain, config.max_steps, step, total))
        config.learning_rate = 1e9  # a copy: the run's stays what it is

    @hookimpl
    def suite_step_taken(self, run, step):
        self.kept.append(("suite_step_taken", step))

    @hookimpl
    def suite_steps_logged(self, run, step, values):
        self.kept.append(("suite_steps_logged", step, sorted(values)))
        values.clear()

    @hookimpl
    def suite_evaluated(self, run, step, data, metrics, best):
        self.kept.append(("suite_evaluated", step, data, dict(metrics), best))
        metrics.clear()

    @hookimpl
    def suite_trained(self, run, step):
        self.kept.append(("suite_trained", step))

    @hookimpl
    def suite_run_finished(self, run, state):
        self.kept.append(("suite_run_finished", state, run.state()))

    @hookimpl
    def suite_question_answered(self, domain, model, question, answer):
        self.kept.append(("suite_question_answered", domain, model, question, dict(answer)))
        answer.clear()

    @hookimpl
    def suite_answer_corrected(self, domain, correction):
        self.kept.append(("suite_answer_corrected", domain, correction))


def train_toy(folder, *watching, **settings):
    return train(TOY.task(QUICK, {"output": folder}, settings), watching=watching)


def listening(monkeypatch, *objects):
    """What the plugins installed hear of questions and corrections, `objects` do."""
    monkeypatch.setitem(vars(load_plugins()), "observers", Observers({f"plugin {n}": o for n, o in enumerate(objects)}))
    return load_plugins().observers


# ---- what is told --------------------------------------------------------------------------------------------------


def test_a_run_is_told_from_its_start_to_its_scores(tmp_path):
    recorder = Recorder()
    run = train_toy(tmp_path, recorder, also_evaluate=["toy-words"])
    events = [(event, *rest[:1]) for event, *rest in recorder.kept]
    assert events == [
        ("suite_run_started", run.path.name),
        ("suite_evaluated", 0),
        ("suite_step_taken", 1),
        ("suite_step_taken", 2),
        ("suite_steps_logged", 2),
        ("suite_evaluated", 2),
        ("suite_step_taken", 3),
        ("suite_step_taken", 4),
        ("suite_steps_logged", 4),
        ("suite_evaluated", 4),
        ("suite_trained", 4),
        ("suite_evaluated", 4),
        ("suite_evaluated", 4),
        ("suite_run_finished", "finished"),
    ]
    assert recorder.kept[0] == ("suite_run_started", run.path.name, "toy", 4, 0, 4)
    scored = [kept for kept in recorder.kept if kept[0] == "suite_evaluated"]
    assert [(data, best) for _, _, data, _, best in scored][:1] == [("validation", True)]
    evaluation = run.evaluation()
    for _, _, data, metrics, best in scored[3:]:
        assert metrics == {name: each["value"] for name, each in evaluation[data]["systems"]["fine-tuned"].items()}
        assert metrics and not best
    assert [data for _, _, data, _, _ in scored[3:]] == list(evaluation)
    logged = [line for line in run.history() if "validation/accuracy" in line]
    assert [kept[3]["accuracy"] for kept in scored[:3]] == [line["validation/accuracy"] for line in logged]
    assert recorder.kept[-1] == ("suite_run_finished", "finished", "finished")
    assert max(line.get("learning_rate", 0) for line in run.history()) < 1
    spent = [each for of in run.observers().values() for each in of.values()]
    assert len(spent) > 12 and not any(each["failures"] for each in spent), "what one clears another still has"


def test_a_stop_and_a_failure_are_told_as_such_and_a_resumed_run_from_its_step(tmp_path):
    def fail():
        raise ValueError("a bug")

    stopped, failed, resumed = Recorder(), Recorder(), Recorder()
    with fault_after(3, lambda: os.kill(os.getpid(), 15)), pytest.raises(Stopped):
        train_toy(tmp_path / "a", stopped)
    with fault_after(3, fail), pytest.raises(ValueError):
        train_toy(tmp_path / "b", failed)
    assert stopped.kept[-1][:2] == ("suite_run_finished", "interrupted")
    assert failed.kept[-1][:2] == ("suite_run_finished", "failed")
    assert not [kept for kept in (*stopped.kept, *failed.kept) if kept[0] == "suite_trained"]
    run = suite.train("toy", resume="latest", output=tmp_path / "a", callbacks=[resumed])
    assert resumed.kept[0] == ("suite_run_started", run.path.name, "toy", 4, 3, 4)
    assert (run.state(), resumed.kept[-1][1]) == ("finished", "finished")


def test_nothing_is_told_of_a_run_that_never_started(tmp_path, monkeypatch):
    def refuse(*rest):
        raise suite.SuiteError("no such class")

    recorder = Recorder()
    monkeypatch.setattr("suite.training.train.ready", refuse)
    with pytest.raises(suite.SuiteError, match="no such class"):
        train_toy(tmp_path, recorder)
    assert recorder.kept == [] and json.loads((newest(tmp_path) / "status.json").read_text())["state"] == "failed"


class Draws:
    """Draws from every global generator at each of the events it may."""

    @hookimpl
    def suite_steps_logged(self):
        torch.rand(3), np.random.rand(3), random.random()

    @hookimpl
    def suite_evaluated(self):
        self.suite_steps_logged()

    @hookimpl
    def suite_run_started(self):
        self.suite_steps_logged()


def test_a_watched_run_has_the_bits_of_one_that_is_not(tmp_path):
    plain, watched = train_toy(tmp_path / "a"), train_toy(tmp_path / "b", Draws())
    keep_same(plain.path, watched.path, "watched")


def test_questions_corrections_and_evaluations_are_told_to_the_plugins(tmp_path, monkeypatch):
    run = train_toy(tmp_path)
    recorder = Recorder()
    listening(monkeypatch, recorder)
    answers = suite.predict(str(run.path), WORDS)
    assert [answer["input"] for answer in answers] == WORDS
    kept = [kept for kept in recorder.kept if kept[0] == "suite_question_answered"]
    assert [(domain, model) for _, domain, model, _, _ in kept] == [("toy", run.name)] * 3
    assert [{"input": word, **kept[number][4]} for number, word in enumerate(WORDS)] == answers
    recorder.kept.clear()
    predictor = Predictor(TOY.task(output=tmp_path), str(run.path))
    examples = predictor.inputs("banana")
    grown = copy.copy(predictor.model)
    grown.infer = lambda batch: [{"label": "mine"}]
    assert predictor(examples, model=grown) == [recorder.kept.pop()[4]] == [{"label": "mine"}]
    for batch in (predictor(examples), *predictor.batches(examples)):
        assert recorder.kept.pop(0)[4] == batch[0]
    assert recorder.kept == []
    made = Corrections("toy", tmp_path).add({"text": "a"}, source="demo", model="m", before={}, after={"label": "b"})
    assert recorder.kept == [("suite_answer_corrected", "toy", made)]
    recorder.kept.clear()
    suite.evaluate(run)
    assert [kept[:3] for kept in recorder.kept] == [("suite_evaluated", 4, "test")]


# ---- what it may break ---------------------------------------------------------------------------------------------


class UnprintableError(Exception):
    def __str__(self):
        raise RuntimeError("no words")


FAULTS = [ValueError("no network"), SystemExit(3), suite.SuiteError("a sentence"), UnprintableError(), RecursionError()]


def failing(event, error):
    """An object that raises at one event."""

    def fail(self):
        raise error

    return type(f"Fails{type(error).__name__}", (), {event: hookimpl(fail)})()


def test_whatever_an_observer_raises_ends_nothing_and_is_said_once(tmp_path, capsys):
    recorder = Recorder()
    objects = [failing(event, error) for event in EVENTS[:6] for error in FAULTS]
    run = train_toy(tmp_path, *objects, recorder)
    assert run.state() == "finished" and recorder.kept[-1][1] == "finished"
    said, log = capsys.readouterr().err, (run.path / "log.txt").read_text()
    for place, (event, error) in enumerate((event, error) for event in EVENTS[:6] for error in FAULTS):
        number = place // len(FAULTS) + 1
        name = f"callback Fails{type(error).__name__}{f' {number}' if number > 1 else ''}"
        sentence = f"The {name} failed in {event}: "
        assert said.count(sentence) == 1 and log.count(sentence) == 1, sentence
        spent = run.observers()[name]
        calls = {"suite_step_taken": 4, "suite_steps_logged": 2, "suite_evaluated": 4}.get(event, 1)
        assert (spent[event]["calls"], spent[event]["failures"]) == (calls, calls)
    assert "Traceback" in log and "ValueError: no network" in said and "Traceback" not in said


def test_who_fails_at_the_start_hears_nothing_more_of_the_run(tmp_path):
    class Late(Recorder):
        @hookimpl
        def suite_run_started(self):
            raise OSError("no server")

    late = Late()
    assert train_toy(tmp_path, late).state() == "finished"
    assert late.kept == []


@pytest.mark.parametrize("error", FAULTS, ids=lambda error: type(error).__name__)
def test_no_answer_and_no_correction_is_lost_to_an_observer(tmp_path, monkeypatch, capsys, error):
    heard = listening(monkeypatch, *(failing(event, error) for event in EVENTS[6:]))
    predictor = Predictor(TOY.task(output=tmp_path), "")
    examples = predictor.inputs("banana")
    assert len(predictor(examples)) == len(list(predictor.batches(examples))[0]) == 1
    store = Corrections("toy", tmp_path)
    store.add({"text": "a"}, source="demo", model="m", before={}, after={"label": "b"})
    assert len(store.read()) == 1
    said = capsys.readouterr().err
    assert said.count("failed in suite_question_answered") == said.count("failed in suite_answer_corrected") == 1
    assert heard.report()["plugin 0"]["suite_question_answered"]["failures"] == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Terminated(143)], ids=["ctrl-c", "sigterm"])
def test_a_person_who_stops_the_program_is_no_observers_error(error):
    with pytest.raises(type(error)):
        Observers({"callback": failing("suite_trained", error)}).tell("suite_trained", run=None, step=1)


def test_strict_raises_what_is_else_logged(monkeypatch):
    monkeypatch.setenv("SUITE_STRICT", "1")
    with pytest.raises(ValueError, match="no network"):
        Observers({"callback": failing("suite_trained", FAULTS[0])}).tell("suite_trained", run=None, step=1)


def test_who_takes_more_than_a_share_of_the_time_is_named(tmp_path, monkeypatch):
    class Sleeps:
        @hookimpl
        def suite_step_taken(self):
            time.sleep(0.1)

    monkeypatch.setattr(observers, "LEAST", 0.3)
    run = train_toy(tmp_path, Sleeps())
    assert re.search(r"The callback Sleeps took 0\.\d s beside \d\.\d s of the run, most in suite_step_taken\.",
                     (run.path / "log.txt").read_text())  # fmt: skip
    spent = run.observers()["callback Sleeps"]["suite_step_taken"]
    assert spent["calls"] == 4 and 0.4 <= spent["seconds"] < 4
    assert "callback progress" not in (run.path / "log.txt").read_text()


# ---- what is refused -----------------------------------------------------------------------------------------------


class Unmarked:
    def suite_steps_logged(self, step):
        pass


def marked(name, function):
    return type("Odd", (), {name: hookimpl(function)})()


async def later(self, step): ...


def each(self, step):
    yield step


class Touchy:
    @property
    def size(self):
        raise RuntimeError("do not look")


class Wraps:
    @hookimpl(wrapper=True)
    def suite_trained(self):
        return (yield)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([Recorder], "The callback type is a class; give an object: Recorder()."),
        ([object()], "The callback object hears of nothing; mark a method with @hookimpl, called one of suite_run_"),
        ([Unmarked()], "The callback Unmarked won't do: suite_steps_logged is not marked as a hook; write @hookimpl"),
        ([marked("suite_step_logged", lambda self: None)], "won't do: unknown hook 'suite_step_logged'"),
        ([marked("suite_trained", lambda self, epoch: None)], "The callback Odd won't do: "),
        ([marked("suite_trained", later)], "won't do: suite_trained is a wrapper, a generator or async"),
        ([marked("suite_trained", each)], "won't do: suite_trained is a wrapper, a generator or async"),
        ([Wraps()], "The callback Wraps won't do: suite_trained is a wrapper, a generator or async"),
        ([Touchy()], "The callback Touchy hears of nothing"),
        (["wandbb"], "No callback 'wandbb'. Did you mean 'wandb'?"),
        ("wandb", "callbacks='wandb' won't do: Input should be a valid list."),
        (Recorder, "won't do: Input should be a valid list."),
    ],
)  # fmt: skip
def test_what_cannot_watch_is_refused_before_anything_is_written(given, sentence, tmp_path):
    with pytest.raises(suite.SuiteError) as refused:
        suite.train("toy", output=tmp_path / "runs", callbacks=given, **QUICK)
    assert sentence in str(refused.value) and "\n" not in str(refused.value)
    assert not (tmp_path / "runs").exists()


# ---- who watches ---------------------------------------------------------------------------------------------------


def watching(names):
    return [name.removeprefix("callback ") for name in observers_of(names).spent if name.startswith("callback ")]


def test_trackio_watches_where_nobody_says_who_and_it_is_installed(monkeypatch, capsys, tmp_path):
    assert watching(None) == ["progress"], "the tests' own SUITE_CALLBACKS"
    monkeypatch.setenv("SUITE_CALLBACKS", "tensorboard")
    assert watching(None) == ["progress", "tensorboard"]
    monkeypatch.delenv("SUITE_CALLBACKS")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    assert watching(None) == ["progress", "trackio"] and watching([]) == ["progress"]
    monkeypatch.setitem(sys.modules, "trackio", None)  # broken: its import fails
    monkeypatch.setattr("suite.training.trackers.find_spec", lambda name: True)
    monkeypatch.setattr(callbacks, "find_spec", lambda name: True)
    assert watching(None) == ["progress"]
    assert "cannot be made: ModuleNotFoundError" in (said := capsys.readouterr().err) and "goes on without it" in said
    with pytest.raises(suite.SuiteError, match="cannot be made"):
        observers_of(["trackio"])
    monkeypatch.setattr(callbacks, "find_spec", lambda name: None)
    assert watching(None) == ["progress"]


@pytest.mark.parametrize("name", ["trackio", "tensorboard", "wandb"])
def test_a_tracker_that_is_not_installed_says_which_extra_it_is(monkeypatch, name):
    monkeypatch.setattr("suite.training.trackers.find_spec", lambda name: None)
    extra = rf"The callback {name} takes a package .* pip install '[\w-]+\[{name}\]'"
    with pytest.raises(suite.SuiteError, match=extra):
        observers_of([name])


def test_only_the_main_process_tells_anybody(monkeypatch):
    recorder = Recorder()
    plugins = load_plugins()
    monkeypatch.setattr(plugins, "infos", [type(plugins.infos[0])("toy", "suite-toy", "1", hooks=["suite_trained"])])
    monkeypatch.setattr(plugins.manager, "get_plugin", lambda name: recorder)
    assert plugins.observing == {"plugin toy": recorder}
    monkeypatch.setenv("RANK", "1")
    assert plugins.observing == {}
