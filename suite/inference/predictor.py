"""One loaded model that answers: what `predict`, the demos and every check of a saved model use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite.assets.resolve import resolve_model
from suite.errors import SuiteError
from suite.runs import Run, list_runs

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

    from suite.domain.base import Domain
    from suite.domain.vocabulary import Example, Prediction

Lend = Callable[[Callable[..., Any]], Callable[..., Any]]
_LOADING = threading.RLock()
"""Held while a model is loaded, one at a time in a process: packages of transformers and diffusers put another module
in their place as they are imported, and a thread that imports one meanwhile is left with the first, empty one."""


class Predictor:
    """A domain with a model: loaded at the first question, safe to ask from several threads.

    `source` is a finished run's folder or name, a model folder or a hub id; empty takes the newest trained run in the
    config's output folder, and where there is none the starter. A model on the hub that `suite push` made answers with
    the settings it was pushed with. `lent` wraps what needs the device, where one is lent by the call
    (`suite.web.zero`).
    """

    domain: Domain
    """The domain that answers. Loading `model` gives it the run's config and what else belongs to the model."""
    source: str
    """The model as it was given; empty for the newest run or the starter."""

    def __init__(self, domain: Domain, source: str = "", *, lent: Lend = lambda function: function) -> None:
        self.domain, self.source = domain, source
        self._lent, self._answer = lent, lent(self._answers)
        self._model: torch.nn.Module | None = None
        self._run: Run | None = None
        self._accelerator: Accelerator | None = None

    @property
    def run(self) -> Run | None:
        """The finished run whose model answers, if it is one."""
        if not self.source:
            return newest_run(self.domain)
        if self._run is None:
            self._run = _run_called(self.source, self.domain)
        return self._run

    @property
    def model(self) -> torch.nn.Module:
        """The model in eval mode, loaded and checked against its golden samples on first use."""
        if self._model is None:
            with _LOADING:
                if self._model is None:
                    self._load()
        assert self._model is not None
        return self._model

    @property
    def accelerator(self) -> Accelerator:
        """Device and precision the answers are made with."""
        _ = self.model
        assert self._accelerator is not None
        return self._accelerator

    def __call__(self, examples: Sequence[Example]) -> list[Prediction]:
        """Predictions for `examples` (from `Domain.inputs`), in order."""
        _ = self.model  # loaded before a device is lent
        return self._answer(examples)

    def batches(self, examples: Sequence[Example]) -> Iterator[list[Prediction]]:
        """The same in parts, each as soon as it is made."""
        from suite.inference.batches import predict_batches

        model = self.model
        for *_, predictions in predict_batches(self.domain, model, examples, range(len(examples)), self.accelerator):
            yield predictions

    def _answers(self, examples: Sequence[Example]) -> list[Prediction]:
        return [prediction for part in self.batches(examples) for prediction in part]

    def answer(self, argument: str) -> list[Prediction]:
        """Predictions for one argument of `predict`: a path, perhaps text. Raises `SuiteError` if it can't be read."""
        return self(self.domain.inputs(argument))

    def describe(self) -> str:
        """One line of Markdown: which model answers."""
        if run := self.run:
            return f"Fine-tuned in run **{run.name}**."
        starter, name = self.domain.starter, self.source or self.domain.starter.answering
        tuned = f"fine-tuned beforehand on {starter.data}" if name == starter.tuned else "not fine-tuned"
        return f"**{name}**, {tuned}."

    def _load(self) -> None:
        from suite.accelerator import make_accelerator
        from suite.inference import golden

        run = self.run
        asked = self.domain.config
        if run:
            _finished(run, self.domain)
            self.domain.config = read_config(run, self.domain).model_copy(update=permissions(dict(asked)))
        accelerator = make_accelerator(self.domain.config)
        if run:
            model = self.domain.load_model(run.model, None)
        else:
            starter = self.domain.starter
            reference = self.source or self.domain.config.model or starter.answering
            known = reference == starter.tuned or not self.domain.needs_rows
            rows = None if known else self._training_rows()
            model = self.domain.load_model(resolve_model(reference, starter.assets), rows)
        model.to(accelerator.device).eval()
        if run:
            self._lent(lambda: golden.check(run.path / "golden", self.domain, model, accelerator))()
            given = {name: getattr(asked, name) for name in asked.model_fields_set}
            self.domain.config = self.domain.config.model_copy(update=given)
        self._accelerator, self._model = accelerator, model

    def _training_rows(self) -> Any:
        """A model without a run may lack labels or a catalogue: they come from the config's data, or the starter's."""
        from suite.data.load import load_splits

        return load_splits(self.domain)[1]["train"]


def newest_run(domain: Domain) -> Run | None:
    """The newest finished run of a domain below its config's output folder; a copy is taken only if it is named."""
    return _newest_trained(domain.config.output, domain.name)


def latest_run(root: Path, domain: str | None = None) -> Run:
    """The newest finished run below `root` that was trained, where none is finished the newest at all.

    Raises `SuiteError` where there is no run, or there are copies alone: one of these is taken only if it is named.
    """
    run = _newest_trained(root, domain) or Run.open("latest", root, domain)
    if run.copy_of:
        raise SuiteError(f"In {root} are copies alone, no run that was trained; to take {run.path.name}, name it.")
    return run


def _newest_trained(root: Path, domain: str | None) -> Run | None:
    runs = [run for run in list_runs(root) if domain in (None, run.domain) and not run.copy_of]
    return next((run for run in reversed(runs) if run.state() == "finished"), None)


def read_config(run: Run, domain: Domain) -> Any:
    """The config a run was made with."""
    return type(domain).Config.build(type(domain).Config.from_file(run.path / "config.yaml"))


def permissions(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What is permitted among the options `asked`: settings come with a model from the hub, permissions never do."""
    from suite.provenance.pushed import PERMISSION

    return {name: value for name, value in asked.items() if name.startswith(PERMISSION) and value}


def finished_run(reference: str, root: Path, domain: Domain) -> Run:
    """The named run, or for "latest" the newest finished one, or one that was pushed to the hub (`owner/name`).

    Raises `SuiteError` if there is none with a model.
    """
    domain.config.output = root
    if reference == "latest":
        run = latest_run(root, domain.name)
    else:
        run = _pushed_run(reference, domain) or Run.open(reference, root, domain.name)
    _finished(run, domain)
    return run


def _pushed_run(reference: str, domain: Domain) -> Run | None:
    """What a run's name cannot be is one on the hub: `owner/name`, no folder here, and no starter's name."""
    if reference.count("/") != 1 or (Path(reference) / "status.json").is_file():
        return None
    if Path(reference).parent.is_dir() and not Path(reference).is_dir():
        return None
    run = _run_called(reference, domain)
    if run is None:
        raise SuiteError(f"{reference} is no run of Suite: it was not pushed by 'suite push', so give it to --model.")
    return run


def _run_called(source: str, domain: Domain) -> Run | None:
    """The run behind a model's name: its folder or name, or what was pushed; None for a model that is no run's."""
    if (Path(source) / "status.json").is_file():
        return Run(Path(source))
    if not Path(source).exists():
        for run in list_runs(domain.config.output):
            if run.path.name == source:
                return run
    from suite.provenance.pushed import opened

    starters = {asset.name for asset in domain.starter.assets}
    return None if source.partition("@")[0] in starters else opened(source, domain)


def _finished(run: Run, domain: Domain) -> None:
    if run.domain != domain.name:
        raise SuiteError(f"{run.path} is a run of {run.domain}, not of {domain.name}.")
    if not run.model.is_dir():
        raise SuiteError(
            f"{run.path} has no model yet: it is {run.state()}. Finish it with: "
            f"suite {run.domain} train --resume {run.path}"
        )
