"""`open_picture`: any picture of medicine to numbers a model takes, told apart by content and not by name."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from suite import SuiteError
from suite_medical_imaging.readers import dicom, raster, volumes
from suite_medical_imaging.readers.picture import Picture

__all__ = ["Picture", "Source", "open_picture"]
Source = str | Path | bytes | Mapping[str, Any] | Any
"""A path, a file's content, a dict of bytes and path as image columns have it, or a PIL image."""
_HEAD = 352
"""Bytes that tell every format apart: NIfTI's name stands at 344."""


def open_picture(source: Source, *, frame: int = -1) -> Picture:
    """The picture in a file, its content, or a PIL image; `frame` -1 is the middle frame or slice.

    `values` are float32 (H, W, C) in [0, 1] with C 1 or 3. Raises `SuiteError`, with the file's name and one
    sentence, for what is missing, damaged, too large, without pixels, or of a format that is not read.
    """
    if isinstance(source, Mapping):
        held, path = source.get("bytes"), source.get("path")
        if held is None and not path:
            raise SuiteError("A picture is missing: neither its bytes nor its path is given.")
        if held is None:
            return _at(str(path), frame)
        return _read(io.BytesIO(held), Path(str(path)).name if path else "the picture", frame)
    if isinstance(source, bytes):
        return _read(io.BytesIO(source), "the picture", frame)
    if isinstance(source, str | Path):
        return _at(source, frame)
    return raster.from_image(source, name="the picture", frame=frame)


def _at(source: str | Path, frame: int) -> Picture:
    path = Path(source)
    try:
        with path.open("rb") as file:
            return _read(file, path.name, frame)
    except OSError as error:
        raise SuiteError(f"{path} cannot be opened: {error.strerror or error}.") from None


def _read(file: BinaryIO, name: str, frame: int) -> Picture:
    head = file.read(_HEAD)
    if not head:
        raise SuiteError(f"{name} is empty.")
    packed = head[:2] == b"\x1f\x8b"
    if volumes.is_nifti(volumes.unpacked_head(file) if packed else head):
        return volumes.read(file, name=name, frame=frame)
    if packed:
        raise SuiteError(f"{name} is a packed file, but no NIfTI volume; unpack it.")
    if dicom.is_dicom(head):
        return dicom.read(file, name=name, frame=frame)
    return raster.read(file, name=name, frame=frame)
