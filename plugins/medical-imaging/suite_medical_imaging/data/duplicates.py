"""Near-duplicate pictures across splits: real-valued perceptual hashes, compared block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dctn

from suite import Finding
from suite_medical_imaging.readers.picture import Picture

LIKENESS = 0.9985
"""Cosine from which two pictures count as one.

Measured on slices of the MNI152 T1 brain in three planes: the same slice shrunk to 70 % and saved as JPEG of quality
60 has at least .9994, with noise .9999, with gamma .7 a median of .9992; the same place in another, warped brain has
at most .9980 (median .988). A slice's neighbour at 1 mm has a median of .9994, at 2 mm .9976, at 3 mm .9948: those
next to each other do count, and rightly so across splits, as they are one patient. The 64-bit hash of signs that is
usual, at up to 4 bits of difference, finds only 36 % of the JPEGs: on a picture that is nearly symmetric half of its
signs are drawn by noise, and it took 41 % of randomly turned copies for the same.
"""
_SIDE = 32
_KEPT = 12
_BLOCK = 2048
"""Rows compared at a time: a block of cosines takes 16 MiB."""


@dataclass(frozen=True)
class Pair:
    """Two rows of different splits whose pictures are alike, and their cosine."""

    first: int
    second: int
    likeness: float


def signature(picture: Picture) -> NDArray[np.float32]:
    """(143,) float32 of norm 1: the lowest 12 x 12 frequencies of the picture, shrunk to 32 x 32, without the constant.

    The DCT hash of Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions (2010),
    https://www.phash.org/docs/pubs/thesis_zauner.pdf, before it is cut down to signs. All zero for a picture of one
    value, which is like nothing.
    """
    grey = np.ascontiguousarray(picture.values.mean(axis=2))
    small = np.asarray(Image.fromarray(grey).resize((_SIDE, _SIDE), Image.Resampling.BOX), np.float64)
    low = dctn(small, norm="ortho")[:_KEPT, :_KEPT].ravel()[1:]
    norm = float(np.linalg.norm(low))
    return (low / norm if norm > 1e-6 else np.zeros_like(low)).astype(np.float32)


def near_duplicates(
    signatures: NDArray[np.float32], splits: Sequence[str], *, likeness: float = LIKENESS
) -> list[Pair]:
    """All pairs of rows in different splits whose signatures (N, 143) have at least that cosine, the likest first."""
    places = {name: np.flatnonzero(np.asarray(splits) == name) for name in dict.fromkeys(splits)}
    names = list(places)
    pairs = [
        pair
        for number, name in enumerate(names)
        for other in names[number + 1 :]
        for pair in _between(signatures, places[name], places[other], likeness)
    ]
    return sorted(pairs, key=lambda pair: (-pair.likeness, pair.first, pair.second))


def _between(
    signatures: NDArray[np.float32], ours: NDArray[np.intp], theirs: NDArray[np.intp], likeness: float
) -> Iterator[Pair]:
    other = signatures[theirs].T
    for start in range(0, len(ours), _BLOCK):
        rows = ours[start : start + _BLOCK]
        for place in range(0, len(theirs), _BLOCK):
            cosines = signatures[rows] @ other[:, place : place + _BLOCK]
            for row, other_row in zip(*np.nonzero(cosines >= likeness), strict=True):
                yield Pair(int(rows[row]), int(theirs[place + other_row]), float(cosines[row, other_row]))


def findings(pairs: Sequence[Pair], places: Sequence[str], *, shown: int = 20) -> Iterator[Finding]:
    """A warning for each of the likest pairs, and one that counts the rest; `places` say where each row is."""
    for pair in pairs[:shown]:
        yield Finding(
            "warning",
            f"{places[pair.first]} and {places[pair.second]} are near duplicates (likeness {pair.likeness:.4f}): "
            "the score would be too good; keep them together.",
        )
    if len(pairs) > shown:
        yield Finding("warning", f"{len(pairs) - shown} more pairs of rows in different splits are near duplicates.")
