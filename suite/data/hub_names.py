"""How data sets of the hub are named; without what reads them, for who only asks whether one is named."""

from __future__ import annotations

import re

HUB_ID = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*/[\w.-]+)(@(?P<revision>[\w./-]+))?(:(?P<config>[\w.-]+))?")


def hub_name(reference: str) -> tuple[str, str] | None:
    """`owner/name` and revision ("" for none) of what can only be a data set on the hub; None for anything else."""
    match = HUB_ID.fullmatch(reference.removeprefix("hub:"))
    return (match["name"], match["revision"] or "") if match else None
