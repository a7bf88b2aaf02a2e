"""De-identification of DICOM files and pictures: a new file made of what is allowed, never an old one with holes.

Pixels are decoded and stored uncompressed, as compressed streams hold comments of their own; what is burned into them
stays, and is flagged, not removed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image, ImageOps
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from suite import SuiteError, load_picture, picture_file
from suite_medical_imaging.privacy import allowed
from suite_medical_imaging.privacy.burned import text_like
from suite_medical_imaging.readers import dicom, raster
from suite_medical_imaging.readers.pixels import Picture, open_picture

MAX_BYTES = 1 << 31
"""Decoded bytes of all frames above which a file is not written, as they are held in memory."""
_SLICED, _HEADS = {"CT", "MR", "PT"}, {"HEAD", "BRAIN", "SKULL", "HEADNECK", "FACE"}
"""Modalities whose slices make a surface, and parts of the body with a face on it."""
_ALWAYS = ("US", "ES", "SC", "OT", "XC", "GM", "OP", "IVUS", "EC")
"""Modalities whose pictures usually have text in their pixels, or are screenshots."""
_METHOD = "Allow-list after PS3.15 E Basic Profile; pixels not cleaned"
_NAME = "the file"  # messages must not hold the old name


@dataclass(frozen=True)
class Result:
    """What became of one file: its new name, or "" and why not, and why somebody should look at it."""

    output: str
    kind: str
    removed: int
    flags: tuple[str, ...]


class Pseudonyms:
    """Names and identifiers to others, the same for the same under one secret, without a way back: HMAC-SHA-256."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def _digest(self, kind: str, value: bytes) -> bytes:
        return hmac.new(self._secret, kind.encode() + b"\0" + value, hashlib.sha256).digest()

    def uid(self, value: str) -> str:
        """An identifier under 2.25, the root for those made of 128 random bits (PS3.5 annex B.2)."""
        return f"2.25.{int.from_bytes(self._digest('uid', value.strip().encode())[:16], 'big')}"

    def patient(self, value: str) -> str:
        """Sixteen letters and digits."""
        return base64.b32encode(self._digest("patient", value.strip().encode())[:10]).decode()

    def picture(self, content: bytes) -> str:
        """A file name for a picture without identifiers."""
        return base64.b32encode(self._digest("picture", content)[:15]).decode()


def deidentify_file(path: Path, folder: Path, pseudonyms: Pseudonyms) -> Result:
    """Writes the file anew into `folder`. Raises `SuiteError`, not naming the file, for what cannot be read."""
    with path.open("rb") as file:
        if dicom.is_dicom(file.read(352)):
            return _dicom(dicom.parse(file, name=_NAME), folder, pseudonyms)
    return _picture(path, folder, pseudonyms)


def _dicom(old: FileDataset, folder: Path, pseudonyms: Pseudonyms) -> Result:
    picture = dicom.from_dataset(old, name=_NAME)  # refuses what cannot be shown right
    new = _allowed(old, pseudonyms)
    removed = sum(1 for _ in _elements(old)) - sum(1 for _ in _elements(new)) - 1  # the pixels are not removed
    # A file without an identifier gets one of its content, so that two such files stay two.
    if "SOPInstanceUID" not in new:
        new.SOPInstanceUID = pseudonyms.uid(hashlib.sha256(str(old).encode()).hexdigest())
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        if keyword not in new:
            new.__setattr__(keyword, pseudonyms.uid(f"{keyword} of {new.SOPInstanceUID}"))
    if "SOPClassUID" not in new:
        new.SOPClassUID = SecondaryCaptureImageStorage
    patient = str(old.get("PatientID") or "").strip() or f"patient of {old.get('StudyInstanceUID', new.SOPInstanceUID)}"
    for keyword in allowed.EMPTY:
        new.__setattr__(keyword, "")
    new.PatientID = pseudonyms.patient(patient)
    flags = tuple(_flags(old, picture))
    # What a person must still look at is not known to be removed.
    new.PatientIdentityRemoved, new.DeidentificationMethod = "NO" if flags else "YES", _METHOD
    new.LongitudinalTemporalInformationModified = "REMOVED"
    new.DeidentificationMethodCodeSequence = [_code()]
    _put_pixels(new, old)
    target = _free(folder, str(new.SOPInstanceUID), ".dcm")
    _save(new, target)
    return Result(target.name, "DICOM", removed, flags)


def _allowed(old: Dataset, pseudonyms: Pseudonyms) -> Dataset:
    """A new data set of the allowed attributes, sequences entered."""
    new = Dataset()
    for tag in list(old.keys()):
        if not (keyword := pydicom.datadict.keyword_for_tag(tag)):  # private ones have none
            continue
        element = old[tag]
        if keyword in allowed.SEQUENCES and element.VR == "SQ":
            items = [_allowed(item, pseudonyms) for item in element.value]
            new.__setattr__(keyword, [item for item in items if len(item)])
        elif (value := _value(keyword, element, old, pseudonyms)) is not None:
            new.add_new(tag, element.VR, value)
    return new


def _value(keyword: str, element: Any, holder: Dataset, pseudonyms: Pseudonyms) -> Any:
    """The value to keep or to put in its place; None removes the attribute."""
    values = element.value if isinstance(element.value, list | pydicom.multival.MultiValue) else [element.value]
    if keyword in allowed.NUMBERS:
        return element.value if values and all(_is_number(value) for value in values) else None
    if keyword in allowed.WORDS:
        kept = [str(value) for value in values if str(value) in allowed.WORDS[keyword]]
        return kept if len(kept) > 1 else kept[0] if kept else None
    if keyword in allowed.UIDS:
        return pseudonyms.uid(str(element.value)) if element.value else None
    if keyword in allowed.CLASSES:
        return element.value if UID(str(element.value)).type == "SOP Class" else None
    if keyword in allowed.TABLES:
        return _table(element.value, holder.get(allowed.TABLES[keyword]), big=holder.original_encoding[1] is False)
    return None


def _is_number(value: Any) -> bool:
    try:
        return bool(np.isfinite(float(str(value))))
    except ValueError:
        return False


def _table(value: Any, descriptor: Any, *, big: bool) -> Any:
    """The table's entries without what lies behind them."""
    if not descriptor or not isinstance(value, bytes):
        return [int(entry) for entry in value] if isinstance(value, list | pydicom.multival.MultiValue) else None
    count = int(descriptor[0]) or 1 << 16
    if len(value) < 2 * count:
        return value[: count + count % 2]
    return np.frombuffer(value, ">u2" if big else "<u2", count).astype("<u2").tobytes()


def _put_pixels(new: Dataset, old: FileDataset) -> None:
    """All frames, decoded, of exactly the bytes they take."""
    size = int(old.get("Rows") or 0) * int(old.get("Columns") or 0) * int(old.get("SamplesPerPixel") or 1)
    if size * max(1, int(old.get("NumberOfFrames") or 1)) * max(1, int(old.get("BitsAllocated") or 8) // 8) > MAX_BYTES:
        raise SuiteError("The file unpacks to too many bytes.")
    frames, space = dicom.all_frames(old, name=_NAME)
    new.PhotometricInterpretation = space
    if space == "RGB":
        new.SamplesPerPixel, new.PlanarConfiguration = 3, 0
    if "PixelData" not in old:
        keyword = "FloatPixelData" if frames.dtype.itemsize == 4 else "DoubleFloatPixelData"
        new.__setattr__(keyword, frames.astype(frames.dtype.newbyteorder("<")).tobytes())
        return
    new.BitsAllocated = frames.dtype.itemsize * 8
    new.HighBit = int(new.BitsStored) - 1
    data = frames.astype(frames.dtype.newbyteorder("<")).tobytes()
    new.add_new("PixelData", "OB" if new.BitsAllocated == 8 else "OW", data + b"\0" * (len(data) % 2))


def _save(new: Dataset, target: Path) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = new.SOPClassUID, new.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    new.file_meta = meta
    new.preamble = b"\0" * 128
    new.save_as(target, enforce_file_format=True)


def _code() -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "113100", "DCM"
    code.CodeMeaning = "Basic Application Confidentiality Profile"
    return code


def _elements(dataset: Dataset) -> Iterator[Any]:
    """All elements, those of nested items too."""
    for element in dataset:
        yield element
        if element.VR == "SQ":
            for item in element.value:
                yield from _elements(item)


def _flags(old: Dataset, picture: Picture) -> Iterator[str]:
    """Reasons for a person to look at the pixels."""
    if str(old.get("BurnedInAnnotation", "")).upper() == "YES":
        yield "the header says that text is burned in"
    captured = str(old.get("SOPClassUID", "")).startswith(str(SecondaryCaptureImageStorage))  # its four relatives too
    kinds = {str(kind).upper() for kind in old.get("ImageType") or ()}
    if str(old.get("Modality") or "") in {*_ALWAYS, ""} or captured or kinds & {"SECONDARY", "SCREEN SAVE"}:
        yield "pictures of this modality usually have text burned in"
    if text_like(picture.values):
        yield "marks near the borders look like text"
    if str(old.get("Modality", "")) in _SLICED and str(old.get("BodyPartExamined") or "HEAD").upper() in _HEADS:
        yield "a face may be rebuilt from slices of a head"


def _picture(path: Path, folder: Path, pseudonyms: Pseudonyms) -> Result:
    """The pixels of a PNG, JPEG or TIFF as a PNG, without any of its other chunks."""
    picture = open_picture(path)  # refuses what is damaged, too large, or a volume
    if picture.facts["format"] == "NIfTI":
        raise SuiteError("NIfTI volumes are not written: a head's surface shows the face; remove it first.")
    if picture.facts["frame"] != "1 of 1":
        raise SuiteError("Pictures of several frames are not written; split them.")
    if "16-bit colour" in picture.facts.get("notes", "") or picture.facts["bits"] == "float":
        raise SuiteError("Colour of 16 bits and floats are not written, as half of each value would be lost.")
    with picture_file(path, path.name, formats=raster.FORMATS) as opened:
        values = _values(ImageOps.exif_transpose(load_picture(opened, path.name)))
    target = _free(folder, pseudonyms.picture(values.tobytes()), ".png")
    Image.fromarray(values).save(target)
    flags = ["no header says whether text is burned in"]
    if text_like(picture.values):
        flags.append("marks near the borders look like text")
    return Result(target.name, "picture", 0, tuple(flags))


def _values(image: Image.Image) -> np.ndarray:
    """8 or 16 bit grey or RGB; transparent parts black, as colours behind them may be what somebody masked."""
    if not image.mode.startswith("I"):
        image, _ = raster.plain(image)
        return np.asarray(image.convert("L") if image.mode == "1" else image)
    values = np.asarray(image)
    if values.min() < 0 or values.max() >= 1 << 16:
        raise SuiteError("Grey values below 0 or above 65,535 are not written, as a PNG cannot hold them.")
    return values.astype(np.uint16)


def _free(folder: Path, name: str, ending: str) -> Path:
    """A name in `folder` that no file has yet: two files of one identifier are both kept."""
    target, number = folder / f"{name}{ending}", 2
    while target.exists():
        target, number = folder / f"{name}-{number}{ending}", number + 1
    return target
