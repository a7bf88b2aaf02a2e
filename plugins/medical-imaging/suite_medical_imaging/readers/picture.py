"""A picture as every reader of this plugin gives it, and the rules they share: size limit, scaling, preview."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from suite import SuiteError

MAX_PIXELS = 100_000_000
"""Pixels of one frame above which a file is refused before decoding: the largest mammograms have 24 million, while a
bomb of 21 KiB unpacks to 177 million."""
LEAST_BITS = 8
"""No picture is scaled as if it had fewer bits: a dark 8-bit picture is dark, not a bright one of fewer bits."""


@dataclass(frozen=True)
class Picture:
    """`values` (H, W, C) float32 in [0, 1], C 1 or 3, as a model sees them; `stored` (H, W, C) uint8, the file's own
    numbers stretched from least to greatest, neither windowed nor inverted; `facts` say how one became the other, with
    what is doubtful under "notes".
    """

    values: NDArray[np.float32]
    stored: NDArray[np.uint8]
    facts: dict[str, str] = field(default_factory=dict)


def check_size(width: int, height: int, *, name: str) -> None:
    """Raises `SuiteError` for a frame that is empty or beyond `MAX_PIXELS`; to be asked before decoding."""
    if width < 1 or height < 1:
        raise SuiteError(f"{name} declares {width} x {height} pixels, which is no picture; export it anew.")
    if width * height > MAX_PIXELS:
        raise SuiteError(
            f"{name} declares {width} x {height} pixels, more than {MAX_PIXELS // 10**6} million; crop or shrink it."
        )


def used_bits(low: int, high: int, *, most: int = 32) -> int:
    """Bits that hold all of `low`..`high`, at least 8 and at most `most`: 12 for the values 0 to 4,000."""
    needed = max(high.bit_length() if high >= 0 else 0, (-low - 1).bit_length() if low < 0 else 0)
    return min(most, max(LEAST_BITS, needed))


def used_range(values: NDArray[np.generic], *, most: int = 32) -> tuple[float, float, int]:
    """The ends of the smallest range of whole bits that holds integer `values`, and how many bits that is.

    A 12-bit picture in 16 bits would come out nearly black over all of them, and stretched from its least to its
    greatest value it would lose what its brightness means beside other pictures.
    """
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    bits = used_bits(low, high, most=most)
    return (float(-(2**bits)) if low < 0 else 0.0), float(2**bits - 1), bits


def scaled(values: NDArray[np.generic], low: float, high: float) -> NDArray[np.float32]:
    """`low` to 0 and `high` to 1, clipped; whatever is not finite becomes 0."""
    span = high - low if high > low else 1.0
    with np.errstate(invalid="ignore"):
        result = (values.astype(np.float64) - low) / span
    return np.clip(np.nan_to_num(result, nan=0.0, posinf=1.0, neginf=0.0), 0, 1).astype(np.float32)


def preview(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    """(H, W) or (H, W, C) stretched from its least to its greatest finite value, (H, W, C)."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    stretched = np.rint(scaled(values, low, high) * 255).astype(np.uint8)
    return stretched[..., None] if stretched.ndim == 2 else stretched


def frame_index(frame: int, count: int, *, name: str) -> int:
    """`frame`, or the middle one for -1. Raises `SuiteError` if there is no such frame."""
    if frame == -1:
        return count // 2
    if not 0 <= frame < count:
        raise SuiteError(
            f"{name} has {count} frames and no frame {frame}; give 0 to {count - 1}, or -1 for the middle."
        )
    return frame
