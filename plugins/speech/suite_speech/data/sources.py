"""Formats only speech knows: Common Voice folders, and recordings with subtitles beside them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset

from suite import SuiteError, decoding, located
from suite_speech.data import subtitles
from suite_speech.data.audio import ENDINGS

_SUBTITLES = (".srt", ".vtt")
_SPLITS = {"train": "train", "dev": "validation", "test": "test"}  # Common Voice's word and ours
_WHOLE = ("validated", "other")  # tables without splits, the better one first


@dataclass(frozen=True)
class _Source:
    """The rows of one file, in its order; `unit` is what a number in it counts, where that is no line."""

    path: Path
    rows: list[dict[str, Any]]
    unit: str = ""


def read(path: Path) -> Dataset | None:
    """Rows of a Common Voice or subtitle folder (or a Common Voice table), None for anything else."""
    sources = _sources(path)
    return None if sources is None else _dataset(sources)


def located_rows(path: Path) -> Dataset | None:
    """The same, with the line of the table or the cue of the subtitles that each row is from."""
    sources = _sources(path)
    if sources is None:
        return None
    files = [source.path for source in sources for _ in source.rows]
    numbers = [number for source in sources for number in range(len(source.rows))]
    return located(_dataset(sources), files, numbers, sources[0].unit)


def _sources(path: Path) -> list[_Source] | None:
    if path.is_file() and path.suffix == ".tsv" and (path.parent / "clips").is_dir():
        return [_Source(path, _table(path, ""))]
    if not path.is_dir():
        return None
    if (path / "clips").is_dir() and list(path.glob("*.tsv")):
        return _common_voice(path)
    return [_Source(beside, _cues(recording, beside), "cue") for recording, beside in _subtitled(path)] or None


def _common_voice(folder: Path) -> list[_Source]:
    tables = [name for name in _SPLITS if (folder / f"{name}.tsv").is_file()]
    if "train" in tables:
        paths = {name: folder / f"{name}.tsv" for name in tables}
        return [_Source(path, _table(path, _SPLITS[name])) for name, path in paths.items()]
    for name in _WHOLE:
        if (path := folder / f"{name}.tsv").is_file():
            return [_Source(path, _table(path, ""))]
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


def _cues(recording: Path, path: Path) -> list[dict[str, Any]]:
    return [
        {"audio": str(recording), "text": cue.text, "start": cue.start, "end": cue.end, "speaker": recording.stem}
        for cue in subtitles.parse(path)
    ]


def _dataset(sources: list[_Source]) -> Dataset:
    rows = [row for source in sources for row in source.rows]
    if not rows:
        raise SuiteError("The table has no rows.")
    return Dataset.from_list(rows)
