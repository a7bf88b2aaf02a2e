"""The model card: what the model is, where it came from, how well it does beside what else, and its limits.

The run's own and the one on the hub are the same: its front matter holds the results as the Hub's model index. Nothing
in it may be private: no path, no row of data that are not public.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from huggingface_hub import EvalResult, ModelCardData

from suite.domain.description import Domain, Task
from suite.evaluation.report import BEFORE, ROWS, TUNED, render
from suite.provenance.hub_run import portable_values
from suite.provenance.licence import identifier
from suite.provenance.origin import Origin, data_origin, front_matter, model_origin, sharable
from suite.runs import Run

BEGIN, END = "<!-- begin: written by Suite -->", "<!-- end: written by Suite -->"
_OTHER = (
    "The licence of the model it was fine-tuned from is not one the Hub has a word for, or not known: ask its owner "
    "before you use or pass on this one."
)


def card(task: Task, run: Run, *, licence: str = "") -> str:
    """The card of a run as Markdown with the front matter the Hub reads; `licence` is the Hub's word for one.

    `task` has the run's own options. Without `licence` that of the base model is taken, and `other` where it is not
    known.
    """
    domain, base, evaluation = task.domain, model_origin(task), run.evaluation() or {}
    origins = {name: _data(task, run, name) for name in evaluation}
    headed = {_heading(origins[name], place): evaluation[name] for place, name in enumerate(evaluation)}
    lines = ["", f"# {run.path.name}", "", f"{domain.title}, fine-tuned with Suite from {base.sentence()}."]
    data = _data(task, run, "test")
    here = " The `config.yaml` beside this reproduces it." if base.reproducible and data.reproducible else ""
    lines += ["", f"Data: {data.sentence()}.{here}", ""]
    licence = licence or identifier(base.licence) or "other"
    lines += [_OTHER, ""] if licence == "other" else []
    if headed:
        public = {heading: _public(evaluated) for heading, evaluated in headed.items()}
        lines += ["## Evaluation", "", "```", render(domain, public, sections=False), "```", ""]
        lines += [line for name, evaluated in evaluation.items() for line in _sections(evaluated, origins[name], name)]
    front = _front(domain, run, base, origins, licence)
    return front + "\n".join([*lines, "", "## Limits", "", domain.limits.strip(), ""])


def merged(theirs: str, ours: str) -> str:
    """A card on the hub brought up to date: what people wrote around our part stays, and keys we don't write too."""
    kept, body = front_matter(theirs)
    values, part = front_matter(ours)
    part = f"{BEGIN}\n{part.strip()}\n{END}"
    tags = list(dict.fromkeys([*(kept.get("tags") or []), *values["tags"]]))
    front = yaml.safe_dump(kept | values | {"tags": tags}, sort_keys=False, allow_unicode=True)
    if BEGIN in body and END in body.split(BEGIN, 1)[1]:
        before, rest = body.split(BEGIN, 1)
        body = before + part + rest.split(END, 1)[1]
    else:
        body = f"{body.strip()}\n\n{part}\n".lstrip()
    return f"---\n{front}---\n\n{body.strip()}\n"


def _front(domain: Domain, run: Run, base: Origin, origins: Mapping[str, Origin], licence: str) -> str:
    """The front matter, fences included, as the Hub's own class writes it."""
    data = ModelCardData(
        library_name=domain.library,
        tags=["suite", domain.name],
        base_model=base.hub or None,
        license=licence,
        pipeline_tag=domain.pipeline_tag or None,
        datasets=list(dict.fromkeys(origin.hub for origin in origins.values() if origin.hub)) or None,
        model_name=run.path.name,
        eval_results=list(_results(domain, run.evaluation() or {}, origins)) or None,
    )
    return f"---\n{data.to_yaml()}\n---\n"


def _results(domain: Domain, evaluation: Mapping[str, Any], origins: Mapping[str, Origin]) -> Iterator[EvalResult]:
    """One of the Hub's results for each metric of each data set, fine-tuned and before, its interval in its name."""
    for name, evaluated in evaluation.items():
        origin = origins[name]
        for system in (TUNED, BEFORE):
            for metric, interval in evaluated["systems"][system].items():
                if interval["value"] is None:
                    continue
                span = _span(interval, evaluated.get("units", {}).get(metric, {}).get("few", ""))
                yield EvalResult(
                    task_type=domain.pipeline_tag or "other",
                    task_name=domain.title,
                    dataset_type=origin.hub or origin.name,
                    dataset_name=origin.name,
                    dataset_revision=origin.commit or None,
                    dataset_split="test",
                    metric_type=metric,
                    metric_name=f"{metric} {system} ({span}, {evaluated['examples']} examples)",
                    metric_value=interval["value"],
                )


def _span(interval: Mapping[str, Any], few: str) -> str:
    """The interval in words, and whether it rests on too little."""
    span = "" if interval["low"] is None else f"95 % interval {interval['low']:.4g} to {interval['high']:.4g}"
    return "; ".join(filter(None, (span, few))) or "no interval"


def _data(task: Task, run: Run, name: str) -> Origin:
    """The data set that the evaluation calls `name`: "test" is the held-out part of the run's own."""
    if name != "test":
        return data_origin(task.domain, name)
    fingerprint = run.environment()["data"]
    return data_origin(task.domain, task.config.data, fingerprint)


def _public(evaluated: dict[str, Any]) -> dict[str, Any]:
    """Without slices, whose values are from the rows, and without options that name data, paths or permissions."""
    options = {key: value for key, value in evaluated.get("options", {}).items() if key not in ROWS}
    kept = {key: value for key, value in evaluated.items() if key != "slices"}
    return kept | {"options": portable_values(options)}


def _heading(data: Origin, place: int) -> str:
    """How a table names its data set: the first is the run's own test split, a local one has a number."""
    if place == 0:
        return "test"
    return data.name if data.hub or data.starter else f"further local data {place}"


def _sections(evaluated: dict[str, Any], data: Origin, name: str) -> Iterator[str]:
    """The domain's own sections; those that quote rows only where everybody may see the rows.

    Figures of further local data sets are left out: their files are called after the data's path.
    """
    for part in evaluated.get("sections", []):
        if part.get("quotes") and not sharable(data):
            continue
        yield from ("", f"## {part['title']}", "", part["text"])
        if (figure := part.get("figure")) and (name == "test" or data.hub or data.starter):
            yield from ("", f"![{part['title']}]({figure})")
