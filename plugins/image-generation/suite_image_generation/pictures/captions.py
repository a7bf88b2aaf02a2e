"""Captioned pictures: sidecar text files, and what is wrong with rows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from suite import Finding, SuiteError, bar, column
from suite_image_generation.pictures.prompts import LONGEST

if TYPE_CHECKING:
    from datasets import Dataset

SIDECARS = (".txt", ".caption")
"""Endings of a caption file beside its picture, as the trainers of the field write them."""
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
SPLITS = ("train", "training", "validation", "valid", "val", "dev", "test", "testing")


def read(folder: Path) -> Dataset | None:
    """Rows of a folder of pictures with a text file beside each; None where there is a table, or no picture.

    A picture without a text file has no caption, and is rejected by name later. Raises `SuiteError` where none has one.
    """
    names = _walk(folder)
    if not folder.is_dir() or not any(name.lower().endswith(PICTURES) for name in names):
        return None
    if any(name.lower().endswith(TABLES) for name in names):
        return None
    from datasets import Dataset

    rows = [_row(folder, name) for name in names if name.lower().endswith(PICTURES)]
    if not any(row["caption"] for row in rows):
        raise SuiteError(
            f"{folder} holds {len(rows)} pictures and no caption: put a text file beside each (cat.png, cat.txt), or a "
            "metadata.csv with the columns file_name and text."
        )
    if not any(row["split"] for row in rows):
        rows = [{name: row[name] for name in ("image", "caption")} for row in rows]
    return Dataset.from_list(rows)


def pictures_below(folder: Path) -> list[Path]:
    """Picture files below a folder, sorted; links are left out, as they may lead anywhere."""
    found = [folder / name for name in _walk(folder) if name.lower().endswith(PICTURES)]
    return [path for path in found if not path.is_symlink()]


def findings(rows: Dataset, smallest: int) -> Iterator[Finding]:
    """Pictures that can't be used, how others are read, and captions that are none.

    `smallest` is the side of the square trained on, where that is known before a model is; 0 says nothing of it.
    """
    from suite_image_generation.pictures.files import facts, name

    for row in bar(range(len(rows)), description="Looking at pictures", unit="picture"):
        value = rows[row]["image"]
        found = facts(value)
        if found.problem:
            yield Finding("error", f"image {name(value)!r} can't be used: {found.problem}", row)
            continue
        yield from (Finding("note", f"image {name(value)!r}: {note}", row) for note in found.notes)
        if found.width * found.height < smallest**2:
            size = f"{found.width} x {found.height}"
            yield Finding("warning", f"image {name(value)!r} has {size} pixels and is enlarged", row)
    yield from _captions(column(rows, "caption").to_pylist())


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


def _row(folder: Path, name: str) -> dict[str, Any]:
    first = Path(name).parts[0].lower()
    split = first if first in SPLITS and len(Path(name).parts) > 1 else None
    return {"image": name, "caption": _sidecar(folder / name), "split": split}


def _sidecar(picture: Path) -> str | None:
    """The text beside a picture on one line; None where there is none."""
    for ending in SIDECARS:
        path = picture.with_suffix(ending)
        if path.is_file() and not path.is_symlink():
            try:
                return " ".join(path.read_text(encoding="utf-8-sig").split()) or None
            except UnicodeDecodeError:
                raise SuiteError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
    return None


def _walk(folder: Path) -> list[str]:
    """Names of files below the folder, sorted; neither hidden ones nor folders that are links."""
    names = []
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inside = Path(where).relative_to(folder)
        names += [str(inside / name) for name in sorted(files) if not name.startswith(".")]
    return names
