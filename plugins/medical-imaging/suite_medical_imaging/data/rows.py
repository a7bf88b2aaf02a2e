"""Rows of folders and tables whose files only medicine knows; what the core reads itself is left to it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from datasets import Dataset
from datasets.table import InMemoryTable

from suite import SuiteError, located, read_table
from suite_medical_imaging.data.names import IMAGE_ALIASES, LABELLED, PATIENT_ALIASES
from suite_medical_imaging.readers import dicom, volumes

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset

_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
_TABLES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".json")
_SPLITS = {"train": "train", "validation": "validation", "valid": "validation", "val": "validation", "test": "test"}
_HEAD = 352
_READERS = 8
"""Headers read at a time: they wait for the disk, not for the processor."""


def read_rows(path: Path) -> Dataset | None:
    """Rows of a folder or table that names DICOM or NIfTI files; None for what the core reads itself.

    A folder holds one table (or one named after each split), or files in a folder per class, perhaps below folders
    named train, validation and test. File columns keep their name and hold absolute paths; `frame` (int32, -1 for the
    middle) and, from DICOM headers, `patient` are added where the table lacks them; rows without a patient are grouped
    by study, else by file, so that slices of one volume stay in one split. Raises `SuiteError` for a name
    that leads outside the folder.
    """
    if path.is_file():
        return _from_tables([(path, "")], path.parent) if path.suffix.lower() in _TABLES else None
    if not path.is_dir():
        return None
    tables = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in _TABLES and entry.name[0] != ".")
    by_split = [(table, split) for table in tables if (split := _SPLITS.get(re.split(r"[.-]", table.name.lower())[0]))]
    if by_split or len(tables) == 1:
        return _from_tables(by_split or [(tables[0], "")], path)
    return None if tables else _from_folder(path)


def _from_tables(tables: list[tuple[Path, str]], root: Path) -> Dataset | None:
    parts = []
    for path, split in tables:
        table = _table(path)
        column = _named(table.column_names, ("image", *IMAGE_ALIASES)) if table is not None else None
        if table is None or column is None or not pa.types.is_string(table.schema.field(column).type):
            return None
        names = table.column(column).to_pylist()
        table = table.set_column(
            table.column_names.index(column), column, pa.array([_inside(root, name) for name in names], pa.string())
        )
        parts.append(table.append_column("split", pa.array([split] * len(table))) if split else table)
    table = parts[0] if len(parts) == 1 else pa.concat_tables(parts, promote_options="permissive")
    files = table.column(column).to_pylist()
    if not any(map(_medical, files)):
        return None
    counts = [(path, len(part)) for (path, _), part in zip(tables, parts, strict=True)]
    where = [(path, number) for path, count in counts for number in range(count)]
    return located(_completed(table, files, root), [path for path, _ in where], [number for _, number in where])


def _table(path: Path) -> pa.Table | None:
    """A table as the core reads it; None if it is damaged, which the core tells when it is asked next."""
    try:
        return read_table(path, LABELLED)
    except SuiteError:
        return None


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _named(names: list[str], wanted: tuple[str, ...]) -> str | None:
    """The first of `wanted` that is there."""
    originals = {_plain(name): name for name in reversed(names)}
    return next((originals[_plain(name)] for name in wanted if _plain(name) in originals), None)


def _inside(root: Path, name: str | None) -> str | None:
    """The absolute path of a name in a table, since headers are read here, before the core asks its own gate."""
    if not name:
        return None
    if "://" in name or name.startswith("\\\\") or "\0" in name:
        raise SuiteError(f"{name!r} is an address, and data are never fetched from one; give a local file.")
    path, top = os.path.realpath(root / name), os.path.realpath(root)
    if not path.startswith(top.rstrip(os.sep) + os.sep):
        raise SuiteError(f"{name!r} leads outside {root}, and nothing there is opened; put the file into that folder.")
    return path


def _from_folder(folder: Path) -> Dataset | None:
    """A row per picture: the folder below the root, or below a split's folder, is its class."""
    files = list(_walk(folder))
    if not any(map(_medical, files)):
        return None
    places = [Path(file).relative_to(folder).parts[:-1] for file in files]
    split = bool(places) and all(parts and parts[0].lower() in _SPLITS for parts in places)
    columns: dict[str, Any] = {"image": files}
    if split:
        columns["split"] = [_SPLITS[parts[0].lower()] for parts in places]
        places = [parts[1:] for parts in places]
    if any(places):
        columns["label"] = [parts[0] if parts else None for parts in places]
    return _completed(
        pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()}), files, folder
    )


def _walk(folder: Path) -> Iterator[str]:
    """Pictures below `folder`, sorted; links are left out, as they may lead anywhere."""
    top = folder.absolute()
    for where, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(where, name)
            if name.startswith((".", "DICOMDIR")) or path.is_symlink():
                continue
            if path.suffix.lower() in _PICTURES or _medical(str(path)):
                yield str(path)


def _medical(file: str | None) -> bool:
    """Whether a file is DICOM or NIfTI: by its name where that is clear, by its content where it has no usual one."""
    if not file or file.lower().endswith(_PICTURES):
        return False
    if file.lower().endswith((".dcm", ".dicom", ".nii", ".nii.gz")):
        return True
    try:
        with Path(file).open("rb") as opened:
            head = opened.read(_HEAD)
    except OSError:
        return False
    return dicom.is_dicom(head) or volumes.is_nifti(head)


def _completed(table: pa.Table, files: Sequence[str | None], root: Path) -> Dataset:
    """With the column `frame`, and `patient` without gaps where splits could else share a patient, study or file."""
    if "frame" not in table.column_names:
        table = table.append_column("frame", pa.array([-1] * len(table), pa.int32()))
    name = _named(table.column_names, ("patient", *PATIENT_ALIASES))
    given = [_text(value) for value in table.column(name).to_pylist()] if name else [None] * len(table)
    if not all(given):
        with ThreadPoolExecutor(_READERS) as readers:
            headers = list(readers.map(_identifiers, files))
        if not name:
            given = [patient for patient, _ in headers]
        places = [study or _place(file, root) for (_, study), file in zip(headers, files, strict=True)]
        groups = pa.array(_groups(given, places), pa.string())
        if name:
            table = table.set_column(table.column_names.index(name), name, groups)
        elif any(given) or len(groups.unique()) < len(groups):  # else every row stands alone, as it does without
            table = table.append_column("patient", groups)
    return Dataset(InMemoryTable(table.combine_chunks()))


def _groups(given: Sequence[str | None], places: Sequence[str | None]) -> list[str | None]:
    """Who each row is of: as given, else as another row of its study or file, else that study or file."""
    known = {place: patient for place, patient in zip(places, given, strict=True) if patient}
    return [patient or known.get(place, place) for patient, place in zip(given, places, strict=True)]


def _text(value: Any) -> str | None:
    return None if value is None or value != value else str(value).strip() or None


def _place(file: str | None, root: Path) -> str | None:
    """The file's place below `root`, which a copy of the data elsewhere shares, so that it is split alike."""
    return os.path.relpath(os.path.realpath(file), os.path.realpath(root)) if file else None


def _identifiers(file: str | None) -> tuple[str | None, str | None]:
    """PatientID and StudyInstanceUID of a DICOM file; None for others and for damaged ones, which `findings` tells."""
    if not file:
        return None, None
    try:
        with Path(file).open("rb") as opened:
            head = opened.read(_HEAD)
            return dicom.identifiers(opened, name=Path(file).name) if dicom.is_dicom(head) else (None, None)
    except (OSError, SuiteError):
        return None, None
