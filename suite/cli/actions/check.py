"""What `suite DOMAIN data check` does; no torch is needed for it."""

from __future__ import annotations

import json
from pathlib import Path

from suite.cli.options import parse_columns
from suite.console import result
from suite.data.checks import enforce, write_rejected
from suite.data.load import load
from suite.domain.description import Domain
from suite.plugins.loader import Offer


def check(offer: Offer, *, data: str, columns: str, form: str, rejected: Path | None) -> None:
    """Prints which rows are usable and which are not. Raises `SuiteError` where too many are not."""
    domain: Domain = offer.load()
    task = domain.task(data=data, columns=parse_columns(columns))
    report = load(task, data).report
    result(json.dumps(report.to_json(), indent=2, ensure_ascii=False) if form == "json" else report.render())
    if rejected:
        write_rejected(report, rejected)
    enforce(report, task.config.max_rejected)
    if form == "text":
        splits = task.data.split(report.rows)
        result("Splits: " + ", ".join(f"{name} {len(rows)}" for name, rows in splits.items()) + ".")
