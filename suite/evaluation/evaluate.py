"""The table at the end of a run: fine-tuned beside pretrained beside baselines, on the same examples."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from accelerate import Accelerator
from accelerate.utils import set_seed
from datasets import Dataset

from suite.accelerator import make_accelerator, reproducible
from suite.assets.resolve import resolve_model
from suite.config import TrainConfig
from suite.console import say
from suite.data.load import CheckedData, load_further, load_splits
from suite.domain.description import Task
from suite.domain.parts import Model
from suite.domain.vocabulary import Example, Scored, Section, Splits
from suite.errors import SuiteError
from suite.evaluation.report import BEFORE, ROWS, TUNED, check_slice, strict, summarise, with_units
from suite.evaluation.scoring import score_examples, scored
from suite.files import write_json, write_text
from suite.inference import golden
from suite.inference.loading import ready
from suite.plugins.observers import Observers
from suite.runs import Run
from suite.tables.fingerprint import fingerprint

_ACTING = {*ROWS, "seed", "batch_size", "micro_batch_size"}


def evaluate(
    run: Run,
    task: Task,
    *,
    slice_by: str = "",
    references: Sequence[str] | None = None,
    asked: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Scores a finished run on its test split and on further data sets; writes and returns `evaluation.json`.

    `task` has the run's own options. `references` names the further data sets, by default those of the config's
    `also_evaluate`. `asked` are checked options that rank above the config's, once the golden samples were answered by
    the config alone; those that may change an answer are kept beside the figures. Raises `SuiteError` for options of
    training, which would change none.
    """
    _check_acting(task, asked or {})
    accelerator = make_accelerator(task.config)
    with reproducible(task.config, accelerator.device):
        return _evaluated(run, task, accelerator, slice_by, references, asked or {})


def tell_scores(observers: Observers, run: Run, result: Mapping[str, Any]) -> None:
    """Tells who watches what `evaluate` returned: each data set's metrics of the fine-tuned model, as of its last step.

    A metric without a value, such as a rate of nothing, is left out.
    """
    step = max((line.get("step", 0) for line in run.history()), default=0)
    for data, scores in result.items():
        values = {name: each["value"] for name, each in scores["systems"][TUNED].items() if each["value"] is not None}
        observers.tell("suite_evaluated", run=run, step=step, data=data, metrics=values, best=False)


def _evaluated(
    run: Run,
    task: Task,
    accelerator: Accelerator,
    slice_by: str,
    references: Sequence[str] | None,
    asked: Mapping[str, Any],
) -> dict[str, Any]:
    data, splits = load_splits(task)
    if "data" in asked:
        _check_same_data(run, data)
    config = task.config.model_copy(update=dict(asked))
    changed, answering = _changed(task.config, config), replace(task, config=config)
    _check_same_rows(task, answering, splits, asked)
    further = load_further(task, config.also_evaluate if references is None else references)
    sets: dict[str, Dataset] = {"test": splits["test"], **further}
    for rows in sets.values() if slice_by else ():
        check_slice(rows, slice_by)

    tuned = ready(task.load(run.model, None), accelerator)
    golden.check(run.path / "golden", task, tuned, accelerator)
    tuned = tuned.with_config(config)
    scores = answering.scores(tuned)
    systems: dict[str, dict[str, Scored]] = {}
    for name, examples, answers in _answers(answering, tuned, sets, accelerator, TUNED):
        systems[name] = {TUNED: with_units(answering, answers, sets[name])}
        if name == "test":
            baselines = answering.baselines(tuned, splits, examples)
    if baselines.predictions:
        say(f"Baselines: {', '.join(baselines.predictions)}.")
    answered = systems["test"][TUNED]
    systems["test"] |= {
        name: replace(scored(scores, predictions, answered.references), units=answered.units)
        for name, predictions in baselines.predictions.items()
    }
    tuned.network.to("cpu")  # a device may not hold two
    starter = task.domain.starter
    source = resolve_model(task.config.model or starter.model, starter.assets)
    known = splits.training if task.domain.needs_rows else None
    set_seed(config.seed)  # as training does: a head that is drawn is then the one that training began with
    before = ready(task.load(source, known), accelerator).with_config(config)
    for name, _, answers in _answers(answering, before, sets, accelerator, BEFORE):
        systems[name][BEFORE] = replace(answers, units=systems[name][TUNED].units)
    del before
    tuned.network.to(accelerator.device)

    result: dict[str, Any] = {}
    for name, rows in sets.items():
        settings = baselines.settings if name == "test" else None
        result[name] = summarise(answering, scores, systems[name], rows, slice_by, settings)
        result[name] |= {"options": changed} if changed else {}
        context = baselines.context if name == "test" else baselines.elsewhere
        result[name]["sections"] = _kept(run, name, answering.report(tuned, systems[name], rows, context))
    result = strict(result)
    write_json(run.path / "evaluation.json", result)
    for name in sets:
        _write_answers(run, name, systems[name])
    return result


def _answers(
    task: Task, model: Model, sets: Mapping[str, Dataset], accelerator: Accelerator, system: str
) -> Iterator[tuple[str, Sequence[Example], Scored]]:
    """Each data set as the model sees it, one after the other since each may be large, and its scored answers."""
    scores = task.scores(model)
    for name, rows in sets.items():
        examples = model.prepare(rows, "test")
        yield name, examples, score_examples(model, scores, examples, accelerator, f"{system}: {name}")


def _check_acting(task: Task, asked: Mapping[str, Any]) -> None:
    """Raises `SuiteError` for an option of training; a domain's own are its own affair."""
    names = [
        name for name in task.domain.Config.model_fields if name in _ACTING or name not in TrainConfig.model_fields
    ]
    idle = [f"{name}={value}" for name, value in asked.items() if name not in names]
    if idle:
        raise SuiteError(
            f"{', '.join(idle)} is for training and would change nothing about a trained model; leave it out. An "
            f"evaluation can be told: {', '.join(sorted(names))}."
        )


def _changed(own: TrainConfig, config: TrainConfig) -> dict[str, Any]:
    """The options that answer otherwise than the run's own."""
    before, after = own.model_dump(mode="json"), config.model_dump(mode="json")
    return {key: value for key, value in after.items() if value != before[key] and key not in ROWS}


def _check_same_data(run: Run, data: CheckedData) -> None:
    """Raises `SuiteError` where a model whose data stayed at home is given others: some may have been trained on."""
    known = run.environment()["data"]
    if data.fingerprint != known:
        raise SuiteError(
            f"{data.reference} has other data (fingerprint {data.fingerprint}) than the model was trained on "
            f"({known}); give those."
        )


def _check_same_rows(own: Task, answering: Task, splits: Splits, asked: Mapping[str, Any]) -> None:
    """Raises `SuiteError` where the options asked for would score other rows than those kept from training."""
    if answering.config == own.config:
        return
    tests = [splits["test"], load_splits(answering)[1]["test"]]
    first, second = (fingerprint(rows, own.columns) for rows in tests)
    if first != second:
        options = ", ".join(f"{name}={value}" for name, value in asked.items())
        raise SuiteError(
            f"{options} would score other rows than those that training has not seen; leave it out, and give further "
            "data with --data."
        )


def _kept(run: Run, name: str, sections: Iterable[Section]) -> list[dict[str, Any]]:
    """The sections as `evaluation.json` keeps them; their figures become files in `plots/`."""
    kept = []
    for section in sections:
        kept.append({"title": section.title, "text": section.text, "values": section.values, "quotes": section.quotes})
        if section.figure:
            plot = run.path / "plots" / f"{_slug(name)}-{_slug(section.title.lower())}.png"
            plot.parent.mkdir(exist_ok=True)
            plot.write_bytes(section.figure)
            kept[-1]["figure"] = f"plots/{plot.name}"
    return kept


def _slug(text: str) -> str:
    return "".join(c if c.isalnum() or c in "-." else "-" for c in text)


def _write_answers(run: Run, name: str, systems: dict[str, Scored]) -> None:
    """Every example's reference and answers, one JSON line each: what an error browser or a spreadsheet reads."""
    lines = []
    for index, reference in enumerate(systems[TUNED].references):
        answers = {system: scored.predictions[index] for system, scored in systems.items()}
        lines.append(json.dumps({"index": index, "reference": reference, **answers}, ensure_ascii=False, default=str))
    write_text(run.path / f"predictions-{_slug(name)}.jsonl", "".join(line + "\n" for line in lines))
