"""One loaded model that answers: what `predict`, the demos and every check of a saved model use."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias

from suite.console import say
from suite.domain.description import Domain, Task
from suite.domain.parts import Model
from suite.domain.vocabulary import Example, Prediction
from suite.errors import SuiteError
from suite.plugins.loader import load_plugins
from suite.provenance.hub_run import PERMISSION, open_hub_run
from suite.runs import Run, list_runs
from suite.tables.media import file_of, kind_of

if TYPE_CHECKING:
    import numpy as np
    from accelerate import Accelerator
    from PIL.Image import Image

    from suite.inference.loading import LoadedModel

Input: TypeAlias = "str | Path | Image | np.ndarray | Mapping[str, Any]"
"""What is answered: a path or a text, or a picture or a sound in memory."""
Lend = Callable[[Callable[..., Any]], Callable[..., Any]]
LATEST = "latest"
"""Stands for the newest finished run."""
_LOADING = threading.RLock()
"""Held while a model is loaded, one at a time in a process: packages of transformers and diffusers put another module
in their place as they are imported, and a thread that imports one meanwhile is left with the first, empty one."""


class Predictor:
    """A task with a model: loaded at the first question, safe to ask from several threads.

    `source` is a finished run's folder or name, "latest" for the newest trained one in the config's output folder, a
    model folder or a hub id. Empty takes the newest run too, and where there is none, or where the domain's starter is
    for general use, the starter. The choice is made once. A model on the hub that `suite push` made answers with the
    settings it was pushed with. `lent` wraps what needs the device, where a call lends one (`suite.web.zerogpu`).
    """

    task: Task
    """Domain and options as asked for; once the model is loaded, with the options it was trained with below them."""
    source: str
    """The model as it was given; empty for the newest run or the starter."""

    def __init__(self, task: Task, source: str = "", *, lent: Lend = lambda function: function) -> None:
        self.task, self.source = task, source
        self._lent, self._answer, self._stream = lent, lent(self._answers), lent(self._streamed)
        self._loaded: LoadedModel | None = None

    @cached_property
    def run(self) -> Run | None:
        """The finished run whose model answers, if it is one. Raises `SuiteError` for "latest" where there is none."""
        if not self.source:
            return default_run(self.task)
        return finished_run(LATEST, self.task) if self.source == LATEST else _run_called(self.source, self.task)

    @property
    def name(self) -> str:
        """What answers, as messages and files call it: a run's name, or that of a model."""
        asked = self.source or self.task.config.model
        return self.run.name if self.run else asked or self.task.domain.starter.answering

    @property
    def model(self) -> Model:
        """The model in eval mode, loaded and checked against its golden samples on first use."""
        return self._load().model

    @property
    def accelerator(self) -> Accelerator:
        """Device and precision the answers are made with."""
        return self._load().accelerator

    def __call__(self, examples: Sequence[Example], *, model: Model | None = None) -> list[Prediction]:
        """Predictions for `examples` (from `inputs`), in order; by `model` where one made of the loaded answers."""
        self._load()  # before a device is lent
        predictions = self._answer(examples, model)
        self._tell(examples, predictions)
        return predictions

    def batches(self, examples: Sequence[Example]) -> Iterator[list[Prediction]]:
        """The same in parts, each as soon as it is made."""
        answered = 0
        for predictions in self._load().batches(examples):
            self._tell(examples, predictions, answered)
            answered += len(predictions)
            yield predictions

    def stream(self, examples: Sequence[Example]) -> Generator[list[Prediction], None, None]:
        """Predictions for `examples` while they grow; the last piece is what a call gives.

        Where the model does not stream, each batch is a piece. Closing the generator ends the work.
        """
        self._load()  # before a device is lent
        piece: list[Prediction] = []
        with closing(self._stream(examples)) as pieces:
            for piece in pieces:
                yield piece
        self._tell(examples, piece)  # a stream that its reader closed has answered nothing

    def inputs(self, argument: Input) -> list[Example]:
        """Examples from one argument of `predict`: a path, perhaps text; or a picture or sound held in memory.

        A picture is one of Pillow's or an array, (height, width) or (height, width, 3 or 4), of uint8; a sound a dict
        of `array`, floats (n,), and `sampling_rate`. It is answered as its file would be, which lies in a temporary
        folder as long as the predictor is there. Raises `SuiteError` if it can't be read.
        """
        return self.model.inputs(str(argument) if isinstance(argument, str | Path) else self._file(argument))

    def answer(self, argument: Input) -> list[Prediction]:
        """Predictions for one argument of `predict`, as `inputs` takes it. Raises `SuiteError` if it can't be read."""
        return self(self.inputs(argument))

    def describe(self) -> str:
        """One line of Markdown: which model answers."""
        if run := self.run:
            return f"Fine-tuned in run **{run.name}**."
        starter = self.task.domain.starter
        name = self.source or starter.answering
        tuned = f"fine-tuned beforehand on {starter.data}" if name == starter.tuned else "not fine-tuned"
        return f"**{name}**, {tuned}."

    def _file(self, value: Any) -> str:
        """The file of what is held in memory, named after its content: what is given twice is there once."""
        kinds: set[str] = {column.kind for column in self.task.columns}
        try:
            content, ending = file_of(value, kind_of(value, kinds, self.task.domain.title))
        except ValueError as error:
            raise SuiteError(f"This input cannot be read: {error}.") from None
        path = Path(self._held.name) / f"{hashlib.sha256(content).hexdigest()[:16]}{ending}"
        if not path.is_file():
            path.write_bytes(content)
        return str(path)

    @cached_property
    def _held(self) -> TemporaryDirectory[str]:
        return TemporaryDirectory(prefix="suite-")

    def _unasked(self) -> str:
        """What took the place of a model that nobody named."""
        if self.run:
            return f" It is the newest finished run of {self.task.domain.name} in {self.task.config.output}."
        newest = newest_run(self.task)
        return f" To have run {newest.name} answer, name it, or say latest." if newest else ""

    def _answers(self, examples: Sequence[Example], model: Model | None) -> list[Prediction]:
        loaded = self._load() if model is None else replace(self._load(), model=model)
        return [prediction for predictions in loaded.batches(examples) for prediction in predictions]

    def _tell(self, examples: Sequence[Example], predictions: Sequence[Prediction], first: int = 0) -> None:
        """Tells plugins what was answered, from the `first` example on; in this process, whatever lent the device."""
        observers = load_plugins().observers
        if not observers.hears("suite_question_answered"):
            return  # a million examples need not be made once more
        for index, prediction in enumerate(predictions, start=first):
            asked = {"domain": self.task.domain.name, "model": self.name, "question": examples[index]}
            observers.tell("suite_question_answered", **asked, answer=prediction)

    def _streamed(self, examples: Sequence[Example]) -> Generator[list[Prediction], None, None]:
        yield from self._load().stream(examples)

    def _load(self) -> LoadedModel:
        if self._loaded is None:
            with _LOADING:
                if self._loaded is None:
                    loaded = self._load_now()
                    self.task, self._loaded = loaded.task, loaded
        return self._loaded

    def _load_now(self) -> LoadedModel:
        from suite.inference.loading import load_run, load_source  # torch: a demo's page is built without it

        task, run = self.task, self.run
        say(f"Answering: {self.describe().replace('**', '')}{'' if self.source else self._unasked()}")
        if run is None:
            return load_source(self.source or task.config.model or task.domain.starter.answering, task)
        _check_finished(run, task.domain)
        own = read_config(run, task.domain).model_copy(update=permissions(dict(task.config)))
        return load_run(run, replace(task, config=own), task.config, lent=self._lent)


def default_run(task: Task) -> Run | None:
    """The run that answers where no model is named: the newest, unless the domain's starter is for general use."""
    return None if task.domain.general else newest_run(task)


def newest_run(task: Task) -> Run | None:
    """The newest finished run of a domain below its config's output folder; a copy is taken only if it is named."""
    return _newest_trained(task.config.output, task.domain.name)


def latest_run(root: Path, domain: str | None = None) -> Run:
    """The newest finished run below `root` that was trained, where none is finished the newest at all.

    Raises `SuiteError` where there is no run, or there are copies alone: one of these is taken only if it is named.
    """
    run = _newest_trained(root, domain) or Run.open("latest", root, domain)
    if run.copy_of:
        raise SuiteError(f"In {root} are copies alone, no run that was trained; to take {run.path.name}, name it.")
    say(f"Taking the newest run: {run.path}.")
    return run


def _newest_trained(root: Path, domain: str | None) -> Run | None:
    runs = [run for run in list_runs(root) if domain in (None, run.domain) and not run.copy_of]
    return next((run for run in reversed(runs) if run.state() == "finished"), None)


def read_config(run: Run, domain: Domain, changes: Mapping[str, Any] = MappingProxyType({})) -> Any:
    """The config a run was made with, and `changes` above it. Raises `SuiteError` for one that won't do."""
    return domain.Config.build(domain.Config.from_file(run.path / "config.yaml"), changes)


def permissions(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What is permitted among the options `asked`: settings come with a model from the hub, permissions never do."""
    return {name: value for name, value in asked.items() if name.startswith(PERMISSION) and value}


def finished_run(reference: str, task: Task) -> Run:
    """The named run of the task's domain, or for "latest" the newest finished one, below the config's output folder.

    It may be one that was pushed to the hub (`owner/name`). Raises `SuiteError` if there is none with a model.
    """
    root, domain = task.config.output, task.domain
    if reference == LATEST:
        run = latest_run(root, domain.name)
    else:
        run = _pushed_run(reference, task) or Run.open(reference, root, domain.name)
    _check_finished(run, domain)
    return run


def _pushed_run(reference: str, task: Task) -> Run | None:
    """What a run's name cannot be is one on the hub: `owner/name`, no folder here, and no starter's name."""
    if reference.count("/") != 1 or (Path(reference) / "status.json").is_file():
        return None
    if Path(reference).parent.is_dir() and not Path(reference).is_dir():
        return None
    run = _run_called(reference, task)
    if run is None:
        raise SuiteError(f"{reference} is no run of Suite: it was not pushed by 'suite push', so give it to --model.")
    return run


def _run_called(source: str, task: Task) -> Run | None:
    """The run behind a model's name: its folder or name, or what was pushed; None for a model that is no run's."""
    if (Path(source) / "status.json").is_file():
        return Run(Path(source))
    if not Path(source).exists():
        for run in list_runs(task.config.output):
            if run.path.name == source:
                return run
    starters = {asset.name for asset in task.domain.starter.assets}
    return None if source.partition("@")[0] in starters else open_hub_run(source, task.domain)


def _check_finished(run: Run, domain: Domain) -> None:
    """Raises `SuiteError` for another domain's run, or one without a model."""
    if run.domain != domain.name:
        raise SuiteError(f"{run.path} is a run of {run.domain}, not of {domain.name}.")
    if not run.model.is_dir():
        raise SuiteError(
            f"{run.path} has no model yet: it is {run.state()}. Finish it with: "
            f"suite {run.domain} train --resume {run.path}"
        )
