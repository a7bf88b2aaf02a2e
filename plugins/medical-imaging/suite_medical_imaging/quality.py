"""What is wrong with the pictures of rows: asked once per process, since a run checks its data several times."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from suite import Finding
from suite_medical_imaging import duplicates
from suite_medical_imaging.findings import unreadable
from suite_medical_imaging.pixels import open_picture
from suite_medical_imaging.preprocess import digest, files

if TYPE_CHECKING:
    from datasets import Dataset

_KEPT = 4  # data sets: the one trained on and a few external ones
_FOUND: OrderedDict[str, list[Finding]] = OrderedDict()


def pictures_of(rows: Dataset) -> list[Finding]:
    """Pictures that cannot be read or show nothing, doubtful ones, and twins in different splits the rows name."""
    splits = [str(name) for name in rows["split"]] if "split" in rows.column_names else []
    key = digest(*files(rows), None) + repr(splits)
    if key not in _FOUND:
        found = list(unreadable(rows))
        spoilt = {finding.row for finding in found if finding.severity == "error"}
        _FOUND[key] = found + _twins(rows, splits, spoilt)
        while len(_FOUND) > _KEPT:
            _FOUND.popitem(last=False)
    return _FOUND[key]


def _twins(rows: Dataset, splits: list[str], spoilt: set[int | None]) -> list[Finding]:
    if len(set(splits)) < 2:
        return []
    sound = [
        (row, source, frame)
        for row, (source, frame) in enumerate(zip(*files(rows), strict=True))
        if row not in spoilt and source is not None
    ]
    if not sound:
        return []
    signatures = np.stack([duplicates.signature(open_picture(source, frame=frame)) for _, source, frame in sound])
    pairs = duplicates.near_duplicates(signatures, [splits[row] for row, *_ in sound])
    placed = [replace(pair, first=sound[pair.first][0], second=sound[pair.second][0]) for pair in pairs]
    return list(duplicates.findings(placed, splits))
