"""Parts whose every method runs on a fresh copy: what one call leaves on `self` is not there for the next.

What a step makes is to be returned and handed on. State on a part goes unseen as long as the calls come in the order
in which they were tried; here a part that relies on it fails, or gives other figures.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from suite.data.load import load_splits
from suite.domain.description import Domain, Task
from suite.domain.vocabulary import TrainingData
from suite.inference.predictor import Predictor
from suite.testing.promise import RULES, keep, keep_same
from suite.testing.reads import conditions, recording, unread
from suite.testing.runs import RunPromises, two_threads
from suite.training.train import train

MAKERS = ("refreshed", "calibrate", "with_config")
"""Methods that return a part."""
READ = f"suite.Model, suite.Data, suite.Scores, suite.Answers; {RULES}"


class FreshPart:
    """Stands for a part: each method called on it runs on a shallow copy of the part as it was made, then thrown away.

    The part that one of `MAKERS` returns is one that was made, and is stood for likewise. Attributes are the part's
    own; setting one is an error.
    """

    def __init__(self, part: Any) -> None:
        self.__dict__["_part"] = copy.copy(part)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what `copy` and `pickle` look for, also before there is a part
            raise AttributeError(name)
        value = getattr(copy.copy(self._part), name)
        if not callable(value) or name in self._part.__dict__:
            return value

        def on_a_fresh_copy(*arguments: Any, **named: Any) -> Any:
            result = getattr(copy.copy(self._part), name)(*arguments, **named)
            return FreshPart(result) if name in MAKERS else result

        return on_a_fresh_copy

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self._part).__name__}.{name} is set from outside; make another part with it.")


def fresh(domain: Domain) -> Domain:
    """The same domain, each of whose parts is a `FreshPart`."""

    def part(make: Callable[[Task], Any], config: Any) -> Any:
        return FreshPart(make(Task(domain, config)))

    def load(source: Path, config: Any, data: TrainingData | None) -> Any:
        return part(lambda task: task.load(source, data), config)

    return replace(
        domain,
        model=load,
        data=lambda _, config: part(lambda task: task.data, config),
        scores=lambda config, model: part(lambda task: task.scores(model), config),
        answers=lambda config: part(lambda task: task.answers, config),
    )


def train_fresh(task: Task, folder: Path) -> Path:
    """Trains, calibrates, saves and evaluates below `folder` with every method in a fresh instance; the run's folder.

    In this process, so that the wrapped parts are the ones used.
    """
    config = task.config.model_copy(update={"output": folder})
    with two_threads():
        return train(replace(task, domain=fresh(task.domain), config=config)).path


def keep_results(plain: Path, other: Path, task: Task) -> None:
    """Fails the test unless two runs have the same bits, figures and files of the model, and answer alike.

    `other` is asked with every method in a fresh instance. `task` has the options that neither run was trained with.
    """
    how = "with every method in a fresh instance"
    keep_same(plain, other, how)
    models = [{p.name: p.read_bytes() for p in (run / "model").iterdir() if p.is_file()} for run in (plain, other)]
    different = sorted(name for name in models[0] | models[1] if models[0].get(name) != models[1].get(name))
    keep(not different, f"a run {how} saves the same model", seen=f"different: {different}", read=READ)
    evaluations = [json.loads((run / "evaluation.json").read_text()) for run in (plain, other)]
    keep(evaluations[0] == evaluations[1], f"a run {how} is scored alike", seen=evaluations, read=READ)
    predictors = [Predictor(task, str(plain)), Predictor(replace(task, domain=fresh(task.domain)), str(other))]
    answers = []
    for predictor in predictors:
        model = predictor.model
        examples = model.prepare(load_splits(predictor.task)[1]["test"], "test")
        few = [examples[index] for index in range(min(3, len(examples)))]
        answers.append([predictor.task.answers.render(prediction) for prediction in predictor(few)])
    keep(answers[0] == answers[1], f"a model answers alike {how}", seen=answers, read=READ)


class FreshPromises(RunPromises):
    """The part of the contract that says that parts hold nothing but what they were made with."""

    beside: ClassVar[dict[str, Any]] = {}
    """Options beside which the rest is read that `settings` leave aside, such as what they switch off."""

    @pytest.fixture(scope="class")
    @classmethod
    def forgetful(cls, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str]]:
        """A run trained with parts that forget, and the names of the options that were read."""
        return cls().train_recorded(tmp_path_factory.mktemp("forgetful"))

    def train_recorded(self, folder: Path, **settings: Any) -> tuple[Path, set[str]]:
        """Trains in fresh instances and asks the model; returns the run's folder and which options were read."""
        read: set[str] = set()
        plain = self.make(**settings)
        domain = replace(plain.domain, Config=recording(plain.domain.Config, read))
        path = train_fresh(domain.task(plain.config.model_dump()), folder)
        predictor = Predictor(domain.task(), str(path))
        if asked := self.answered_input(folder):
            for prediction in predictor.answer(asked):
                predictor.task.answers.render(prediction)
        return path, read

    def test_every_method_in_a_fresh_instance(self, trained: Path, forgetful: tuple[Path, set[str]]) -> None:
        """Trained, calibrated, saved, scored and asked with parts that forget, a run is that of parts that need not."""
        keep_results(trained, forgetful[0], self.make())

    def test_every_option_is_read(self, forgetful: tuple[Path, set[str]], tmp_path: Path) -> None:
        """No option is decoration: training, evaluating or asking reads it, or `only_with` says beside what."""
        config = self.make().domain.Config
        left = list(unread(config, forgetful[1]))
        if left:
            _, read = self.train_recorded(tmp_path, **conditions(config, left), **self.beside)
            left = list(unread(config, forgetful[1] | read))
        keep(not left, "every option is read", seen=f"nothing reads {', '.join(left)}", read="suite.only_with")
