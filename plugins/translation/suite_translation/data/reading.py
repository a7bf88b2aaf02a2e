"""What only this domain can read: files of strings as training rows, and what `predict` is given."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suite import Splits, SuiteError
from suite_translation.data.cleaning import LONGEST
from suite_translation.data.source import Source

if TYPE_CHECKING:
    from datasets import Dataset

    from suite_translation.config import TranslationConfig

CATALOGUES = (".po", ".pot", ".xlf", ".xliff", ".tmx")
"""Files that hold both languages, and nothing but strings."""
STARTER_TABLE = "strings.parquet"
"""What the starter's data are in, beside the manifest of the cache."""
_PATH = re.compile(r"[\w.~/\\:-]+\.[A-Za-z0-9]{1,5}")


def rows_of(path: Path, config: TranslationConfig) -> Dataset | None:
    """Source, target, language, file, context and style of the finished strings below `path`; None for a table.

    Raises `SuiteError` for a file that is damaged, and for one in which nothing is translated.
    """
    from datasets import Dataset

    from suite_translation import formats

    if (path / STARTER_TABLE).is_file():
        return Dataset.from_parquet(str(path / STARTER_TABLE))
    if path.is_dir():
        rows = list(formats.pair_files(path)) if _has_catalogues(path) else []
        if not rows:
            return None
    elif path.suffix.lower() in CATALOGUES:
        rows = list(formats.pairs(formats.read_document(path, language=config.target_language)))
    else:
        return None
    if not rows:
        raise SuiteError(f"{path.name} has no finished translation to learn from; give one with translations.")
    return Dataset.from_list([{**row, "file": row.get("file") or path.name} for row in rows])


def _has_catalogues(folder: Path) -> bool:
    """Whether it may hold any; JSON files are, where they lie in pairs of languages."""
    return any(path.suffix.lower() in (*CATALOGUES, ".json", ".arb") for path in folder.rglob("*"))


def unseen(splits: Splits) -> Splits:
    """The splits without texts in validation and test that training has too: files of one project share many."""
    known = set(splits["train"]["source"])
    for name in ("validation", "test"):
        rows = splits[name]
        kept = [row for row, source in enumerate(rows["source"]) if source not in known]
        if not kept:
            raise SuiteError(f"Every text of the {name} files is in the training files too; give more files.")
        if len(kept) < len(rows):
            click.echo(
                f"{len(rows) - len(kept)} texts of the {name} files are in other files too and left out.", err=True
            )
        known |= set(rows["source"])
        splits[name] = rows.select(kept)
    return splits


def inputs(argument: str, language: str) -> list[Source]:
    """Examples of one argument of `predict`. Raises `SuiteError` for a file that is not there or cannot be read."""
    path = Path(argument).expanduser()
    if not _is_file(path):
        if _PATH.fullmatch(argument):
            raise SuiteError(f"There is no file {argument!r}; give a text, a .txt file or a file of strings.")
        if not argument.strip():
            raise SuiteError("The text is empty; give one to translate.")
        return [_source(_fitting(argument), language)]
    if path.suffix.lower() == ".txt":
        return [_source(line, language) for line in _lines(path) if line.strip()]
    return _segments(path, language)


def _segments(path: Path, language: str) -> list[Source]:
    from suite_translation import formats

    document = formats.read_document(path, language=language)
    found: list[Any] = [segment for segment in document.segments if segment.translate and segment.source.strip()]
    return [
        {"source": one.source, "language": language, "style": one.style, "max_length": one.max_length} for one in found
    ]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # longer than a name may be, or with a NUL: a text
        return False


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise SuiteError(
            f"{path.name} is not UTF-8 (byte {error.start} is {error.object[error.start]:#x}); save it as UTF-8."
        ) from None
    except OSError as error:
        raise SuiteError(f"{path} cannot be read: {error.strerror}.") from None


def _fitting(text: str) -> str:
    if len(text) > LONGEST:
        raise SuiteError(
            f"The text has {len(text):,} characters, and {LONGEST:,} is the most for one; give a .txt file of lines."
        )
    return text


def _source(text: str, language: str) -> Source:
    return {"source": text, "language": language, "style": None, "max_length": None}
