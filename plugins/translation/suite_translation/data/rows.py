"""Rows of texts with their translations: how they are read, what is wrong with them, and how they are parted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from datasets import Dataset

from suite import Columns, Data, Finding, Splits, SuiteError, located
from suite_translation import formats
from suite_translation.config import TranslationConfig
from suite_translation.data.cleaning import findings
from suite_translation.formats.pairing import pair_files

CATALOGUES = (".po", ".pot", ".xlf", ".xliff", ".tmx")
"""Files that hold both languages, and nothing but strings."""
STARTER_TABLE = "strings.parquet"
"""What the starter's data are in, beside the manifest of the cache."""


class TranslationData(Data):
    """A row is a text with its translation into one language."""

    config: TranslationConfig

    @property
    def columns(self) -> Columns:
        """The domain's columns, grouped by what `split_by` names: the source text or the file."""
        return replace(self.domain.columns, group=self.config.split_by)

    def read(self, path: Path) -> Dataset | None:
        """Source, target, language, file, context and style of the finished strings below `path`: a PO, XLIFF or TMX
        file, or a folder of them or of JSON files in two languages; None for a table, which the core reads.

        Raises `SuiteError` for a file that is damaged, and for one in which nothing is translated.
        """
        if (path / STARTER_TABLE).is_file():
            return Dataset.from_parquet(str(path / STARTER_TABLE))
        if path.is_dir():
            rows = list(pair_files(path)) if _has_catalogues(path) else []
            if not rows:
                return None
        elif path.suffix.lower() in CATALOGUES:
            document = formats.read_document(path, language=self.config.target_language)
            rows = list(zip(formats.pairs(document), formats.places(document), strict=True))
        else:
            return None
        if not rows:
            raise SuiteError(f"{path.name} has no finished translation to learn from; give one with translations.")
        made = Dataset.from_list([{**row, "file": row.get("file") or path.name} for row, _ in rows])
        folder = path if path.is_dir() else path.parent
        return located(made, [folder / name for name in made["file"]], [place for _, place in rows], "string")

    def reads(self, file: Path) -> bool:
        """Catalogues without a finished translation, and the English half of a pair of files."""
        return file.suffix.lower() in (*CATALOGUES, ".json", ".arb")

    def check(self, rows: Dataset) -> Iterable[Finding]:
        """Pairs that teach the wrong thing: empty, damaged, with other placeholders; see `cleaning`."""
        return findings(rows, self.config)

    def split(self, rows: Dataset) -> Splits:
        """By source text, or by file: then what another part has too is left out of the parts that are scored.

        Raises `SuiteError` where rows are to be split by file and do not say theirs.
        """
        if self.config.split_by == "source":
            return super().split(rows)
        if "file" not in rows.column_names:
            raise SuiteError("split_by=file needs a column 'file'; name it with --columns file=THEIRS.")
        return unseen(super().split(rows))


def _has_catalogues(folder: Path) -> bool:
    """Whether it may hold any; JSON files are, where they lie in pairs of languages."""
    return any(path.suffix.lower() in (*CATALOGUES, ".json", ".arb") for path in folder.rglob("*"))


def unseen(splits: Splits) -> Splits:
    """The splits without texts in validation and test that training has too: files of one project share many.

    Raises `SuiteError` where a split would have no text left.
    """
    known, notes = set(splits["train"]["source"]), list(splits.findings)
    parts = {"train": splits["train"]}
    for name in ("validation", "test"):
        rows = splits[name]
        kept = [row for row, source in enumerate(rows["source"]) if source not in known]
        if not kept:
            raise SuiteError(f"Every text of the {name} files is in the training files too; give more files.")
        if len(kept) < len(rows):
            text = f"{len(rows) - len(kept)} texts of the {name} files are in other files too and left out."
            notes.append(Finding("warning", text))
        known |= set(rows["source"])
        parts[name] = rows.select(kept)
    return Splits(parts, splits.context, findings=notes)
