"""What every domain can be told: `train`, `evaluate`, `predict`, `options`, `data check`.

Each function makes the click command for one domain; the heavy imports happen when it runs.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suite.api import planned
from suite.cli.options import _settings, columns_option, format_option, offline_option, parse_columns, quiet_option
from suite.config import TrainConfig
from suite.console import result, say, table
from suite.inference.answering import predict_all
from suite.plugins.loader import Offer

if TYPE_CHECKING:
    from suite.domain.base import Domain
    from suite.runs import Run


def train(offer: Offer) -> click.Command:
    """`suite DOMAIN train`."""

    starts = f"{offer.entry.summary} With no argument: fine-tunes the starter model on the starter data."
    name = offer.entry.name

    @click.command(help=f"{starts}\n\nFurther options, and all defaults: suite {name} options.")
    @click.option("--model", help="Hub id, local folder or finished run to start from.")
    @click.option("--data", help="Hub id, folder, file or starter name.")
    @columns_option
    @click.option("--epochs", type=float, help="Passes over the data.")
    @click.option("--batch-size", type=int, help="Examples per optimizer step, over all processes.")
    @click.option("--learning-rate", type=float, help="Peak learning rate.")
    @click.option("--lora", is_flag=True, default=None, help="Train low-rank adapters only.")
    @click.option(
        "--precision",
        type=click.Choice(["auto", "fp32", "bf16"]),
        help="Arithmetic; auto is bf16 if the GPU has it.",
    )
    @click.option("--output", type=Path, help="Folder that receives the run's own folder; else runs.")
    @click.option("--name", help="Name of the run, added to its time stamp; else the model's.")
    @click.option("--seed", type=int, help="Decides splits, order, dropout and augmentation.")
    @click.option("--config", "file", type=Path, help="YAML file with options.")
    @_settings(name)
    @click.option(
        "--resume",
        is_flag=False,
        flag_value="latest",
        metavar="[RUN]",
        help="Go on with a stopped run; unnamed, the newest.",
    )
    @click.option("--dry-run", is_flag=True, help="Show config, data check, model size and time; train nothing.")
    @click.option("--processes", type=click.IntRange(1), help="Processes on this machine, one for each GPU.")
    @click.option(
        "--nodes", type=click.IntRange(1), default=1, show_default=True, help="Machines; give each the same command."
    )
    @click.option("--rendezvous", default="", metavar="HOST:PORT", help="Where the machines meet: one of them.")
    @quiet_option
    @offline_option
    def command(
        file: Path | None,
        settings: tuple[str, ...],
        resume: str | None,
        dry_run: bool,
        processes: int | None,
        nodes: int,
        rendezvous: str,
        **flags: Any,
    ) -> None:
        cls = offer.load()
        given = {key: value for key, value in flags.items() if value is not None and value != ""}
        given |= {"columns": parse_columns(given["columns"])} if "columns" in given else {}
        layers = [cls.Config.from_file(file) if file else {}, cls.Config.parse_settings(settings), given]
        domain, run = planned(cls, layers, resume or "")
        if dry_run:
            from suite.training.plan import plan

            result(plan(domain))
            return
        before = run.processes if run and nodes == 1 else 1
        _spread(processes or before, nodes, rendezvous)
        _train(domain, run)

    return command


def _spread(processes: int, nodes: int, rendezvous: str) -> None:
    """Where several processes are wanted, starts them with this same command line and ends as they do."""
    if processes * nodes == 1 or "RANK" in os.environ:  # one of them already
        return
    from suite.training.launch import Processes, launch

    raise click.exceptions.Exit(launch(Processes(processes, nodes, rendezvous), sys.argv[1:]))


def _train(domain: Domain, run: Run | None) -> None:
    from suite.evaluation.report import render
    from suite.signals import Stopped
    from suite.training.train import train as train_run

    try:
        run = train_run(domain, run)
    except Stopped as stopped:
        say(f"Stopped{str(stopped).removeprefix('stopped')}. Go on with: suite {domain.name} train --resume")
        raise click.exceptions.Exit(128 + stopped.signum) from None
    evaluation = run.evaluation()
    if evaluation and os.environ.get("RANK", "0") == "0":  # every rank may read it; only the main one prints
        result(render(domain, evaluation))
        say(f"Everything is in {run.path}. Next: suite {domain.name} predict … or suite launch")


def evaluate(offer: Offer) -> click.Command:
    """`suite DOMAIN evaluate`."""

    scores = "Score a finished run on its test split, beside the pretrained model and the baselines."

    @click.command(help=f"{scores}\n\nRUN is its folder or name, or OWNER/NAME on the Hub; left out, the newest.")
    @click.argument("run", default="latest")
    @click.option("--data", multiple=True, help="Further data to score, instead of also_evaluate; may be given again.")
    @click.option("--slice-by", default="", metavar="COLUMN", help="Metrics for each value of a column of the data.")
    @click.option("--output", type=Path, default=Path("runs"), show_default=True, help="Folder the runs are in.")
    @_settings(offer.entry.name)
    @format_option
    @quiet_option
    @offline_option
    def command(
        run: str, data: tuple[str, ...], slice_by: str, output: Path, settings: tuple[str, ...], form: str
    ) -> None:
        from suite.api import evaluated
        from suite.inference.predictor import finished_run

        cls = offer.load()
        options = cls.Config.parse_settings(settings)
        found = evaluated(finished_run(run, output, cls()), cls, data, slice_by, options)
        result(json.dumps(found, indent=2, ensure_ascii=False) if form == "json" else str(found))

    return command


def predict(offer: Offer) -> click.Command:
    """`suite DOMAIN predict`."""

    @click.command(help="Answer for files or texts, with the newest finished run or the starter model.")
    @click.argument("inputs", nargs=-1, required=True)
    @click.option("--model", default="", help="Finished run (folder or name), model folder or hub id.")
    @click.option("--output", type=Path, help="File or folder to write; the ending picks the form.")
    @_settings(offer.entry.name)
    @format_option
    @quiet_option
    @offline_option
    def command(inputs: tuple[str, ...], model: str, output: Path | None, settings: tuple[str, ...], form: str) -> None:
        cls = offer.load()
        domain = cls(cls.Config.build(cls.Config.parse_settings(settings)))
        failures = predict_all(domain, inputs, model=model, output=output, form=form)
        for failure in failures:
            click.echo(f"Error: {failure}", err=True)
        if failures:
            raise click.exceptions.Exit(2)

    return command


def options(offer: Offer) -> click.Command:
    """`suite DOMAIN options`."""

    @click.command(help="Every option of a training run, with its default and a sentence.")
    @format_option
    def command(form: str) -> None:
        config: type[TrainConfig] = offer.load().Config
        if form == "json":
            result(json.dumps(config.model_json_schema(), indent=2))
            return
        rows = [
            (name, config().model_dump(mode="json")[name], field.description)
            for name, field in config.model_fields.items()
        ]
        result(
            table(["option", "default", "meaning"], [(name, json.dumps(default), text) for name, default, text in rows])
        )

    return command


def data(offer: Offer) -> click.Group:
    """`suite DOMAIN data check`."""

    @click.group(help="Look at data before training.", no_args_is_help=True)
    def group() -> None:
        pass

    @group.command(help="Which rows are usable, which are not and why; no model is loaded.")
    @click.argument("data", default="")
    @columns_option
    @format_option
    @offline_option
    @quiet_option
    @click.option("--rejected", type=Path, help="Where to write the rejected rows as JSON lines.")
    def check(data: str, columns: str, form: str, rejected: Path | None) -> None:
        from suite.data.checks import enforce, write_rejected
        from suite.data.load import load

        cls = offer.load()
        domain = cls(cls.Config.build({"data": data, "columns": parse_columns(columns)}))
        report = load(domain, data).report
        result(json.dumps(report.to_json(), indent=2, ensure_ascii=False) if form == "json" else report.render())
        if rejected:
            write_rejected(report, rejected)
        enforce(report, domain.config.max_rejected)
        if form == "text":
            splits = domain.split(report.rows)
            result("Splits: " + ", ".join(f"{name} {len(rows)}" for name, rows in splits.items()) + ".")

    return group
