"""`predict`: each argument answered, reported and written."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from suite.console import bar, duration, result, say
from suite.domain.description import Task
from suite.domain.vocabulary import Prediction
from suite.errors import SuiteError, afterwards
from suite.inference.predictor import Predictor
from suite.signals import StopSignal, ended_in_order


def predict_all(task: Task, inputs: tuple[str, ...], *, model: str, output: Path | None, form: str) -> list[SuiteError]:
    """Predicts each input on its own, so that one unreadable file costs no other its answer; returns the failures.

    What was answered before Ctrl-C, SIGTERM or an error is written.
    """
    if output and output.suffix:
        task.answers.check_output(output)
    writer, failures = AnswerWriter(task, output, form), []
    predictor = Predictor(task, model)
    with ended_in_order(), afterwards(writer.finish, "Writing the answers that there were"):
        for name in bar(inputs, description="Predicting", unit="input"):
            try:
                _answer(predictor, name, writer)
            except SuiteError as error:
                failures.append(error)
    return failures


@dataclass
class AnswerWriter:
    """Where answers go: shown, written batch by batch where `Answers.write` appends, or held until the end."""

    task: Task
    output: Path | None
    form: str
    waiting: list[tuple[str, Prediction]] = field(default_factory=list)
    """Inputs and answers that are not written yet."""
    written: bool = False

    @property
    def appends(self) -> bool:
        """Whether each batch is written when it is there; it is not held then."""
        return self.output is not None and self.task.answers.appends(self.output)

    def add(self, name: str, predictions: list[Prediction]) -> None:
        """Takes a batch of an input's answers."""
        self.waiting += [(name, prediction) for prediction in predictions]
        if self.output and self.appends:
            self._write(self.output)
        elif self.output is None and self.form == "text":
            for prediction in predictions:
                result(self.task.answers.render(prediction))

    def finish(self) -> None:
        """Writes what is still held, or prints it where JSON was asked for."""
        if self.form == "json" and self.output is None:
            records = [{"input": name, **prediction} for name, prediction in self.waiting]
            result(json.dumps(records, indent=2, ensure_ascii=False))
        if self.output and self.waiting:
            self._write(self.output)
        if self.written:
            say(f"Written: {self.output}")

    def _write(self, output: Path) -> None:
        """A signal meanwhile is heeded afterwards: no file is half written."""
        output.parent.mkdir(parents=True, exist_ok=True)
        with StopSignal() as stop:
            self.task.answers.write(self.waiting, output)
            self.waiting, self.written = [], True
        if stop.signum:
            signal.raise_signal(stop.signum)


def _answer(predictor: Predictor, name: str, writer: AnswerWriter) -> None:
    """One input's answers, batch by batch, and how long they took."""
    started = time.monotonic()
    answered: list[Prediction] = []
    for predictions in predictor.batches(predictor.inputs(name)):
        writer.add(name, predictions)
        answered += [] if writer.appends else predictions  # ten thousand pictures would not fit into memory
    seconds = time.monotonic() - started
    say(f"{name}: {duration(seconds)}{predictor.task.answers.speed(answered, seconds) if answered else ''}")
