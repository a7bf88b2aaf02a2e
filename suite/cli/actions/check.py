"""What `suite DOMAIN data check` does: a training's way as far as its first step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suite.accelerator import make_accelerator
from suite.cli.options import TrainingFlags
from suite.console import result
from suite.data.checks import write_rejected
from suite.data.load import CheckedData
from suite.domain.description import Domain
from suite.errors import SuiteError
from suite.plugins.offers import Offer
from suite.training.ready import rehearsed


def check(offer: Offer, flags: TrainingFlags, *, source: str, form: str, rejected: Path | None) -> None:
    """Prints what is wrong with data, and how they are parted. Raises `SuiteError` where a training would refuse them.

    As JSON, the refusal is printed with the rest before it is raised.
    """
    if source and flags.data:
        raise SuiteError(f"The data are named twice, {source!r} and --data {flags.data!r}; name them once.")
    domain: Domain = offer.load()
    task = domain.task(*flags.layers(domain.Config), {"data": source} if source else {})
    seen: dict[str, Any] = {}

    def note(checked: CheckedData, splits: Mapping[str, Any] | None) -> None:
        seen.update(data=checked, splits=splits and {name: len(rows) for name, rows in splits.items()})
        if rejected:
            write_rejected(checked.report, rejected)

    refused: SuiteError | None = None
    try:
        rehearsed(task, make_accelerator(task.config), 1, note)
    except SuiteError as error:
        refused = error
    if form == "json":
        report = seen["data"].report.to_json() if seen else {}
        why = None if refused is None else str(refused)
        result(json.dumps({**report, "splits": seen.get("splits"), "refused": why}, indent=2, ensure_ascii=False))
    elif seen:
        result(seen["data"].report.render())
        if seen["splits"]:
            result("Splits: " + ", ".join(f"{name} {size}" for name, size in seen["splits"].items()) + ".")
    if refused is not None:
        raise refused
    if form == "text":
        result("A training would take these data: its first step was tried and thrown away.")
