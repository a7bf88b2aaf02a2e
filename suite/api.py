"""The commands as functions, for notebooks and scripts: `train`, `evaluate`, `load`, `predict`.

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
from typing import TYPE_CHECKING, Any, TypeAlias

from suite.errors import SuiteError, unknown

if TYPE_CHECKING:
    from suite.domain.base import Domain
    from suite.domain.vocabulary import Prediction
    from suite.inference.predictor import Predictor
    from suite.runs import Run

Reference: TypeAlias = "Run | Path | str"
"""A run, its folder, its name in the folder of runs, or a domain's name."""
RUNS = Path("runs")


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


def train(domain: str, /, *, resume: Reference = "", config: str | Path = "", **options: Any) -> Run:
    """Fine-tunes on `data`, or on the domain's starter, and returns the finished, evaluated run.

    `options` are those of `suite DOMAIN options`, such as `data="calls/"` or `max_steps=50`; they rank above those
    of the YAML file `config`. `resume` goes on with a stopped run, or with "latest".

    Raises `SuiteError` for what can be mended, and `KeyboardInterrupt` after Ctrl-C (in a notebook: interrupt) or
    SIGTERM, when the checkpoint is written. Signals reach the main thread only: called from another one,
    it runs to its end.
    """
    from suite.plugins.loader import load_plugins
    from suite.runs import Run
    from suite.signals import Stopped
    from suite.training.train import train as train_run

    cls = load_plugins().domain(domain)
    layers = [cls.Config.from_file(Path(config)) if config else {}, options]
    chosen, stopped_run = planned(cls, layers, resume.path if isinstance(resume, Run) else resume)
    try:
        return train_run(chosen, stopped_run)
    except Stopped as stopped:
        raise KeyboardInterrupt(f"{stopped}; train({domain!r}, resume='latest') goes on.") from None


def evaluate(
    run: Reference,
    /,
    *,
    domain: str = "",
    data: str | Sequence[str] = (),
    slice_by: str = "",
    output: str | Path = RUNS,
    **options: Any,
) -> Evaluation:
    """Scores a finished run on its test split, beside the pretrained model and the baselines; keeps the result in it.

    A domain's name stands for its newest finished run below `output`. `domain` says what a model is for that was pushed
    to the hub: `evaluate("owner/name", domain="weather")`; one whose data stayed at home is evaluated by the command
    alone, with `--set data=…`. `data` are further data sets to score, instead of the config's `also_evaluate`;
    `slice_by` a column whose every value gets metrics of its own. `options` are those of `evaluate --set`: how it
    answers, such as a permission; never which rows are scored. Raises `SuiteError`.
    """
    from suite.inference.predictor import finished_run

    cls, source = _found(run, domain, Path(output))
    opened = finished_run(source or "latest", Path(output), cls())
    return evaluated(opened, cls, [data] if isinstance(data, str) else data, slice_by, options)


def evaluated(
    run: Run, cls: type[Domain], data: Sequence[str], slice_by: str, options: Mapping[str, Any]
) -> Evaluation:
    """The same of an opened run. Raises `SuiteError` for an option that won't do."""
    from suite.assets.asset import LOCAL
    from suite.evaluation.evaluate import evaluate as evaluate_run
    from suite.evaluation.report import render
    from suite.inference.predictor import permissions, read_config

    checked = cls.Config.build(options)
    asked = {name: getattr(checked, name) for name in options}
    own = read_config(run, cls())
    stayed = ("data", "columns") if own.data.startswith(LOCAL) else ()
    here = {name: asked[name] for name in stayed if name in asked}
    domain = cls(own.model_copy(update=permissions(asked) | here))
    found = evaluate_run(run, domain, slice_by=slice_by, references=list(data) or None, asked=asked)
    return Evaluation(found, render(domain, found))


def load(model: Reference, /, *, domain: str = "", **options: Any) -> Predictor:
    """A model that answers, loaded and checked against the golden samples stored with it.

    A domain's name stands for its newest finished run, or its starter where there is none. `domain` says what a model
    folder or a hub id is for: `load("owner/name", domain="weather")`. `options` are those of `predict --set`, and
    `output`, the folder of runs. Raises `SuiteError`, for an unknown name with those that are known.

    `predict(model, inputs)` takes what the command takes: paths or texts. `model(examples)` takes examples without
    their reference, as the domain's `inputs` makes them.
    """
    from suite.inference.predictor import Predictor

    cls, source = _found(model, domain, Path(options.get("output", RUNS)))
    predictor = Predictor(cls(cls.Config.build(options)), source)
    _ = predictor.model  # now, so that what is wrong with it is said here
    return predictor


def predict(model: Predictor | Reference, /, inputs: str | Path | Sequence[str | Path]) -> list[Prediction]:
    """Answers for files or texts, as `suite DOMAIN predict --format json` prints them: dicts with "input" first.

    One input may have several answers, such as one for each row of a table. `model` is what `load` returns, or what it
    takes. Raises `SuiteError` for the first input that can't be answered.
    """
    from suite.inference.predictor import Predictor

    predictor = model if isinstance(model, Predictor) else load(model)
    asked = [inputs] if isinstance(inputs, str | Path) else inputs
    return [{"input": str(one), **found} for one in asked for found in predictor.answer(str(one))]


def planned(
    cls: type[Domain], layers: Sequence[Mapping[str, Any]], resume: str | Path = ""
) -> tuple[Domain, Run | None]:
    """The domain with its config, and the run to go on with if `resume` names one, which keeps its own config.

    Raises `SuiteError` for an option that won't do, and for any but `output` where a run is gone on with.
    """
    from suite.inference.predictor import read_config

    if not resume:
        return cls(cls.Config.build(*layers)), None
    run = _stopped(cls, str(resume), layers)
    return cls(read_config(run, cls())), run


def _stopped(cls: type[Domain], reference: str, layers: Sequence[Mapping[str, Any]]) -> Run:
    from suite.runs import Run, newest_unfinished

    given = {key for layer in layers for key in layer} - {"output"}
    if given:
        raise SuiteError(f"A resumed run goes on with its own config; leave out {', '.join(sorted(given))}.")
    root = Path(layers[-1].get("output", cls.Config().output))
    if reference == "latest":
        stopped = newest_unfinished(root, cls.name)
        if not stopped:
            raise SuiteError(f"No unfinished run of {cls.name} in {root}; 'suite runs list' shows what there is.")
        return stopped
    return Run.open(reference, root, cls.name)


def _found(reference: Reference, domain: str, root: Path) -> tuple[type[Domain], str]:
    """The domain of what is named, and its folder or hub id; "" where the domain alone is named."""
    from suite.plugins.loader import load_plugins
    from suite.runs import Run, list_runs

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
