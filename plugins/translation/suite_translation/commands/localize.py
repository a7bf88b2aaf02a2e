"""`suite translation localize`. Its `--help` must not cost torch: what works is imported late."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suite import SuiteError, Task, format_option
from suite_translation import formats
from suite_translation.data.glossary import configured
from suite_translation.domain import TRANSLATION
from suite_translation.formats.naming import named, partial
from suite_translation.localize import review

if TYPE_CHECKING:
    from suite_translation.localize.run import Report

_INTERRUPTED = 130
"""What a shell says of a program that Ctrl-C has ended."""
_FAILED = 2


@click.command(help="Translate PO, XLIFF, TMX, CSV, JSON or SRT files, or folders of them, placeholders intact.")
@click.argument("files", nargs=-1, required=True, type=Path)
@click.option("--to", "language", required=True, help="Language to translate into, such as de.")
@click.option("--output", type=Path, help="File, or for several folder; by default messages.po gives messages.de.po.")
@click.option("--model", default="", help="Run (latest: the newest), model folder or hub id; else the starter.")
@click.option("--memory", multiple=True, type=Path, help="File of translations to use again; may be given again.")
@click.option("--glossary", type=Path, help="CSV of terms: source, target and perhaps language and case.")
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@click.option(
    "--only-sure",
    is_flag=True,
    help="Leave what is doubtful untranslated where a format (CSV, JSON, SRT) cannot mark it.",
)
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any option of 'suite translation options'."
)
@click.option("--runs", type=Path, default=Path("runs"), help="Folder the runs are in.")
@format_option
def localize(
    files: tuple[Path, ...],
    language: str,
    output: Path | None,
    model: str,
    memory: tuple[Path, ...],
    glossary: Path | None,
    overwrite: bool,
    only_sure: bool,
    settings: tuple[str, ...],
    runs: Path,
    form: str,
) -> None:
    """Finished translations stay; fuzzy ones are made anew. Prints what became of the segments."""
    from suite import Predictor  # a command's help does without torch
    from suite_translation.localize.memory import Memory  # and without NumPy
    from suite_translation.localize.run import corrected, localize, render

    task = _task(settings, language, glossary, runs)
    terms = configured(task.config)  # read now: a mistake in it is told before any work
    source_language = task.config.source_language
    pairs = targets(files, language, output, source_language=source_language, overwrite=overwrite)
    shared, corrections = [Memory.read(path, language) for path in memory], corrected(task.domain.name, runs)
    predictor = Predictor(task, model)

    def work(path: Path, target: Path) -> Report:
        return localize(
            path,
            target,
            predictor,
            language=language,
            source_language=source_language,
            corrections=corrections,
            glossary=terms,
            shared=shared,
            only_sure=only_sure,
        )

    reports, failures = _each(pairs, work)
    click.echo(json.dumps([asdict(report) for report in reports], indent=2) if form == "json" else render(reports))
    _end(reports, failures)


def _task(settings: Sequence[str], language: str, glossary: Path | None, runs: Path) -> Task:
    flags = {"output": runs, "target_language": language} | ({"glossary": str(glossary)} if glossary else {})
    return TRANSLATION.task(TRANSLATION.Config.parse_settings(settings), flags)


def _each(pairs: Sequence[tuple[Path, Path]], work: Callable[[Path, Path], Report]) -> tuple[list[Report], list[str]]:
    """Reports of the files until somebody stops it, and what is said of those that can't be translated."""
    reports: list[Report] = []
    failures: list[str] = []
    for path, target in pairs:
        try:
            reports.append(work(path, target))
        except SuiteError as error:  # the other files are no worse for it
            if len(pairs) == 1:
                raise
            failures.append(f"{path}: {error}")
        if reports and reports[-1].stopped:
            break
    return reports, failures


def _end(reports: Sequence[Report], failures: Sequence[str]) -> None:
    for failure in failures:
        click.echo(f"Left out: {failure}", err=True)
    if reports and reports[-1].stopped:
        click.echo(f"Stopped. What was done is in {reports[-1].output}; the same command goes on from there.", err=True)
        raise click.exceptions.Exit(_INTERRUPTED)
    if failures:
        raise click.exceptions.Exit(_FAILED)


def targets(
    files: Sequence[Path], language: str, output: Path | None, *, source_language: str, overwrite: bool
) -> list[tuple[Path, Path]]:
    """Each file to read with the one to write.

    Raises `SuiteError` where there is nothing to read, two files would become one, or one exists and may not go.
    """
    sources = list(dict.fromkeys(pair for path in files for pair in _inside(path)))
    several = len(sources) > 1 or any(path.is_dir() for path in files)
    if several and output and output.is_file():
        raise SuiteError(f"{output} is a file, and there are {len(sources)} to write; give --output a folder.")
    folder = output if output and (several or output.is_dir()) else None
    pairs = {}
    for path, root in sources:
        name = named(path, language, source_language)
        pairs[path] = folder / name.relative_to(root) if folder else output or name
    # What an earlier call made of one file of a folder is not another to translate.
    made = {target for path, target in pairs.items() if path != target} if several else set()
    made |= {partial(target) for target in made}
    pairs = {path: target for path, target in pairs.items() if path not in made or path in files}
    _refuse(pairs, overwrite=overwrite)
    return list(pairs.items())


def _inside(path: Path) -> Iterator[tuple[Path, Path]]:
    """Files to translate with the folder that their place is relative to."""
    if path.is_file():
        yield path, path.parent
        return
    if not path.is_dir():
        raise SuiteError(f"There is no file or folder {str(path)!r}.")
    inside = sorted(file for file in path.rglob("*") if file.suffix.lower() in formats.FORMATS and file.is_file())
    inside = [file for file in inside if not review.is_one(file)]
    if not inside:
        raise SuiteError(f"The folder {path} holds no file to translate; they end in {', '.join(formats.FORMATS)}.")
    yield from ((file, path) for file in inside if not file.is_symlink() and not file.name.startswith("."))


def _refuse(pairs: Mapping[Path, Path], *, overwrite: bool) -> None:
    writers: dict[Path, Path] = {}
    for path, target in pairs.items():
        if target in writers:
            raise SuiteError(f"{writers[target]} and {path} would both become {target}; translate one at a time.")
        if target.exists() and not overwrite:
            raise SuiteError(f"{target} exists; give another --output, or --overwrite to replace it.")
        writers[target] = path
