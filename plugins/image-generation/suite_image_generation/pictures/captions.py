"""Captioned pictures: sidecar text files, and what is wrong with rows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset
from pyarrow import parquet

from suite import Finding, SuiteError, bar, column, decoding
from suite_image_generation.pictures.files import facts, name
from suite_image_generation.pictures.prompts import LONGEST

SIDECARS = (".txt", ".caption")
"""Endings of a caption file beside its picture, as the trainers of the field write them."""
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
SPLITS = ("train", "training", "validation", "valid", "val", "dev", "test", "testing")


def read(folder: Path) -> Dataset | None:
    """Rows of a folder of pictures with a text file beside each; None where there is a table, or no picture.

    A picture without a text file has no caption, and is rejected by name later. Raises `SuiteError` where none has one.
    """
    paths = _walk(folder)
    if not folder.is_dir() or not any(path.lower().endswith(PICTURES) for path in paths):
        return None
    if any(path.lower().endswith(TABLES) for path in paths):
        return None
    rows = [_row(folder, path) for path in paths if path.lower().endswith(PICTURES)]
    if not any(row["caption"] for row in rows):
        raise SuiteError(
            f"{folder} holds {len(rows)} pictures and no caption: put a text file beside each (cat.png, cat.txt), or a "
            "metadata.csv with the columns file_name and text."
        )
    if not any(row["split"] for row in rows):
        rows = [{key: row[key] for key in ("image", "caption")} for row in rows]
    return Dataset.from_list(rows)


def is_sidecar(file: Path) -> bool:
    """Whether a file is the caption of a picture beside it."""
    return file.suffix in SIDECARS and any(file.with_suffix(ending).is_file() for ending in PICTURES)


def pictures_below(folder: Path) -> list[Path]:
    """Picture files below a folder, sorted; links are left out, as they may lead anywhere."""
    files = [folder / path for path in _walk(folder) if path.lower().endswith(PICTURES)]
    return [file for file in files if not file.is_symlink()]


def pictures_of(data: Path) -> Sequence[Any]:
    """Names of the picture files below a folder, or the pictures of a Parquet file's column `image`.

    Raises `SuiteError` where there are none.
    """
    if data.is_dir():
        pictures: Sequence[Any] = [str(path) for path in pictures_below(data)]
    elif data.suffix == ".parquet" and data.is_file():
        pictures = _column(data)
    else:
        raise SuiteError(f"There is no folder or Parquet file {str(data)!r}; give one that holds pictures.")
    if not len(pictures):
        raise SuiteError(f"{data} holds no picture ({', '.join(PICTURES)}).")
    return pictures


def findings(rows: Dataset, smallest: int) -> Iterator[Finding]:
    """Pictures that can't be used, how others are read, and captions that are none.

    `smallest` is the side of the square trained on, where that is known before a model is; 0 says nothing of it.
    """
    for row in bar(range(len(rows)), description="Looking at pictures", unit="picture"):
        value = rows[row]["image"]
        picture = facts(value)
        if picture.problem:
            yield Finding("error", f"image {name(value)!r} can't be used: {picture.problem}", row)
            continue
        yield from (Finding("note", f"image {name(value)!r}: {note}", row) for note in picture.notes)
        if picture.width * picture.height < smallest**2:
            size = f"{picture.width} x {picture.height}"
            yield Finding("warning", f"image {name(value)!r} has {size} pixels and is enlarged", row)
    yield from _captions(column(rows, "caption").to_pylist())


def _column(path: Path) -> list[Any]:
    """Pictures as bytes; a path in a table is not followed."""
    with decoding(path):
        values = parquet.read_table(path, columns=["image"]).column("image").to_pylist()
    return [value for value in values if isinstance(value, dict) and value.get("bytes")]


def _captions(captions: Iterable[str]) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for row, caption in enumerate(captions):
        if not any(letter.isalnum() for letter in caption):
            yield Finding("error", f"caption {caption.strip()!r} has no letter", row)
        elif len(caption) > LONGEST:
            yield Finding("warning", f"caption has {len(caption)} characters; text encoders read the beginning", row)
        seen[caption.strip()] = seen.get(caption.strip(), 0) + 1
    if len(seen) == 1 and sum(seen.values()) > 1:
        yield Finding("warning", f"caption is {next(iter(seen))!r} in every row; a model has no word to tell apart.")


def _row(folder: Path, path: str) -> dict[str, Any]:
    first = Path(path).parts[0].lower()
    split = first if first in SPLITS and len(Path(path).parts) > 1 else None
    return {"image": path, "caption": _sidecar(folder / path), "split": split}


def _sidecar(picture: Path) -> str | None:
    """The text beside a picture on one line; None where there is none."""
    for ending in SIDECARS:
        path = picture.with_suffix(ending)
        if path.is_file() and not path.is_symlink():
            with decoding(path, "save it as UTF-8."):
                return " ".join(path.read_text(encoding="utf-8-sig").split()) or None
    return None


def _walk(folder: Path) -> list[str]:
    """Names of files below the folder, sorted; neither hidden ones nor folders that are links."""
    paths = []
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(path for path in folders if not path.startswith("."))
        inside = Path(where).relative_to(folder)
        paths += [str(inside / path) for path in sorted(files) if not path.startswith(".")]
    return paths
