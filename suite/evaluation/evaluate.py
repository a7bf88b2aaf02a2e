"""The table at the end of a run: fine-tuned beside pretrained beside baselines, on the same examples."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from datasets import Dataset

from suite.accelerator import make_accelerator
from suite.assets.resolve import resolve_model
from suite.config import TrainConfig
from suite.console import say
from suite.data.load import Loaded, load_splits, load_test_rows
from suite.domain.base import Domain
from suite.domain.vocabulary import Scored, Section, Splits
from suite.errors import SuiteError
from suite.evaluation.report import BEFORE, ROWS, TUNED, strict, summarise
from suite.evaluation.scoring import score_examples, scored
from suite.files import write_json, write_text
from suite.inference import golden
from suite.runs import Run
from suite.tables.fingerprint import fingerprint

_ACTING = {*ROWS, "seed", "batch_size", "micro_batch_size"}


def evaluate(
    run: Run,
    domain: Domain,
    *,
    slice_by: str = "",
    references: Sequence[str] | None = None,
    asked: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Scores a finished run on its test split and on further data sets; writes and returns `evaluation.json`.

    `references` names the further data sets, by default those of the config's `also_evaluate`. `asked` are checked
    options that rank above the config's, once the golden samples were answered by the config alone; those that may
    change an answer are kept beside the figures. Raises `SuiteError` for options of training, which would change none.
    """
    _acting(domain, asked or {})
    accelerator = make_accelerator(domain.config)
    loaded, splits = load_splits(domain)
    if "data" in (asked or {}):
        _same_data(run, loaded)
    config = domain.config.model_copy(update=dict(asked or {}))
    base, changed = domain.config.model or domain.starter.model, _changed(domain.config, config)
    _same_rows(domain, type(domain)(config), splits, asked or {})
    sets: dict[str, Dataset] = {"test": splits["test"]}
    for reference in config.also_evaluate if references is None else references:
        sets[reference] = load_test_rows(domain, reference)
    systems = {TUNED: domain, BEFORE: type(domain)(domain.config)}
    found: dict[str, dict[str, Scored]] = {name: {} for name in sets}
    for system, its_domain in systems.items():
        if system == TUNED:
            model = its_domain.load_model(run.model, None)
        else:
            source = resolve_model(base, domain.starter.assets)
            model = its_domain.load_model(source, splits["train"])
        model.to(accelerator.device).eval()
        if system == TUNED:
            golden.check(run.path / "golden", its_domain, model, accelerator)
        its_domain.config = config
        for name, rows in sets.items():
            examples = its_domain.prepare(rows, model, training=False)
            found[name][system] = score_examples(its_domain, model, examples, accelerator, f"{system}: {name}")
        if system == TUNED:
            found["test"] |= _baselines(domain, splits, domain.prepare(splits["test"], model, training=False))
        del model
    result = {name: summarise(domain, found[name], sets[name], slice_by) for name in sets}
    for name in sets:
        result[name] |= {"options": changed} if changed else {}
        result[name]["sections"] = _kept(run, name, domain.analyse(found[name], sets[name]))
    result = strict(result)
    write_json(run.path / "evaluation.json", result)
    for name, answers in found.items():
        _write_answers(run, name, answers)
    return result


def _acting(domain: Domain, asked: Mapping[str, Any]) -> None:
    """Raises `SuiteError` for an option of training; a domain's own are its own affair."""
    names = [
        name for name in type(domain).Config.model_fields if name in _ACTING or name not in TrainConfig.model_fields
    ]
    idle = [f"{name}={value}" for name, value in asked.items() if name not in names]
    if idle:
        raise SuiteError(
            f"{', '.join(idle)} is for training and would change nothing about a trained model; leave it out. An "
            f"evaluation can be told: {', '.join(sorted(names))}."
        )


def _changed(own: TrainConfig, config: TrainConfig) -> dict[str, Any]:
    """The options that answer otherwise than the run's own."""
    given, others = (one.model_dump(mode="json") for one in (own, config))
    return {key: value for key, value in others.items() if value != given[key] and key not in ROWS}


def _same_data(run: Run, loaded: Loaded) -> None:
    """Raises `SuiteError` where a model whose data stayed at home is given others: some may have been trained on."""
    known = json.loads((run.path / "environment.json").read_text())["data"]
    if loaded.fingerprint != known:
        raise SuiteError(
            f"{loaded.reference} has other data (fingerprint {loaded.fingerprint}) than the model was trained on "
            f"({known}); give those."
        )


def _same_rows(domain: Domain, other: Domain, splits: Splits, asked: Mapping[str, Any]) -> None:
    """Raises `SuiteError` where the options asked for would score other rows than those kept from training."""
    if other.config == domain.config:
        return
    tests = [splits["test"], load_splits(other)[1]["test"]]
    first, second = (fingerprint(rows, domain.columns) for rows in tests)
    if first != second:
        told = ", ".join(f"{name}={value}" for name, value in asked.items())
        raise SuiteError(
            f"{told} would score other rows than those that training has not seen; leave it out, and give further data "
            "with --data."
        )


def _baselines(domain: Domain, splits: Splits, examples: Sequence[Any]) -> dict[str, Scored]:
    answers = domain.baselines(splits, examples)
    if answers:
        say(f"Baselines: {', '.join(answers)}.")
    references = [domain.reference(examples[index]) for index in range(len(examples))]
    return {name: scored(domain, predictions, references) for name, predictions in answers.items()}


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
        answers = {system: one.predictions[index] for system, one in systems.items()}
        lines.append(json.dumps({"index": index, "reference": reference, **answers}, ensure_ascii=False, default=str))
    write_text(run.path / f"predictions-{_slug(name)}.jsonl", "".join(line + "\n" for line in lines))
