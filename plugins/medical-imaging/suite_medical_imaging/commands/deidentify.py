"""`suite medical-imaging deidentify`."""

from __future__ import annotations

import csv
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite import SuiteError, bar, inert

if TYPE_CHECKING:
    from suite_medical_imaging.privacy.deidentify import Result

_SECRET = 16
"""Bytes a secret must have: with fewer, somebody could try them all and find the old identifiers."""


@click.command(
    help="Write DICOM files and pictures anew without who they are of; text in the picture itself is only flagged."
)
@click.argument("source", metavar="IN", type=Path)
@click.argument("output", metavar="OUT", type=Path)
@click.option("--secret-file", type=Path, help="Keeps pseudonyms alike over several calls; made if it is missing.")
@click.option("--keep-mapping", type=Path, help="Also write which file became which: this file names patients.")
def deidentify(source: Path, output: Path, secret_file: Path | None, keep_mapping: Path | None) -> None:
    """Writes into a new folder, with a report.csv of what was removed and what a person must look at."""
    files = _files(source, output)
    if keep_mapping and (keep_mapping.exists() or _within(keep_mapping, output)):
        raise SuiteError(f"{keep_mapping} exists or lies in {output}; name a new file elsewhere, as it names patients.")
    secret = _secret(secret_file, output)
    output.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    try:
        results = _written(files, aside, secret)
        _table(aside / "report.csv", ("output", "kind", "attributes_removed", "flagged", "why"), map(_row, results))
        if output.exists():
            output.rmdir()
        aside.chmod(0o755)  # mkdtemp's folders are for their owner only
        aside.rename(output)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    if keep_mapping:
        pairs = [(str(path), result.output) for path, result in zip(files, results, strict=True)]
        _table(keep_mapping, ("input", "output"), pairs)
    _tell(results, output)


def _files(source: Path, output: Path) -> list[Path]:
    """The files to read; links are left out, as they may lead anywhere."""
    if not source.exists():
        raise SuiteError(f"There is no file or folder {str(source)!r}.")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise SuiteError(f"{output} exists and is not an empty folder; give a new one.")
    if source.is_dir() and _within(output, source):
        raise SuiteError(f"{output} lies in {source}, where its files would be read again; give a folder elsewhere.")
    if source.is_file():
        return [source]
    paths = sorted(
        Path(where, name) for where, _, names in os.walk(source) for name in names if not name.startswith(".")
    )
    files = [
        path for path in paths if path.is_file() and not path.is_symlink() and not path.name.startswith("DICOMDIR")
    ]
    if not files:
        raise SuiteError(f"The folder {source} holds no file.")
    return files


def _within(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _secret(path: Path | None, output: Path) -> bytes:
    """The file's bytes, or new random ones, kept in the file if one is named."""
    if path is None:
        return secrets.token_bytes(32)
    if _within(path, output):
        raise SuiteError(f"{path} lies in {output}: who has both could find the old identifiers; keep it elsewhere.")
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
    secret = path.read_bytes()
    if len(secret) < _SECRET:
        raise SuiteError(f"{path} holds {len(secret)} bytes; a secret needs {_SECRET}. Name a file that is not there.")
    return secret


def _written(files: Sequence[Path], folder: Path, secret: bytes) -> list[Result]:
    # The command's help does without pydicom.
    from suite_medical_imaging.privacy.deidentify import Pseudonyms, Result, deidentify_file

    pseudonyms, results = Pseudonyms(secret), []
    for path in bar(files, description="De-identifying"):
        try:
            results.append(deidentify_file(path, folder, pseudonyms))
        except OSError:
            raise  # the disk, not the file: readers turn theirs into other errors
        except Exception:  # the reason may quote what the file holds, so the report must not
            results.append(Result("", "", 0, ("not written: not a picture that can be read and decoded whole",)))
    return results


def _row(result: Result) -> tuple[str, str, int, str, str]:
    flagged = "yes" if result.flags and result.output else "" if result.output else "not written"
    return result.output, result.kind, result.removed, flagged, "; ".join(result.flags)


def _table(path: Path, names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows([inert(str(cell)) for cell in row] for row in rows)


def _tell(results: Sequence[Result], output: Path) -> None:
    written = [result for result in results if result.output]
    flagged = sum(bool(result.flags) for result in written)
    click.echo(f"{len(written)} of {len(results)} files written to {output}; {flagged} flagged, see report.csv.")
    click.echo("Pixels are as they were: text burned into them is not removed. Look at them before you pass them on.")
