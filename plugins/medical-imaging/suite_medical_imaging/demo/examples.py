"""Examples of the Demo tab: slices of the starter's test split with what is known of them, one of them as DICOM."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from suite import Predictor, cache_dir
from suite_medical_imaging.starter.assets import LESIONS, SIZE

COUNT = 6
"""Pictures on offer before the DICOM file: the first of the test split, every second of them with a lesion."""
_BLACK, _SCALE = 300, 9
"""Stored 12-bit value of black, and per grey level: a scanner does not begin at 0, nor use the whole range."""


@dataclass(frozen=True)
class Known:
    """An example: the file to be asked, its caption, its thumbnail, and what is true of it."""

    path: Path
    caption: str
    picture: Path
    label: str
    patient: str
    mask: Path | None

    def mask_pixels(self) -> np.ndarray | None:
        """(H, W) bool, where there is a lesion."""
        return np.asarray(Image.open(self.mask)) > 127 if self.mask else None


def starter_folder() -> Path:
    """Where the slices are once they have been fetched; a demo must not wait for a download."""
    return cache_dir() / "assets" / f"{LESIONS.name}@{LESIONS.revision}"


def known_examples(folder: Path | None = None) -> list[Known]:
    """Six slices and a seventh as a DICOM file, which is written into the cache; none before the starter is fetched."""
    folder = folder or starter_folder()
    table = folder / "metadata.jsonl"
    if not table.is_file():
        return []
    rows = [json.loads(line) for line in table.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row["split"] == "test"]
    examples = [_known(folder, row, str(number)) for number, row in enumerate(rows[:COUNT], start=1)]
    for row in [row for row in rows[COUNT:] if row["label"] == "lesion"][:1]:
        plain = _known(folder, row, "DICOM")
        name = f"{LESIONS.name}@{LESIONS.revision}-{plain.picture.stem}.dcm"
        path = as_dicom(plain.picture, cache_dir() / "medical-imaging" / name)
        examples.append(Known(path, plain.caption, plain.picture, plain.label, plain.patient, plain.mask))
    return examples


def first() -> Path:
    """The first example, or a picture of nothing where there are none."""
    known = known_examples()
    return known[0].path if known else blank()


def demo_call(predictor: Predictor) -> tuple[str, list[Any]]:
    """The first example of the demo, its middle frame."""
    return "medical_imaging_classify", [first(), -1]


def blank() -> Path:
    """A grey PNG in the cache: any model of the domain says something about it, and nothing true."""
    path = cache_dir() / "medical-imaging" / "blank.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((SIZE, SIZE), 128, np.uint8)).save(path)
    return path


def _known(folder: Path, row: dict[str, str], caption: str) -> Known:
    path = folder / row["image"]
    return Known(path, caption, path, row["label"], row["patient"], folder / row["mask"] if row["mask"] else None)


def as_dicom(picture: Path, out: Path) -> Path:
    """The grey 8-bit `picture` as a windowed 12-bit MONOCHROME1 secondary capture, which shows exactly the same.

    MONOCHROME1 stores white as 0: as stored it is a negative. An `out` that is there is kept.
    """
    if out.is_file():
        return out
    pixels = np.asarray(Image.open(picture).convert("L")).astype(np.uint16)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = SecondaryCaptureImageStorage, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[picture.name])
    file = FileDataset(str(out), {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    file.PatientName, file.PatientID, file.Modality, file.ConversionType = "Example^Simulated", "", "OT", "WSD"
    file.Rows, file.Columns = pixels.shape
    file.SamplesPerPixel, file.PhotometricInterpretation, file.PixelRepresentation = 1, "MONOCHROME1", 0
    file.BitsAllocated, file.BitsStored, file.HighBit = 16, 12, 11
    # PS3.3 C.11.2.1.2: from center - 0.5 - (width - 1) / 2 on it is black, 255 levels further white.
    file.WindowWidth = 255 * _SCALE + 1
    file.WindowCenter = 4095 - _BLACK - 255 * _SCALE / 2 + 0.5
    file.PixelData = (4095 - _BLACK - _SCALE * pixels).astype("<u2").tobytes()
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f".{out.name}.{os.getpid()}")
    file.save_as(aside, enforce_file_format=True)
    aside.replace(out)
    return out
