"""Pictures that a visitor of the demo wants to teach: kept in a folder, with the command that trains on it."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from suite import SuiteError
from suite_image_generation.pictures import files as pictures
from suite_image_generation.pictures import prompts

FEWEST, MOST = 5, 50
"""Pictures of a style: fewer are learnt by heart at once, for more a folder and the command line are better."""
LARGEST = 20_000_000
"""Bytes of a picture: what cameras write as JPEG."""

ROOM = 1_000_000_000
"""Bytes of all stored styles: where many visit, nobody may fill the disk."""


@dataclass(frozen=True)
class Style:
    """A stored style: where, of how many pictures, what was left out and why, and the command that learns it."""

    folder: Path
    pictures: int
    left_out: tuple[str, ...]
    command: str


def caption_of(path: str | Path) -> str:
    """A caption from a file's name: words without numbers at the ends.

    >>> caption_of("scans/03_Red-Fox (2).jpeg")
    'red fox'
    """
    words = re.sub(r"[\W_]+", " ", unicodedata.normalize("NFC", Path(path).stem)).lower().split()
    while words and words[0].isdigit():
        words.pop(0)
    while words and words[-1].isdigit():
        words.pop()
    return " ".join(words)


def store(
    files: Sequence[str | Path], captions: Sequence[str], name: str, *, runs: Path, domain: str, model: str = ""
) -> Style:
    """Copies the pictures, each with its caption in a text file beside it, into a new folder below the runs.

    `model` is the one to start from, the starter unless given. A picture that cannot be read is left out and told.
    Raises `SuiteError` where captions are missing, or where fewer than `FEWEST` or more than `MOST` pictures are given.
    """
    cleaned = [prompts.cut(caption)[0] for caption in captions]
    good, left_out = [], []
    for path, caption in zip(map(Path, files), cleaned, strict=True):
        problem = _problem(path)
        if problem:
            left_out.append(f"{path.name}: {problem}.")
        else:
            good.append((path, caption))
    _check(good, left_out)
    _check_room(runs / domain / "styles", [path for path, _ in good])
    folder = _new_folder(runs / domain / "styles", name)
    for number, (path, caption) in enumerate(good, start=1):
        copy = folder / f"{number:03}{path.suffix.lower()}"
        copy.write_bytes(path.read_bytes())
        copy.with_suffix(".txt").write_text(caption + "\n", encoding="utf-8")
    command = f"suite {domain} train --data {shlex.quote(str(folder))} --name {folder.name}"
    command += f" --model {shlex.quote(model)}" if model else ""
    return Style(folder, len(good), tuple(left_out), command)


def _problem(path: Path) -> str:
    if path.stat().st_size > LARGEST:
        return f"it has more than {LARGEST // 1_000_000} MB; shrink it"
    return pictures.facts(path.read_bytes()).problem


def _check(good: Sequence[tuple[Path, str]], left_out: Sequence[str]) -> None:
    why = f" Left out: {' '.join(left_out)}" if left_out else ""
    if not FEWEST <= len(good) <= MOST:
        raise SuiteError(f"A style takes {FEWEST} to {MOST} pictures; there are {len(good)}.{why}")
    if missing := [path.name for path, caption in good if not caption]:
        raise SuiteError(f"Say in a few words what {', '.join(missing[:5])} shows: a caption is missing.")


def _check_room(parent: Path, new: Sequence[Path]) -> None:
    stored = sum(path.stat().st_size for path in [*parent.glob("*/*"), *new])
    if stored > ROOM:
        raise SuiteError(f"{parent} would hold more than {ROOM / 1e9:g} GB of styles; remove some there first.")


def _new_folder(parent: Path, name: str) -> Path:
    """A folder that was not there before, named safely."""
    stem = re.sub(r"[^a-z0-9]+", "-", unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower())
    stem = stem.strip("-")[:40] or "style"
    number = 1
    while True:
        folder = parent / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
        except OSError as error:
            raise SuiteError(f"The style could not be stored in {parent}: {error.strerror}.") from None
        else:
            return folder
