"""Every hook of Suite: five by which a plugin offers something, eight by which it hears what happens.

A hook that offers takes no argument and returns an iterable of `Entry`. One that hears is called when the thing has
happened and returns nothing; it takes those of the arguments below that it names. It is an observer: it changes nothing
it is given, and what it raises is logged once and ends nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from suite.config import TrainConfig
    from suite.data.corrections import Correction
    from suite.domain.vocabulary import Example, Prediction
    from suite.runs import Run

hookspec = pluggy.HookspecMarker("suite")
hookimpl = pluggy.HookimplMarker("suite")
"""Marks a function of a plugin, or a method of a callback, as the hook of its name."""


@dataclass(frozen=True)
class Entry:
    """One thing a plugin offers: listed by name and summary, imported only when used.

    `target` is `"package.module:attribute"`.
    """

    name: str
    summary: str
    target: str


# ---- what a plugin offers ----------------------------------------------------------------------------------------


@hookspec
def suite_domains() -> Iterable[Entry]:
    """Applications: each target is a `Domain`, run as `suite NAME train`."""
    return ()


@hookspec
def suite_commands() -> Iterable[Entry]:
    """Commands: each target is a `click.Command`; `"weather stations"` adds a verb to a domain."""
    return ()


@hookspec
def suite_callbacks() -> Iterable[Entry]:
    """Callbacks and trackers, for runs that name them in `callbacks`: each target, called without an argument, makes
    an object whose methods are the hooks from `suite_run_started` to `suite_run_finished`."""
    return ()


@hookspec
def suite_sources() -> Iterable[Entry]:
    """Places data come from, used as `--data NAME:reference`: each target is a function of reference and `Task` that
    returns a `datasets.Dataset` ([an example](sources.md))."""
    return ()


@hookspec
def suite_pages() -> Iterable[Entry]:
    """Pages of the web app: each target is a function that builds one inside an open Blocks."""
    return ()


# ---- what a plugin hears -----------------------------------------------------------------------------------------


@hookspec
def suite_run_started(run: Run, domain: str, config: TrainConfig, step: int, total: int) -> None:
    """Training begins, at `step` of `total`; above 0 a stopped run goes on. `config` is a copy.

    Who fails here hears nothing more of the run.
    """


@hookspec
def suite_step_taken(run: Run, step: int) -> None:
    """An optimizer step is done. Called for every step, so do next to nothing; draw no random number."""


@hookspec
def suite_steps_logged(run: Run, step: int, values: Mapping[str, float]) -> None:
    """Every `log_every` steps: loss, gradient norm, learning rate and examples per second since the last time."""


@hookspec
def suite_evaluated(run: Run, step: int, data: str, metrics: Mapping[str, float], best: bool) -> None:
    """The model was scored on `data`: "validation" while it trains, where `best` says whether no step was better; at
    the end, and by `evaluate`, "test" and each further data set by its reference."""


@hookspec
def suite_trained(run: Run, step: int) -> None:
    """The last step is done. What follows is saving the model and scoring it; not called where training stopped."""


@hookspec
def suite_run_finished(run: Run, state: str) -> None:
    """A run that had started is over: "finished" with its model scored, "interrupted" or "failed"."""


@hookspec
def suite_question_answered(domain: str, model: str, question: Example, answer: Prediction) -> None:
    """`predict`, a demo or its API answered one example; `model` is the run's or the model's name.

    `question` is the example as the model was asked it, `answer` what it answered: both may hold what people typed or
    uploaded. Suite hands them to the plugins in this process and sends them nowhere; a plugin that keeps or sends them
    has to say so. Evaluations are no questions. Web pages call it from several threads at once.
    """


@hookspec
def suite_answer_corrected(domain: str, correction: Correction) -> None:
    """Somebody put an answer right, and the correction is stored: its row, the answer before and after, source, model
    and time. It may be about a person: Suite sends it nowhere, and a plugin that does has to say so."""
