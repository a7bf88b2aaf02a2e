"""What `suite DOMAIN data check` does: a training's way as far as its first step."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from suite.api import check_task
from suite.console import result
from suite.domain.description import Domain
from suite.errors import SuiteError
from suite.plugins.offers import Offer


def check(offer: Offer, layers: Sequence[Mapping[str, Any]], *, source: str, form: str, rejected: Path | None) -> None:
    """Prints what is wrong with data, and how they are parted. Raises `SuiteError` where a training would refuse them.

    `layers` are options, later ones above earlier, those of flags last. As JSON, the refusal is printed with the rest
    before it is raised.
    """
    if source and (named := layers[-1].get("data")):
        raise SuiteError(f"The data are named twice, {source!r} and --data {named!r}; name them once.")
    domain: Domain = offer.load()
    task = domain.task(*layers, {"data": source} if source else {})
    seen = check_task(task, rejected)
    if form == "json":
        result(json.dumps(seen, indent=2, ensure_ascii=False))
    elif seen.text:
        result(seen.text)
    if seen.error is not None:
        raise seen.error
