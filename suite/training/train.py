"""A whole run: data in, model out, scored and described. The loop itself is in `loop.py`."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from datasets import Dataset

from suite.accelerator import make_accelerator, promise, reproducible
from suite.assets.asset import cache_dir
from suite.console import duration, say, warn
from suite.data.checks import write_rejected
from suite.data.load import CheckedData, load_further, load_splits, sizes
from suite.domain.description import Task
from suite.domain.parts import Model, overrides
from suite.domain.vocabulary import Splits
from suite.errors import SuiteError, afterwards, logged
from suite.evaluation.card import card
from suite.evaluation.evaluate import evaluate, tell_scores
from suite.evaluation.scoring import score_examples
from suite.files import full_disk_named, write_json, write_text
from suite.inference import golden
from suite.plugins.observers import FINISHED, Observers
from suite.runs import Run
from suite.signals import Stopped
from suite.training.again import begun_by, this_job
from suite.training.callbacks import observers_of
from suite.training.environment import environment
from suite.training.loop import fit
from suite.training.ready import Ready, pinned, ready
from suite.training.weights import describe


@dataclass(frozen=True)
class _Job:
    """A run, and all it takes to carry it out."""

    task: Task
    run: Run
    splits: Splits
    further: Mapping[str, Dataset]
    """Data sets that are only scored, by their references."""
    accelerator: Accelerator
    observers: Observers
    """Nobody but in the main process."""
    resume: bool


def train(task: Task, resume: Run | None = None, *, force: bool = False, watching: Sequence[object] = ()) -> Run:
    """Runs `task` from data to evaluated model, or goes on with `resume`; returns the run.

    This process owns the run meanwhile; `force` takes `resume` from one that seems to own it. `watching` are objects
    with hooks, besides the callbacks that the config names. Raises `Stopped` after SIGTERM or Ctrl-C with a checkpoint
    written, `SuiteError` for what the user can mend.
    """
    accelerator = make_accelerator(task.config)
    observers = observers_of(task.config.callbacks, watching) if accelerator.is_main_process else Observers()
    with reproducible(task.config, accelerator.device) as repeats:
        if resume:
            _check_unfinished(resume)
            with full_disk_named(resume.path), _owning(resume, accelerator, force) as run:
                data, splits, further = _loaded(task)
                _continue(run, task, data, accelerator)
                return _carried_out(_Job(task, run, splits, further, accelerator, observers, resume=True))
        asked, task = task, replace(task, config=pinned(task, accelerator))
        data, splits, further = _loaded(task)
        with full_disk_named(task.config.output), _owning(_created(task, accelerator), accelerator) as run:
            if accelerator.is_main_process:
                _describe(run, task, data, repeats)
                begun_by(this_job(), asked, run)
            return _carried_out(_Job(task, run, splits, further, accelerator, observers, resume=False))


def _loaded(task: Task) -> tuple[CheckedData, Splits, Mapping[str, Dataset]]:
    """The data to learn from, in splits, and the further data sets."""
    return *load_splits(task), load_further(task, task.config.also_evaluate)


@contextmanager
def _owning(run: Run, accelerator: Accelerator, force: bool = False) -> Iterator[Run]:
    """The run, in the block the main process's own. The others write nothing into it."""
    if not accelerator.is_main_process:
        yield run
        return
    owned = run.owned(force=force)
    with afterwards(owned.release, f"Giving up {run.path}"):
        yield owned


def _carried_out(job: _Job) -> Run:
    """Trains, and writes down how it ended."""
    run = job.run
    try:
        # Models and pages of the cache are written besides the run, and what libraries keep for the moment.
        with full_disk_named(run.path, cache_dir(), Path(tempfile.gettempdir())):
            _train(job)
    except Stopped as stopped:
        _ended(job, "interrupted", str(stopped))
        raise
    except KeyboardInterrupt:
        _ended(job, "interrupted", "interrupted before the first checkpoint or twice")
        raise Stopped(signal.SIGINT, _last_step(run)) from None
    except Exception as error:
        changes = error.changes if isinstance(error, SuiteError) else {}
        _ended(job, "failed", f"{type(error).__name__}: {error}", changes)
        raise
    _observed(job, "finished")
    return Run(run.path)


def _train(job: _Job) -> None:
    task, accelerator = job.task, job.accelerator
    made = ready(task, job.splits, job.further, accelerator.device)
    source = task.config.model or task.domain.starter.model
    say(f"{task.domain.title}: {source}, {describe(made.model.network)}; rows: {sizes(job.splits)}")
    job.observers.note = job.run.note
    model = fit(
        task,
        made.model,
        made.examples,
        made.validation,
        run=job.run,
        accelerator=accelerator,
        observers=job.observers,
        resume=job.resume,
    )
    if accelerator.is_main_process:
        _finish(job, replace(made, model=model))
    accelerator.wait_for_everyone()


def _finish(job: _Job, trained: Ready) -> None:
    """Calibrates and saves the model, proves that the saved one answers alike, evaluates it, writes the card."""
    task, run, accelerator, model = job.task, job.run, job.accelerator, trained.model
    if trained.adapters:
        trained.adapters.save(run.path / "adapter")
        model.save_adapter(trained.adapters.adapted, run.path / "adapter")
        trained.adapters.merge()
    model.network.eval()
    with torch.no_grad():
        model = model.refreshed()
    if overrides(model, "calibrate"):
        answers = score_examples(model, task.scores(model), trained.validation, accelerator, "calibrating")
        model = model.calibrate(answers.predictions, answers.references)
    save_model(model, run.model)
    golden.store(run.path / "golden", task, model, job.splits["test"], accelerator)
    run.set_status("running", stage="evaluating")
    tell_scores(job.observers, run, evaluate(run, task))
    write_text(run.path / "README.md", card(task, run))
    run.set_status("finished")
    seconds = duration(max((line.get("seconds", 0) for line in run.history()), default=0))
    say(f"Trained in {seconds}. Model: {run.model}")


def save_model(model: Model, path: Path) -> None:
    """Writes the model folder aside and renames it: a reader never sees half a model."""
    aside = path.with_name(".model")
    shutil.rmtree(aside, ignore_errors=True)
    model.save(aside)
    shutil.rmtree(path, ignore_errors=True)
    aside.rename(path)


def _created(task: Task, accelerator: Accelerator) -> Run:
    """A new run folder; every rank gets the same one."""
    shared: list[str] = [""]
    if accelerator.is_main_process:
        config, domain = task.config, task.domain
        run = Run.create(config.output, domain.name, config.name or _short_name(config.model or domain.starter.model))
        shared = [str(run.path.absolute())]
    if accelerator.num_processes > 1:
        broadcast_object_list(shared)
    if accelerator.is_main_process:
        return run
    if not Path(shared[0]).is_dir():
        raise SuiteError(
            f"{socket.gethostname()} does not see the run folder {shared[0]}: give an --output that all machines share."
        )
    return Run(Path(shared[0]))


def _describe(run: Run, task: Task, data: CheckedData, repeats: bool) -> None:
    """Writes what a new run is made from: config, environment, what was left out of the data."""
    write_text(run.path / "config.yaml", task.config.to_yaml())
    write_json(run.path / "environment.json", environment(data.fingerprint) | {"deterministic": repeats})
    write_rejected(data.report, run.path / "rejected.jsonl")
    run.set_status("running", task.domain.name)
    run.note(promise(repeats))
    say(f"Run: {run.path}")
    say(promise(repeats))


def _short_name(model: str) -> str:
    """The last part of a model's name or path, without the commit."""
    return Path(model.partition("@")[0]).name if not Path(model).exists() else Path(model).name


def _continue(run: Run, task: Task, data: CheckedData, accelerator: Accelerator) -> None:
    """Marks the run as running again, if it can go on; the main process looks, the others wait for its word."""
    if accelerator.is_main_process:
        _check_resumable(run, data)
        _write_changes(run, task)
        run.set_status("running", run.domain)
    accelerator.wait_for_everyone()


def _check_unfinished(run: Run) -> None:
    if run.state() == "finished":
        raise SuiteError(f"{run.path} is finished; start another, or give it as --model to train on from it.")


def _check_resumable(run: Run, data: CheckedData) -> None:
    """Raises `SuiteError` when its last owner finished the run before it let go, or when its data have changed."""
    _check_unfinished(run)
    before = run.environment()
    if before["data"] != data.fingerprint:
        raise SuiteError(
            f"The data of {run.path} have changed since it began, so that it cannot go on exactly. Put them back, or "
            f"start a new run from its config: suite {run.domain} train --config {run.path / 'config.yaml'}"
        )
    now = environment(data.fingerprint)
    for name, version in before["packages"].items():
        if now["packages"].get(name) != version:
            warn(
                f"{name} was {version} when the run began and is {now['packages'].get(name)}: not exactly the same run."
            )


def _write_changes(run: Run, task: Task) -> None:
    """Keeps the options that the run is given anew in its config, and in its log what they were."""
    path = run.path / "config.yaml"
    before, after = task.domain.Config.from_file(path), task.config.model_dump(mode="json")
    changed = [name for name in after if after[name] != before.get(name)]
    if changed:
        run.note("goes on with " + ", ".join(f"{name}={after[name]} (was {before.get(name)})" for name in changed))
        write_text(path, task.config.to_yaml())


def _ended(job: _Job, state: str, cause: str, changes: Mapping[str, Any] = MappingProxyType({})) -> None:
    """Writes down how the run ended, if that can be done: the exception that ended it is on its way to the user.

    Nothing is written into a run that another process has taken over.
    """
    run = job.run
    if not job.accelerator.is_main_process:
        return
    _observed(job, state)
    with logged(f"Noting in {run.path} how it ended"):
        if run.owner and run.owner.lost:
            return
        run.note(f"{state}: {cause}")
        run.set_status(state, cause=cause, next=_next(job.task, run, changes))


def _observed(job: _Job, state: str) -> None:
    """Tells who watched that the run is over, and keeps in it how long each of them took."""
    run, observers = job.run, job.observers
    if not job.accelerator.is_main_process:
        return
    observers.tell(FINISHED, run=run, state=state)
    with logged(f"Noting in {run.path} who watched it"):
        if run.owner and run.owner.lost:
            return
        write_json(run.path / "observers.json", observers.report())
        for sentence in observers.slow():
            say(sentence)
            run.note(sentence)


def _last_step(run: Run) -> int:
    """The last step that the run's status names; 0 where that cannot be read, for a stop is under way."""
    with logged(f"Reading the status of {run.path}"):
        return int(run.status().get("step", 0))
    return 0


def _next(task: Task, run: Run, changes: Mapping[str, Any]) -> str:
    """The command that goes on with a run; a new run of its config where `changes` would make this one another."""
    settings = [part for name, value in changes.items() for part in ("--set", f"{name}={json.dumps(value)}")]
    path = run.path.absolute()
    if set(changes) <= task.config.changeable:
        command = ["suite", run.domain, "train", "--resume", str(path), *settings]
    else:
        command = ["suite", run.domain, "train", "--config", str(path / "config.yaml"), *settings]
    return shlex.join(command)
