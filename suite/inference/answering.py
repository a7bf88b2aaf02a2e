"""`predict`: each argument answered, told and written."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from suite.console import bar, duration, result, say
from suite.errors import SuiteError

if TYPE_CHECKING:
    from suite.domain.base import Domain
    from suite.domain.vocabulary import Prediction
    from suite.inference.predictor import Predictor


def predict_all(
    domain: Domain, inputs: tuple[str, ...], *, model: str, output: Path | None, form: str
) -> list[SuiteError]:
    """Predicts each input on its own, so that one unreadable file costs no other its answer; returns the failures.

    What was answered before Ctrl-C, SIGTERM or an error is written.
    """
    from suite.inference.predictor import Predictor
    from suite.signals import ended_in_order

    if output and output.suffix:
        domain.check_output(output)
    answers, failures = Answers(domain, output, form), []
    predictor = Predictor(domain, model)
    with ended_in_order():
        try:
            for name in bar(inputs, description="Predicting", unit="input"):
                try:
                    _answer(predictor, name, answers)
                except SuiteError as error:
                    failures.append(error)
        finally:
            answers.deliver()
    return failures


@dataclass
class Answers:
    """Where answers go: shown, written batch by batch where the domain's `write` appends, or held until the end."""

    domain: Domain
    output: Path | None
    form: str
    held: list[tuple[str, Prediction]] = field(default_factory=list)
    written: bool = False

    @property
    def appended(self) -> bool:
        """Whether each batch is written when it is there; it is not held then."""
        return self.output is not None and self.domain.appends(self.output)

    def add(self, name: str, predictions: list[Prediction]) -> None:
        """Takes a batch of an input's answers."""
        self.held += [(name, one) for one in predictions]
        if self.output and self.appended:
            self._write(self.output)
        elif self.output is None and self.form == "text":
            for one in predictions:
                result(self.domain.render(one))

    def deliver(self) -> None:
        """Writes what is still held, or prints it where JSON was asked for."""
        if self.form == "json" and self.output is None:
            result(json.dumps([{"input": name, **one} for name, one in self.held], indent=2, ensure_ascii=False))
        if self.output and self.held:
            self._write(self.output)
        if self.written:
            say(f"Written: {self.output}")

    def _write(self, output: Path) -> None:
        """A signal meanwhile is heeded afterwards: no file is half written."""
        import signal

        from suite.signals import StopSignal

        output.parent.mkdir(parents=True, exist_ok=True)
        with StopSignal() as stop:
            self.domain.write(self.held, output)
            self.held, self.written = [], True
        if stop.signum:
            signal.raise_signal(stop.signum)


def _answer(predictor: Predictor, name: str, answers: Answers) -> None:
    """One input's answers, batch by batch, and how long they took."""
    import time

    domain, started = predictor.domain, time.monotonic()
    made: list[Prediction] = []
    for part in predictor.batches(domain.inputs(name)):
        answers.add(name, part)
        made += [] if answers.appended else part  # ten thousand pictures would not fit into memory
    seconds = time.monotonic() - started
    say(f"{name}: {duration(seconds)}{domain.speed(made, seconds) if made else ''}")
