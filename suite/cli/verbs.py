"""What every domain can be told: `train`, `evaluate`, `predict`, `options`, `data check`.

Each function makes the click command of one domain; what it does is in `suite.cli.actions`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from suite.cli.options import (
    TrainingFlags,
    action,
    force_option,
    format_option,
    processes_option,
    runs_option,
    settings_option,
    training_options,
)
from suite.config import TrainConfig
from suite.console import result, table
from suite.plugins.offers import Offer


def train(offer: Offer) -> click.Command:
    """`suite DOMAIN train`."""
    starts = f"{offer.entry.summary} With no argument: fine-tunes the starter model on the starter data."
    name = offer.entry.name

    @click.command(help=f"{starts}\n\nFurther options, and all defaults: suite {name} options.")
    @training_options(name)
    @click.option(
        "--resume",
        is_flag=False,
        flag_value="latest",
        metavar="[RUN]",
        help="Go on with a stopped run; unnamed, the newest.",
    )
    @force_option
    @click.option("--dry-run", is_flag=True, help="Show config, data check, model size and time; train nothing.")
    @processes_option
    @click.option(
        "--nodes", type=click.IntRange(1), default=1, show_default=True, help="Machines; give each the same command."
    )
    @click.option("--rendezvous", default="", metavar="HOST:PORT", help="Where the machines meet: one of them.")
    def command(flags: TrainingFlags, **options: Any) -> None:
        layers = flags.layers(offer.load().Config)
        if not options["resume"]:
            _check_options(offer, layers)
        action("suite.cli.actions.train:train")(offer, layers, **options)

    return command


def evaluate(offer: Offer) -> click.Command:
    """`suite DOMAIN evaluate`."""
    scores = "Score a finished run on its test split, beside the pretrained model and the baselines."

    @click.command(help=f"{scores}\n\nRUN is its folder or name, or OWNER/NAME on the Hub; left out, the newest.")
    @click.argument("run", default="latest")
    @click.option("--data", multiple=True, help="Further data to score, instead of also_evaluate; may be given again.")
    @click.option("--slice-by", default="", metavar="COLUMN", help="Metrics for each value of a column of the data.")
    @runs_option
    @settings_option(offer.entry.name)
    @format_option
    def command(**options: Any) -> None:
        action("suite.cli.actions.evaluate:evaluate")(offer, **options)

    return command


def predict(offer: Offer) -> click.Command:
    """`suite DOMAIN predict`."""

    @click.command(help="Answer for files or texts. Without --model it says whether a run or the starter answers.")
    @click.argument("inputs", nargs=-1, required=True)
    @click.option("--model", default="", help="Finished run (folder, name or latest), model folder or hub id.")
    @click.option("--output", type=Path, help="File or folder to write; the ending picks the form.")
    @settings_option(offer.entry.name)
    @format_option
    def command(**options: Any) -> None:
        action("suite.cli.actions.predict:predict")(offer, **options)

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
        defaults = config().model_dump(mode="json")
        rows = [(name, json.dumps(defaults[name]), field.description) for name, field in config.model_fields.items()]
        result(table(["option", "default", "meaning"], rows))

    return command


def data(offer: Offer) -> click.Group:
    """`suite DOMAIN data check`."""

    @click.group(help="Look at data before training.", no_args_is_help=True)
    def group() -> None:
        pass

    name = offer.entry.name
    says = "Which rows are usable, which are not and why, and whether a training would take the data."
    way = (
        "It goes the way of 'train' as far as the first step, model included, and writes no run: what it refuses a "
        "training refuses, and nothing else. Status 2 says that it would be refused, 0 that there are warnings at most."
    )

    @group.command(help=f"{says}\n\n{way}")
    @click.argument("source", default="", metavar="[DATA]")
    @training_options(name)
    @format_option
    @click.option("--rejected", type=Path, help="Where to write the rejected rows as JSON lines.")
    def check(flags: TrainingFlags, **options: Any) -> None:
        layers = flags.layers(offer.load().Config)
        _check_options(offer, layers)
        action("suite.cli.actions.check:check")(offer, layers, **options)

    return group


def _check_options(offer: Offer, layers: Sequence[Mapping[str, Any]]) -> None:
    """Raises `SuiteError` for options that won't do before torch is imported, which takes seconds."""
    offer.load().Config.build(*layers)
