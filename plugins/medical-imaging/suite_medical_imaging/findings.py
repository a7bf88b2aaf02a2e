"""What is wrong with pictures, row by row, found by decoding each of them once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from suite import Finding, SuiteError, column
from suite_medical_imaging.pixels import open_picture

if TYPE_CHECKING:
    from datasets import Dataset

_THREADS = 4
"""Decoders leave the interpreter's lock; more threads than this hold more pictures in memory for little gain."""
_AHEAD = 64
"""Rows decoded before their findings are asked for."""


def unreadable(rows: Dataset, *, image: str = "image", frame: str = "frame") -> Iterator[Finding]:
    """Findings of all pictures: errors for those that cannot be read or show one value only, warnings for the rest.

    The rest: bits that are not what the file declares, transparent or odd values, and text burned into the pixels.
    Rows without an image are left to the core's own check.
    """
    sources = column(rows, image).to_pylist()
    frames = column(rows, frame).to_pylist() if frame in rows.column_names else [-1] * len(sources)
    with ThreadPoolExecutor(_THREADS) as threads:
        for start in range(0, len(sources), _AHEAD):
            part = slice(start, start + _AHEAD)
            found = threads.map(_found, range(start, len(sources)), sources[part], frames[part])
            for findings in found:
                yield from findings


def _found(row: int, source: Any, frame: int | None) -> Iterable[Finding]:
    if source is None:
        return []
    try:
        picture = open_picture(source, frame=-1 if frame is None else int(frame))
    except SuiteError as error:
        return [Finding("error", str(error), row)]
    if picture.stored.min() == picture.stored.max():
        return [Finding("error", "Every pixel has the same value, so there is nothing to see; leave it out.", row)]
    findings = []
    if notes := picture.facts.get("notes"):
        findings.append(Finding("warning", f"{notes[0].upper()}{notes[1:]}.", row))
    if picture.values.min() == picture.values.max():
        findings.append(Finding("error", "The declared window shows every pixel alike; correct or remove it.", row))
    if "burned-in annotation" in picture.facts:
        told = "Text is burned into the pixels (BurnedInAnnotation): a model may read it, and it may name the patient."
        findings.append(Finding("warning", told, row))
    return findings
