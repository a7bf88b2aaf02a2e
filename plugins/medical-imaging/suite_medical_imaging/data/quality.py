"""What is wrong with pictures, row by row, and which are alike: each decoded once per process for all questions."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from suite import Finding, SuiteError
from suite_medical_imaging.data import duplicates
from suite_medical_imaging.data.preprocess import files, identity, opened
from suite_medical_imaging.readers.picture import Picture

if TYPE_CHECKING:
    from datasets import Dataset

_THREADS = 4
"""Decoders leave the interpreter's lock; more threads than this hold more pictures in memory for little gain."""
_AHEAD = 64
"""Rows decoded before their findings are asked for."""
_KEPT = 500_000  # looks of 0.6 KiB: 300 MiB at most
_LOOKS: OrderedDict[tuple[bytes, int], Look] = OrderedDict()


@dataclass(frozen=True)
class Look:
    """A picture's findings, without their row, and its `duplicates.signature`, None where it cannot be used."""

    findings: tuple[Finding, ...] = ()
    signature: NDArray[np.float32] | None = None


def look(source: Any, frame: int) -> Look:
    """What one picture is like; asked again, the answer is remembered as long as the file stays as it is."""
    if source is None:  # the core's own check tells of it
        return Look()
    try:
        key = identity(source), frame
    except OSError as error:
        return Look((Finding("error", f"A picture cannot be opened: {error.strerror or error}."),))
    if key not in _LOOKS:
        _LOOKS[key] = _looked(source, frame)
        while len(_LOOKS) > _KEPT:
            _LOOKS.popitem(last=False)
    return _LOOKS[key]


def looks(rows: Dataset) -> Iterator[Look]:
    """One for each row, in order."""
    sources, frames = files(rows)
    with ThreadPoolExecutor(_THREADS) as threads:
        for start in range(0, len(sources), _AHEAD):
            part = slice(start, start + _AHEAD)
            yield from threads.map(look, sources[part], frames[part])


def unreadable(rows: Dataset) -> Iterator[Finding]:
    """Findings of all pictures: errors for those that cannot be read or show one value only, warnings for the rest.

    The rest: bits that are not what the file declares, transparent or odd values, and text burned into the pixels.
    """
    for row, picture in enumerate(looks(rows)):
        for finding in picture.findings:
            yield Finding(finding.severity, finding.message, row)


def twins(splits: Mapping[str, Dataset]) -> list[Finding]:
    """Near duplicates across splits of rows, told by row of the split and by file; unreadable pictures are left out."""
    places, signatures = [], []
    for name, rows in splits.items():
        for row, (picture, source) in enumerate(zip(looks(rows), files(rows)[0], strict=True)):
            if picture.signature is not None:
                places.append((name, f"{name} row {row}{_named(source)}"))
                signatures.append(picture.signature)
    if not signatures:
        return []
    pairs = duplicates.near_duplicates(np.stack(signatures), [name for name, _ in places])
    return list(duplicates.findings(pairs, [place for _, place in places]))


def _named(source: Any) -> str:
    path = source.get("path") if isinstance(source, dict) else source
    return f" ({Path(path).name})" if isinstance(path, str) and path else ""


def _looked(source: Any, frame: int) -> Look:
    try:
        picture = opened(source, frame)
    except SuiteError as error:
        return Look((Finding("error", str(error)),))
    findings = tuple(_doubts(picture))
    usable = not any(finding.severity == "error" for finding in findings)
    return Look(findings, duplicates.signature(picture) if usable else None)


def _doubts(picture: Picture) -> Iterator[Finding]:
    if picture.stored.min() == picture.stored.max():
        yield Finding("error", "Every pixel has the same value, so there is nothing to see; leave it out.")
        return
    if notes := picture.facts.get("notes"):
        yield Finding("warning", f"{notes[0].upper()}{notes[1:]}.")
    if picture.values.min() == picture.values.max():
        yield Finding("error", "The declared window shows every pixel alike; correct or remove it.")
    if "burned-in annotation" in picture.facts:
        text = "Text is burned into the pixels (BurnedInAnnotation): a model may read it, and it may name the patient."
        yield Finding("warning", text)
