"""Slices of NIfTI volumes through nibabel: upright, windowed, and without unpacking more than is needed."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import Any, BinaryIO

import nibabel
import numpy as np

from suite import SuiteError, decoding
from suite_medical_imaging.readers.picture import Picture, check_size, frame_index, preview, scaled

MAX_BYTES = 1 << 29
"""Unpacked bytes up to the end of the first volume; 512 x 512 x 1,000 slices of 16 bits fill it."""
_WINDOW = (1.0, 99.0)
"""Percentiles that become black and white, as NIfTI names no window: one bright vessel must not darken all else."""
_SAMPLED = 96
"""Voxels per axis at most that the percentiles are taken of; the window then moves by less than one grey level."""


_HEADER_BYTES = 1 << 24
"""Unpacked bytes that header and extensions may take; real ones take a few thousand."""


class _Bounded(io.RawIOBase):
    """A file that refuses to be read beyond `limit` unpacked bytes: gzip packs zeros a thousandfold."""

    def __init__(self, file: Any, limit: int) -> None:
        self.file, self.limit = file, limit

    def read(self, size: int = -1) -> bytes:
        room = self.limit - self.file.tell()
        data: bytes = self.file.read(room + 1 if size < 0 else min(size, room + 1))
        if len(data) > room:
            raise ValueError(f"more than {self.limit >> 20} MiB unpacked")
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, place: int, whence: int = 0) -> int:
        if whence == 0 and place > self.limit:
            raise ValueError(f"more than {self.limit >> 20} MiB unpacked")
        return int(self.file.seek(place, whence))

    def tell(self) -> int:
        return int(self.file.tell())

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


def is_nifti(head: bytes) -> bool:
    """Whether the first 352 bytes, unpacked, are those of a NIfTI-1 or NIfTI-2 file."""
    return head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0")


def unpacked_head(file: BinaryIO) -> bytes:
    """The first 352 bytes of a gzip file, b"" if it is damaged."""
    file.seek(0)
    try:
        return gzip.GzipFile(fileobj=file).read(352)
    except (OSError, EOFError, zlib.error):
        return b""


def read(file: BinaryIO, *, name: str, frame: int = -1) -> Picture:
    """One slice along the third axis of the volume turned to right, anterior, superior; anterior is up.

    A 4-D file's first volume is taken. Raises `SuiteError` for what is damaged, too large, or no picture.
    """
    file.seek(0)
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    stream: Any = _Bounded(gzip.GzipFile(fileobj=file) if packed else file, _HEADER_BYTES)
    with decoding(f"{name} is a NIfTI file that", "export it anew."):
        head = stream.read(352)
        stream.seek(0)
        kind = nibabel.Nifti2Image if head[4:8] in (b"n+2\0", b"ni2\0") else nibabel.Nifti1Image
        if b"ni" in (head[344:346], head[4:6]):
            raise SuiteError(f"{name} is a NIfTI header whose values lie in another file; save both as one .nii.")
        image = kind.from_stream(stream)
        _check(image, name)
        stream.limit = MAX_BYTES
        return _slice(image, name=name, frame=frame)


def _check(image: Any, name: str) -> None:
    shape, dtype = image.shape, image.get_data_dtype()
    if not 2 <= len(shape) <= 7 or 0 in shape:
        raise SuiteError(f"{name} has the shape {shape}, which is no volume; give one of three dimensions.")
    if dtype.kind == "c":
        raise SuiteError(f"{name} holds complex numbers; save their magnitude.")
    if dtype.fields and set(dtype.fields) != {"R", "G", "B"}:
        raise SuiteError(f"{name} holds values of the type {dtype}; save it as grey or RGB.")
    check_size(*sorted(shape[:3])[-2:], name=name)
    voxels = int(np.prod([int(length) for length in shape[:3]], dtype=object))
    if voxels * dtype.itemsize + max(0, image.dataobj.offset) > MAX_BYTES:
        raise SuiteError(f"{name} declares a volume of {shape[:3]}, beyond {MAX_BYTES >> 20} MiB; crop it.")


def _slice(image: Any, *, name: str, frame: int) -> Picture:
    first = (0,) * (len(image.shape) - 3)
    turned = nibabel.io_orientation(image.affine)
    if np.isnan(turned).any():
        raise SuiteError(f"{name} does not say how its axes lie (its affine has no direction for one); save it anew.")
    axis = int(np.flatnonzero(turned[:, 0] == 2)[0])
    count = image.shape[axis] if len(image.shape) > axis else 1
    index = frame_index(frame, count, name=name)
    place = index if turned[axis, 1] > 0 else count - 1 - index
    where = tuple(slice(place, place + 1) if number == axis else slice(None) for number in range(min(3, image.ndim)))
    values = _upright(_numbers(image.dataobj[where + first]), turned, image.ndim)
    low, high = _window(image, first)
    facts = {
        "format": "NIfTI",
        "size": f"{values.shape[1]} x {values.shape[0]}",
        "bits": str(image.get_data_dtype()),
        "window": f"{_WINDOW[0]:g} to {_WINDOW[1]:g} % of the volume: {low:.6g} to {high:.6g}",
        "frame": f"{index + 1} of {count}",
        "orientation": "axial, anterior up, the patient's left at the picture's left when the affine is right",
    }
    if first:
        facts["notes"] = f"the first of {int(np.prod(image.shape[3:]))} volumes is shown"
    result = scaled(values, low, high)
    return Picture(result[..., None] if result.ndim == 2 else result, preview(values), facts)


def _numbers(values: Any) -> np.ndarray:
    """Plain numbers, RGB as a last axis."""
    values = np.asarray(values)
    return np.stack([values[band] for band in "RGB"], axis=-1) if values.dtype.fields else values


def _upright(values: np.ndarray, turned: np.ndarray, ndim: int) -> np.ndarray:
    """One slice, still with three axes of the file, as rows (anterior first) and columns (left first)."""
    if ndim == 2:
        values = values[:, :, None]
    plane = nibabel.orientations.apply_orientation(values, turned)[:, :, 0]
    return np.ascontiguousarray(np.rot90(plane))


def _window(image: Any, first: tuple[int, ...]) -> tuple[float, float]:
    """Percentiles of a sample of the volume, so that all its slices share one window."""
    if image.get_data_dtype().fields:
        return 0.0, 255.0
    steps = tuple(slice(None, None, max(1, length // _SAMPLED)) for length in image.shape[:3])
    sample = np.asarray(image.dataobj[steps + first], np.float64)
    sample = sample[np.isfinite(sample)]
    low, high = np.percentile(sample, _WINDOW) if sample.size else (0.0, 1.0)
    if high <= low and sample.size:  # a mask: nearly all of it is one value
        low, high = float(sample.min()), float(sample.max())
    return float(low), float(high)
