"""DICOM pictures as a radiologist's viewer shows them, or a sentence why not; never a wrong picture in silence.

The grey pipeline is that of PS3.3 and PS3.4 annex N.2: stored values, modality LUT, VOI LUT or window, polarity
(https://dicom.nema.org/medical/dicom/current/output/chtml/part03/sect_C.11.2.html). Decoding is pydicom's.
"""

from __future__ import annotations

import io
import warnings
import zlib
from typing import Any, BinaryIO

import numpy as np
import pydicom
from pydicom import pixels
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from suite import SuiteError, decoding
from suite_medical_imaging.readers import lookup
from suite_medical_imaging.readers.picture import Picture, check_size, frame_index, preview, scaled, used_range

# What pydicom would warn of value by value is either refused here in a sentence or does not touch the picture.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
warnings.filterwarnings("ignore", module="pydicom")
MAX_INFLATED = 1 << 28
"""Bytes a deflated file may unpack to: a frame of `MAX_PIXELS` at 16 bits and a header; 190 KiB can hold 190 MiB."""
_NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_GREY = ("MONOCHROME1", "MONOCHROME2")
# Permissively licensed; pylibjpeg-libjpeg, which pydicom names too, is under the GPL.
_DECODERS = {
    "1.2.840.10008.1.2.4.51": "python-gdcm",
    "1.2.840.10008.1.2.4.57": "python-gdcm",
    "1.2.840.10008.1.2.4.70": "python-gdcm",
    "1.2.840.10008.1.2.4.80": "pyjpegls",
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.90": "pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.91": "pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.201": "pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.202": "pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.203": "pylibjpeg-openjpeg",
}
"""Package that decodes what pydicom and Pillow alone don't, by transfer syntax."""


def is_dicom(head: bytes) -> bool:
    """Whether a file's first 132 bytes are those of a DICOM file, with preamble or (older ones) without."""
    if head[128:132] == b"DICM":
        return True
    little = head[:2] in (b"\x08\x00", b"\x02\x00") and head[3:4] == b"\0"
    big = head[:3] == b"\x00\x08\x00" and head[3:4] != b"\0"
    return len(head) > 8 and (little or big)


def read(file: BinaryIO, *, name: str, frame: int = -1) -> Picture:
    """One frame of a DICOM file. Raises `SuiteError` for one without pixels, damaged, too large or not decodable."""
    return from_dataset(parse(file, name=name), name=name, frame=frame)


def parse(file: BinaryIO, *, name: str, header_only: bool = False) -> FileDataset:
    """The data set of a file, with a transfer syntax even where the file names none.

    With `header_only` nothing from the pixels on is read. Raises `SuiteError` if it is damaged, or deflated beyond
    `MAX_INFLATED`.
    """
    with decoding(f"{name} is a DICOM file that", "export it anew."):
        file.seek(0)
        prefixed = file.read(132)[128:] == b"DICM"
        file.seek(0)
        if prefixed:
            _refuse_bomb(file, name)
        dataset = pydicom.dcmread(file, force=not prefixed, stop_before_pixels=header_only)
        if not prefixed and not header_only and len(dataset) == 0:
            raise SuiteError(f"{name} is no DICOM file, though it begins like one; give another.")
        _name_syntax(dataset)
    return dataset


def _refuse_bomb(file: BinaryIO, name: str) -> None:
    """Unpacks a deflated file without keeping it, to see how large it becomes; leaves `file` at its start."""
    file.seek(132)
    meta = pydicom.filereader.read_dataset(
        file, is_implicit_VR=False, is_little_endian=True, stop_when=lambda tag, vr, length: tag.group != 2
    )
    if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        unpacker, total = zlib.decompressobj(-zlib.MAX_WBITS), 0
        while data := unpacker.unconsumed_tail or file.read(1 << 16):
            total += len(unpacker.decompress(data, 1 << 20))
            if total > MAX_INFLATED:
                raise SuiteError(f"{name} unpacks to more than {MAX_INFLATED >> 20} MiB; save it without deflation.")
            if unpacker.eof:
                break
    file.seek(0)


def _name_syntax(dataset: FileDataset) -> None:
    """Files without meta header are of one of the three uncompressed syntaxes, as their own encoding tells."""
    if not getattr(dataset, "file_meta", None):
        dataset.file_meta = FileMetaDataset()
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        plain = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = plain


def from_dataset(dataset: FileDataset, *, name: str, frame: int = -1) -> Picture:
    """One frame of a data set that `parse` gave."""
    with decoding(f"{name} is a DICOM file whose picture", "export it anew."):
        _check(dataset, name)
        index = frame_index(frame, _frames(dataset, name), name=name)
        facts, notes = _facts(dataset, index, _frames(dataset, name)), list[str]()
        stored, bits = _stored(dataset, index, name, notes)
        if dataset.PhotometricInterpretation in _GREY:
            values = _grey(stored, bits, dataset, index, facts, notes)
        else:
            values = _colour(stored, bits, dataset, facts, name)
    if notes:
        facts["notes"] = "; ".join(notes)
    shown = values if values.ndim == 3 else values[..., None]
    return Picture(shown, preview(stored), facts)


def _check(dataset: FileDataset, name: str) -> None:
    """What every picture must say of itself, asked before any pixel is touched."""
    if dataset.get("DirectoryRecordSequence") is not None:
        raise SuiteError(f"{name} is a DICOMDIR, a list of other files; give those.")
    if not any(keyword in dataset for keyword in _PIXELS):
        kind = dataset.get("Modality") or "unknown modality"
        raise SuiteError(f"{name} is a DICOM file without pixels ({kind}); leave it out.")
    needed = ["Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated"]
    if "PixelData" in dataset:
        needed += ["BitsStored", "PixelRepresentation"]
    missing = [keyword for keyword in needed if dataset.get(keyword) in (None, "")]
    if missing:
        raise SuiteError(f"{name} does not say its {', '.join(missing)}, so its pixels cannot be read; export it anew.")
    check_size(int(dataset.Columns), int(dataset.Rows), name=name)
    if dataset.SamplesPerPixel not in (1, 3):
        raise SuiteError(f"{name} has {dataset.SamplesPerPixel} samples per pixel; 1 or 3 can be read.")


def _frames(dataset: FileDataset, name: str) -> int:
    given = dataset.get("NumberOfFrames")
    try:
        count = int(given) if given not in (None, "") else 1
    except ValueError:
        raise SuiteError(f"{name} has the number of frames {given!r}; export it anew.") from None
    return max(count, 1)


def _facts(dataset: FileDataset, index: int, count: int) -> dict[str, str]:
    facts = {
        "format": "DICOM",
        "modality": str(dataset.get("Modality") or "not said"),
        "photometric interpretation": str(dataset.PhotometricInterpretation),
        "size": f"{dataset.Columns} x {dataset.Rows}",
        "bits": f"{dataset.get('BitsStored', dataset.BitsAllocated)} of {dataset.BitsAllocated}",
        "frame": f"{index + 1} of {count}",
        "transfer syntax": UID(dataset.file_meta.TransferSyntaxUID).name,
    }
    if str(dataset.get("BurnedInAnnotation", "")).upper() == "YES":
        facts["burned-in annotation"] = "YES"
    return facts


def all_frames(dataset: FileDataset, *, name: str) -> tuple[np.ndarray, str]:
    """Stored values of all frames, and their photometric interpretation, which is RGB for every full colour."""
    decoded, space = _decoded(dataset, None, name)
    if "PixelData" in dataset and UID(dataset.file_meta.TransferSyntaxUID) in (*_NATIVE, RLELossless):
        decoded = lookup.without_unused_bits(decoded, dataset, name, [])
    return decoded, space


def _stored(dataset: FileDataset, index: int, name: str, notes: list[str]) -> tuple[np.ndarray, int]:
    """Stored values of one frame, (H, W) or (H, W, 3) in RGB, without bits that don't belong to them."""
    decoded, space = _decoded(dataset, index, name)
    if decoded.ndim == 3 and space != "RGB":
        raise SuiteError(f"{name} holds colours as {space}, which cannot be turned into RGB; save it as RGB.")
    if "PixelData" not in dataset:
        return decoded, 0
    if UID(dataset.file_meta.TransferSyntaxUID) in (*_NATIVE, RLELossless):
        decoded = lookup.without_unused_bits(decoded, dataset, name, notes)
    return decoded.astype(decoded.dtype.newbyteorder("="), copy=False), int(dataset.BitsStored)


def _decoded(dataset: FileDataset, index: int | None, name: str) -> tuple[np.ndarray, str]:
    syntax = UID(dataset.file_meta.TransferSyntaxUID)
    package = _DECODERS.get(syntax, "python-gdcm")
    try:
        decoder = pixels.get_decoder(syntax)
    except NotImplementedError:
        raise SuiteError(
            f"{name} is packed as {syntax.name}, which nothing here unpacks; save it as JPEG 2000."
        ) from None
    if not decoder.is_available:
        raise SuiteError(f"{name} is packed as {syntax.name}, which needs a decoder: pip install {package}")
    plain = syntax in _NATIVE
    if plain:
        _check_length(dataset, name)
    hint = "it may be cut short: export it anew." if plain else f"it is damaged, or needs: pip install {package}"
    with decoding(f"{name} ({syntax.name})", hint):
        whole: Any = {"correct_unused_bits": not plain and syntax != RLELossless}
        decoded, meta = decoder.as_array(dataset, index=index, **whole)
    return decoded, str(meta["photometric_interpretation"])


def _check_length(dataset: FileDataset, name: str) -> None:
    """Refuses pixels that are several times as many bytes as declared: 16-bit values called 8-bit, frames not told."""
    data = next(dataset[keyword].value for keyword in _PIXELS if keyword in dataset)
    count = int(dataset.Rows) * int(dataset.Columns) * int(dataset.SamplesPerPixel) * _frames(dataset, name)
    declared = max(1, count * int(dataset.BitsAllocated) // 8)
    times, rest = divmod(len(data or b""), declared)
    if times >= 2 and rest <= 1:
        raise SuiteError(
            f"{name} holds {times} times the bytes that {dataset.BitsAllocated} bits and {_frames(dataset, name)} "
            "frames take: BitsAllocated or NumberOfFrames is wrong; correct it."
        )


def _grey(
    stored: np.ndarray, bits: int, dataset: FileDataset, index: int, facts: dict[str, str], notes: list[str]
) -> np.ndarray:
    """Modality LUT, VOI LUT or window, padding and polarity; float32 (H, W)."""
    padding = lookup.padding(stored, dataset)
    values, ends = lookup.modality(stored, dataset, index, bits=bits, padding=padding)
    shown, window = lookup.voi(values, dataset, index, notes)
    if shown is not None and _flat(shown, padding) and not _flat(stored, padding):
        notes.append(f"{window} lies beside every value: the full range is shown instead")
        shown = None
    if shown is None:
        shown, window = scaled(values, *ends), f"none: {ends[0]:g} to {ends[1]:g}"
    facts["window"] = window
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        shown = 1 - shown
        facts["inverted"] = "yes, MONOCHROME1 stores white as 0"
    if padding.any():
        shown = np.where(padding, np.float32(0), shown)
        facts["padding"] = f"{padding.mean():.1%} of the pixels, shown black"
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        notes.append("values that are not finite are shown black")
    return shown.astype(np.float32)


def _flat(values: np.ndarray, padding: np.ndarray) -> bool:
    kept = values[~padding]
    return not kept.size or bool(kept.min() == kept.max())


def _colour(stored: np.ndarray, bits: int, dataset: FileDataset, facts: dict[str, str], name: str) -> np.ndarray:
    space = str(dataset.PhotometricInterpretation)
    if space == "PALETTE COLOR":
        stored, bits = lookup.palette(stored, dataset, name)
    elif stored.ndim != 3:
        raise SuiteError(f"{name} has one sample per pixel but calls it {space}; export it anew.")
    low, high, used = used_range(stored, most=bits)
    facts["window"] = f"none: {low:g} to {high:g}"
    if used < bits:
        facts["bits"] += f", {used} used"
    return scaled(stored, low, high)


def identifiers(file: BinaryIO, *, name: str) -> tuple[str | None, str | None]:
    """PatientID and StudyInstanceUID of the header, None for what is not there."""
    header = parse(file, name=name, header_only=True)
    patient, study = (str(header.get(keyword) or "").strip() or None for keyword in ("PatientID", "StudyInstanceUID"))
    return patient, study


def from_bytes(data: bytes, *, name: str, frame: int = -1) -> Picture:
    """As `read`, of a file's content."""
    return read(io.BytesIO(data), name=name, frame=frame)
