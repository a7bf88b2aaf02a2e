"""Formats only speech knows: Common Voice folders, and recordings with subtitles beside them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from datasets import Dataset

from suite import SuiteError, decoding
from suite_speech.data import subtitles
from suite_speech.data.audio import ENDINGS

_SUBTITLES = (".srt", ".vtt")
_SPLITS = {"train": "train", "dev": "validation", "test": "test"}  # Common Voice's word and ours
_WHOLE = ("validated", "other")  # tables without splits, the better one first


def read(path: Path) -> Dataset | None:
    """Rows of a Common Voice or subtitle folder (or a Common Voice table), None for anything else."""
    if path.is_file() and path.suffix == ".tsv" and (path.parent / "clips").is_dir():
        return _dataset(_table(path, ""))
    if not path.is_dir():
        return None
    if (path / "clips").is_dir() and list(path.glob("*.tsv")):
        return _dataset(_common_voice(path))
    if pairs := _subtitled(path):
        return _dataset(_cues(pairs))
    return None


def _common_voice(folder: Path) -> list[dict[str, Any]]:
    tables = [name for name in _SPLITS if (folder / f"{name}.tsv").is_file()]
    if "train" in tables:
        return [row for name in tables for row in _table(folder / f"{name}.tsv", _SPLITS[name])]
    for name in _WHOLE:
        if (folder / f"{name}.tsv").is_file():
            return _table(folder / f"{name}.tsv", "")
    raise SuiteError(f"{folder} has clips but neither train.tsv nor validated.tsv.")


def _table(path: Path, split: str) -> list[dict[str, Any]]:
    """Rows of one Common Voice table; a quote in a sentence is a character, not a delimiter."""
    with decoding(path, "save it as UTF-8, parted by tabs."), path.open(encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        names, rows = set(table.fieldnames or ()), list(table)
    if missing := {"path", "sentence"} - names:
        raise SuiteError(f"{path} lacks {', '.join(sorted(missing))}; Common Voice tables have path and sentence.")
    return [_row(row, path.parent / "clips", split) for row in rows]


def _row(row: dict[str, str | None], clips: Path, split: str) -> dict[str, Any]:
    # The name alone: a table must not reach files outside its own folder. A row cut short has None.
    name = Path(row["path"] or "").name
    audio = str(clips / name) if name not in ("", "..") else None
    values: dict[str, Any] = {"audio": audio, "text": row["sentence"], "speaker": row.get("client_id")}
    language = (row.get("locale") or "").split("-")[0]
    return values | ({"language": language} if language else {}) | ({"split": split} if split else {})


def _subtitled(folder: Path) -> list[tuple[Path, Path]]:
    """Recordings with their subtitles: the same name, perhaps with a language before the ending (talk.fr.srt)."""
    recordings = [
        path for path in sorted(folder.rglob("*")) if path.suffix.lower() in ENDINGS and not path.is_symlink()
    ]
    pairs = []
    for recording in recordings:
        beside = sorted(
            path for path in recording.parent.iterdir() if path.suffix.lower() in _SUBTITLES and not path.is_symlink()
        )
        fitting = [path for path in beside if path.name.startswith(f"{recording.stem}.")]
        if fitting:
            pairs.append((recording, fitting[0]))
    return pairs


def _cues(pairs: list[tuple[Path, Path]]) -> list[dict[str, Any]]:
    return [
        {"audio": str(recording), "text": cue.text, "start": cue.start, "end": cue.end, "speaker": recording.stem}
        for recording, path in pairs
        for cue in subtitles.parse(path)
    ]


def _dataset(rows: list[dict[str, Any]]) -> Dataset:
    if not rows:
        raise SuiteError("The table has no rows.")
    return Dataset.from_list(rows)
