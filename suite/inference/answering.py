"""`predict`: each argument answered, reported and written."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from suite.console import bar, duration, line_ended, result, say, typed
from suite.domain.description import Task
from suite.domain.parts import overrides
from suite.domain.vocabulary import Example, Prediction
from suite.errors import SuiteError, afterwards
from suite.inference.batches import batch_size
from suite.inference.predictor import Input, Predictor
from suite.signals import StopSignal, ended_in_order


def predict_all(task: Task, inputs: tuple[str, ...], *, model: str, output: Path | None, form: str) -> list[SuiteError]:
    """Predicts the inputs, as many at once as fill a batch; one unreadable file costs no other its answer.

    Returns the failures. What was answered before Ctrl-C, SIGTERM or an error is written.
    """
    if output and output.suffix:
        task.answers.check_output(output)
    predictor = Predictor(task, model)
    writer, failures = AnswerWriter(task, predictor.name, output, form), list[SuiteError]()
    seen = writer.printing and sys.stdout.isatty()  # then answers stand where a bar would
    asked = inputs if seen else bar(inputs, description="Predicting", unit="input")
    with ended_in_order(), afterwards(writer.finish, "Writing the answers that there were"):
        for group in groups(predictor, asked, failures):
            _answer(predictor, group, writer, failures)
    return failures


Group = list[tuple[str, Sequence[Example]]]
"""Inputs with their examples."""


def groups(predictor: Predictor, inputs: Iterable[Input], failures: list[SuiteError] | None = None) -> Iterator[Group]:
    """The inputs with their examples, in order, as many together as fill one batch; what is more stands alone.

    Inputs that cannot be read are left out, with the reason in `failures`; without it the first is raised.
    """
    group: Group = []
    count, size = 0, batch_size(predictor.model)
    for place, given in enumerate(inputs, start=1):
        held = "sound" if isinstance(given, Mapping) else "picture"
        name = str(given) if isinstance(given, str | Path) else f"{held} {place}"
        try:
            examples = predictor.inputs(given)
        except SuiteError as error:
            if failures is None:
                raise
            failures.append(error)
            continue
        # No further than a batch's worth: an input may have a million examples.
        pieces = sum(predictor.model.pieces(examples[index]) for index in range(min(len(examples), size + 1)))
        if group and count + pieces > size:
            yield group
            group, count = [], 0
        group.append((name, examples))
        count += pieces
    if group:
        yield group


@dataclass
class AnswerWriter:
    """Where answers go: shown, written batch by batch where `Answers.write` appends, or held until the end."""

    task: Task
    model: str
    """What answers; each record says it."""
    output: Path | None
    form: str
    waiting: list[tuple[str, Prediction]] = field(default_factory=list)
    """Inputs and answers that are not written yet."""
    written: bool = False

    @property
    def printing(self) -> bool:
        """Whether each answer is printed as soon as it is there."""
        return self.output is None and self.form == "text"

    @property
    def appends(self) -> bool:
        """Whether each batch is written when it is there; it is not held then."""
        return self.output is not None and self.task.answers.appends(self.output)

    def add(self, name: str, predictions: list[Prediction]) -> None:
        """Takes a batch of an input's answers."""
        self.waiting += [(name, prediction) for prediction in predictions]
        if self.output and self.appends:
            self._write(self.output)
        elif self.printing:
            for prediction in predictions:
                result(self.task.answers.render(prediction))

    def follow(self, predictor: Predictor, name: str, examples: Sequence[Example]) -> list[Prediction]:
        """Prints an input's one answer while it grows, and takes it; returns it whole.

        A piece is shown as soon as the next begins with it: what is rendered otherwise, as JSON, stands there once.
        """
        shown, before, whole = "", "", list[Prediction]()
        with closing(predictor.stream(examples)) as pieces, line_ended():
            for whole in pieces:
                text = self.task.answers.render(whole[0])
                if text.startswith(before) and before.startswith(shown):
                    typed(before[len(shown) :])
                    shown = before
                before = text
            typed(before[len(shown) :] if before.startswith(shown) else f"\n{before}")
        self.waiting += [(name, prediction) for prediction in whole]
        return whole

    def finish(self) -> None:
        """Writes what is still held, or prints it where JSON was asked for."""
        if self.form == "json" and self.output is None:
            records = [{"input": name, **prediction} for name, prediction in self._signed()]
            result(json.dumps(records, indent=2, ensure_ascii=False))
        if self.output and self.waiting:
            self._write(self.output)
        if self.written:
            say(f"Written: {self.output}")

    def _signed(self) -> list[tuple[str, Prediction]]:
        return [(name, {**prediction, "model": self.model}) for name, prediction in self.waiting]

    def _write(self, output: Path) -> None:
        """A signal meanwhile is heeded afterwards: no file is half written."""
        output.parent.mkdir(parents=True, exist_ok=True)
        with StopSignal() as stop:
            self.task.answers.write(self._signed(), output)
            self.waiting, self.written = [], True
        if stop.signum:
            signal.raise_signal(stop.signum)


def _answer(predictor: Predictor, group: Group, writer: AnswerWriter, failures: list[SuiteError]) -> None:
    """A group's answers, batch by batch, and how long they took; where one spoils a batch, each input alone, and also
    where somebody watches them grow."""
    started = time.monotonic()
    answered: list[Prediction] = []
    watched = writer.printing and sys.stdout.isatty() and overrides(predictor.model, "infer_stream")
    if watched and len(group) > 1:
        for single in group:
            _answer(predictor, [single], writer, failures)
        return
    try:
        if watched and len(group[0][1]) == 1:
            answered = writer.follow(predictor, *group[0])
        for name, predictions in () if answered else answers(predictor, group):
            writer.add(name, predictions)
            answered += [] if writer.appends else predictions  # ten thousand pictures would not fit into memory
    except SuiteError as error:
        if len(group) == 1:
            failures.append(error)
            return
        for single in group:
            _answer(predictor, [single], writer, failures)
        return
    seconds = time.monotonic() - started
    name = group[0][0] if len(group) == 1 else f"{len(group)} inputs from {group[0][0]} to {group[-1][0]}"
    say(f"{name}: {duration(seconds)}{predictor.task.answers.speed(answered, seconds) if answered else ''}")


def answers(predictor: Predictor, group: Group) -> Iterator[tuple[str, list[Prediction]]]:
    """Each input of the group with its predictions; a lone one's come in parts, as soon as they are made."""
    if len(group) == 1:
        name, examples = group[0]
        for predictions in predictor.batches(examples):
            yield name, predictions
        return
    together = predictor([example for _, examples in group for example in examples])
    start = 0
    for name, examples in group:
        yield name, together[start : start + len(examples)]
        start += len(examples)
