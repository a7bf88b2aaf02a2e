"""The commands as functions, for notebooks and scripts: `check`, `train`, `evaluate`, `load`, `predict`.

    from suite import evaluate, load, predict, train

    run = train("weather", max_steps=50)
    print(evaluate(run))
    print(predict(load(run), ["monday.csv"]))

They do what `suite DOMAIN train` and so on do, with the same functions; nothing here ends the process. A user's mistake
raises `SuiteError` with the sentence that the command prints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from suite.accelerator import make_accelerator
from suite.assets.asset import LOCAL
from suite.data.checks import write_rejected
from suite.data.given import reference, references
from suite.data.load import CheckedData, sizes
from suite.domain.description import Domain, Task
from suite.domain.vocabulary import Prediction, Splits
from suite.errors import SuiteError, unknown
from suite.evaluation.evaluate import evaluate as write_evaluation
from suite.evaluation.evaluate import tell_scores
from suite.evaluation.report import render
from suite.inference.answering import answers, groups
from suite.inference.predictor import Input, Predictor, finished_run, permissions, read_config
from suite.plugins.loader import load_plugins
from suite.runs import Run, list_runs, newest_unfinished
from suite.signals import Stopped
from suite.training.again import begun_before
from suite.training.ready import rehearsed
from suite.training.train import train as train_run

Reference: TypeAlias = Run | Path | str
"""A run, its folder, its name in the folder of runs, or a domain's name."""
RUNS = Path("runs")


class Check(dict[str, Any]):
    """What `suite DOMAIN data check --format json` prints: counts, findings, rejected rows, sizes of the splits, and
    why a training would refuse the data, None where it takes them. Printing it shows what the command shows.
    """

    def __init__(self, content: Mapping[str, Any], text: str, error: SuiteError | None) -> None:
        super().__init__(content)
        self.text, self.error = text, error

    def __str__(self) -> str:
        return "\n".join(filter(None, [self.text, str(self.error or "")]))


class Evaluation(dict[str, Any]):
    """What `evaluation.json` holds: for each data set its systems, metrics, intervals and differences.

    `evaluation["test"]["systems"]["fine-tuned"]["accuracy"]["value"]` is a number; printing it shows the tables
    that the command shows.
    """

    def __init__(self, result: Mapping[str, Any], text: str) -> None:
        super().__init__(result)
        self.text = text

    def __str__(self) -> str:
        return self.text


def check(domain: str, /, *, config: str | Path = "", **options: Any) -> Check:
    """Looks at `data`, rows as in `train` included: what is wrong with them, and whether a training would take them.

    It goes the way of a training as far as its first step, with the same options, and writes no run. Data that would be
    refused raise nothing: `check(…)["refused"]` says why. Raises `SuiteError` for options that won't do.
    """
    described: Domain = load_plugins().domain(domain)
    return check_task(described.task(*_layers(described, config, options)))


def check_task(task: Task, rejected: Path | None = None) -> Check:
    """The same of a task; `rejected` is where the rows that are left out are written."""
    seen: dict[str, Any] = {}

    def note(checked: CheckedData, splits: Splits | None) -> None:
        seen.update(data=checked, splits=splits)
        if rejected:
            write_rejected(checked.report, rejected)

    refused: SuiteError | None = None
    try:
        rehearsed(task, make_accelerator(task.config), 1, note)
    except SuiteError as error:
        refused = error
    report, splits = seen["data"].report if seen else None, seen.get("splits")
    lines = [report.render()] if report else []
    lines += [f"Splits: {sizes(splits)}."] if splits else []
    lines += [] if refused else ["A training would take these data: its first step was tried and thrown away."]
    content = {
        **(report.to_json() if report else {}),
        "splits": splits and {name: len(rows) for name, rows in splits.items()},
        "refused": None if refused is None else str(refused),
    }
    return Check(content, "\n".join(lines), refused)


def train(
    domain: str,
    /,
    *,
    resume: Reference = "",
    config: str | Path = "",
    force: bool = False,
    callbacks: Sequence[str | object] | None = None,
    **options: Any,
) -> Run:
    """Fine-tunes on `data`, or on the domain's starter, and returns the finished, evaluated run.

    `options` are those of `suite DOMAIN options`, such as `data="calls/"` or `max_steps=50`; they rank above those
    of the YAML file `config`. `data` may also be rows: a DataFrame, a `datasets.Dataset` or `DatasetDict`, a list of
    dicts. They are kept in a file below `output`, files that they name included, so that the run can be resumed and
    evaluated. `resume` goes on with a stopped run, or with "latest"; with `force` it takes the run from a process that
    seems to be alive. `callbacks` are names, as in the config, and objects whose methods are hooks, such as
    `suite_steps_logged`; they take the place of those that would watch unasked. What a Slurm job or a container began
    is gone on with unasked when that is started again.

    Raises `SuiteError` for what can be mended, and `KeyboardInterrupt` after Ctrl-C (in a notebook: interrupt) or
    SIGTERM, when the checkpoint is written. Signals reach the main thread only: called from another one,
    it runs to its end.
    """
    described: Domain = load_plugins().domain(domain)
    watching: list[object] = []
    if isinstance(callbacks, list | tuple):
        watching = [each for each in callbacks if not isinstance(each, str)]
        options["callbacks"] = [each for each in callbacks if isinstance(each, str)]
    elif callbacks is not None:
        options["callbacks"] = callbacks  # which says what it must be
    layers = _layers(described, config, options, keep=not resume)
    task, stopped_run = planned(described, layers, resume.path if isinstance(resume, Run) else resume)
    if stopped_run is None and (stopped_run := begun_before(task)):
        task = Task(described, read_config(stopped_run, described))
    try:
        return train_run(task, stopped_run, force=force, watching=watching)
    except Stopped as stopped:
        raise KeyboardInterrupt(f"{stopped}; train({domain!r}, resume='latest') goes on.") from None


def evaluate(
    run: Reference,
    /,
    *,
    domain: str = "",
    data: Any = (),
    slice_by: str = "",
    output: str | Path = RUNS,
    **options: Any,
) -> Evaluation:
    """Scores a finished run on its test split, beside the pretrained model and the baselines; keeps the result in it.

    A domain's name stands for its newest finished run below `output`. `domain` says what a model is for that was pushed
    to the hub: `evaluate("owner/name", domain="weather")`; one whose data stayed at home is evaluated by the command
    alone, with `--set data=…`. `data` are further data sets to score, instead of the config's `also_evaluate`: a
    reference, rows as in `train`, or a list of several. `slice_by` is a column whose every value gets metrics of its
    own. `options` are those of `evaluate --set`: how it answers, such as a permission; never which rows are scored.
    Raises `SuiteError`.
    """
    described, source = _domain_of(run, domain, Path(output))
    chosen = finished_run(source or "latest", described.task(output=output))
    beside = {"output": chosen.path.parent.parent}
    own = Task(described, read_config(chosen, described).model_copy(update=beside))
    further = references(data, own) if isinstance(data, str | Path) or len(data) else []
    return evaluate_run(chosen, described, further, slice_by, options)


def evaluate_run(
    run: Run, domain: Domain, data: Sequence[str], slice_by: str, options: Mapping[str, Any]
) -> Evaluation:
    """The same of an opened run of `domain`. Raises `SuiteError` for an option that won't do."""
    checked = domain.Config.build(options)
    asked = {name: getattr(checked, name) for name in options}
    own = read_config(run, domain)
    stayed = ("data", "columns") if own.data.startswith(LOCAL) else ()
    here = {name: asked[name] for name in stayed if name in asked}
    task = Task(domain, own.model_copy(update=permissions(asked) | here))
    evaluation = write_evaluation(run, task, slice_by=slice_by, references=list(data) or None, asked=asked)
    tell_scores(load_plugins().observers, run, evaluation)
    return Evaluation(evaluation, render(domain, evaluation))


def load(model: Reference, /, *, domain: str = "", **options: Any) -> Predictor:
    """A model that answers, loaded and checked against the golden samples stored with it.

    A domain's name stands for its newest finished run, or its starter where there is none. `domain` says what a model
    folder or a hub id is for: `load("owner/name", domain="weather")`. `options` are those of `predict --set`, and
    `output`, the folder of runs. Raises `SuiteError`, for an unknown name with those that are known.

    `predict(model, inputs)` takes what the command takes: paths or texts. `model(examples)` takes examples without
    their reference, as `model.inputs` makes them.
    """
    described, source = _domain_of(model, domain, Path(options.get("output", RUNS)))
    predictor = Predictor(described.task(options), source)
    _ = predictor.model  # now, so that what is wrong with it is said here
    return predictor


def predict(model: Predictor | Reference, /, inputs: Input | Sequence[Input]) -> list[Prediction]:
    """Answers for files or texts, as `suite DOMAIN predict --format json` prints them: dicts with "input" first.

    An input may also be a picture or a sound in memory (`Predictor.inputs`), which is called by its place among the
    inputs: "picture 1". One input may have several answers, such as one for each row of a table. `model` is what `load`
    returns, or what it takes. Raises `SuiteError` for the first input that can't be answered.
    """
    predictor = model if isinstance(model, Predictor) else load(model)
    given: list[Any] = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    return [
        {"input": name, **prediction}
        for group in groups(predictor, given)
        for name, predictions in answers(predictor, group)
        for prediction in predictions
    ]


def planned(domain: Domain, layers: Sequence[Mapping[str, Any]], resume: str | Path = "") -> tuple[Task, Run | None]:
    """What is to be trained, and the run to go on with if `resume` names one, which keeps its own config.

    Raises `SuiteError` for an option that won't do, and where a run is gone on with, for any but `output`, where the
    run is, and those that change no weight (`TrainConfig.changeable`).
    """
    if not resume:
        return domain.task(*layers), None
    given = {key: value for layer in layers for key, value in layer.items()}
    root = Path(given.pop("output", domain.Config().output))
    if fixed := sorted(set(given) - domain.Config.changeable):
        raise SuiteError(
            f"A resumed run goes on with its own config; leave out {', '.join(fixed)}. What can be given anew: "
            f"{', '.join(sorted(domain.Config.changeable))}."
        )
    run = _stopped_run(domain, str(resume), root)
    return Task(domain, read_config(run, domain, given)), run


def _layers(
    domain: Domain, config: str | Path, options: Mapping[str, Any], *, keep: bool = True
) -> list[Mapping[str, Any]]:
    """The options of the YAML file and those above them, in which rows became references where they are to be kept."""
    layers = [domain.Config.from_file(Path(config)) if config else {}, options]
    named = {name: options[name] for name in ("data", "also_evaluate") if name in options}
    if not keep or not named:
        return layers
    task = domain.task(*({key: value for key, value in layer.items() if key not in named} for layer in layers))
    made: dict[str, Any] = {"data": reference(named["data"], task)} if "data" in named else {}
    further = named.get("also_evaluate", ())
    made |= {"also_evaluate": references(further, task) if len(further) else []} if "also_evaluate" in named else {}
    return [*layers, made]


def _stopped_run(domain: Domain, reference: str, root: Path) -> Run:
    if reference == "latest":
        stopped = newest_unfinished(root, domain.name)
        if not stopped:
            raise SuiteError(f"No unfinished run of {domain.name} in {root}; 'suite runs list' shows what there is.")
        return stopped
    return Run.open(reference, root, domain.name)


def _domain_of(reference: Reference, domain: str, root: Path) -> tuple[Domain, str]:
    """The domain of what is named, and its folder or hub id; "" where the domain alone is named."""
    plugins = load_plugins()
    name = str(reference.path if isinstance(reference, Run) else reference)
    runs = {run.path.name: run for run in list_runs(root)}
    if run := Run(Path(name)) if (Path(name) / "status.json").is_file() else runs.get(name):
        return plugins.domain(domain or run.domain), str(run.path)
    if domain or name in plugins.domains or ("suite_domains", name) in plugins.clashes:
        return plugins.domain(domain or name), name if domain else ""
    if "/" in name or Path(name).exists():
        known = ", ".join(sorted(plugins.domains))
        raise SuiteError(f"{name!r} is no run; for a model folder or a hub id say domain=…, one of {known}.")
    raise unknown("run or domain", name, [*plugins.domains, *runs])
