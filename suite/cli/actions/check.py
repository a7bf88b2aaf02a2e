"""What `suite DOMAIN data check` does: a training's way as far as its first step."""

from __future__ import annotations

import json
from pathlib import Path

from suite.api import check_task
from suite.cli.options import TrainingFlags
from suite.console import result
from suite.domain.description import Domain
from suite.errors import SuiteError
from suite.plugins.offers import Offer


def check(offer: Offer, flags: TrainingFlags, *, source: str, form: str, rejected: Path | None) -> None:
    """Prints what is wrong with data, and how they are parted. Raises `SuiteError` where a training would refuse them.

    As JSON, the refusal is printed with the rest before it is raised.
    """
    if source and flags.data:
        raise SuiteError(f"The data are named twice, {source!r} and --data {flags.data!r}; name them once.")
    domain: Domain = offer.load()
    task = domain.task(*flags.layers(domain.Config), {"data": source} if source else {})
    seen = check_task(task, rejected)
    if form == "json":
        result(json.dumps(seen, indent=2, ensure_ascii=False))
    elif seen.text:
        result(seen.text)
    if seen.error is not None:
        raise seen.error
