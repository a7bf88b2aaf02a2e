"""`suite recommendations similar` and `add-items`. Their `--help` must not cost torch: what works is imported late."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suite import SuiteError, format_option
from suite_recommendations.data.catalogue import Catalogue
from suite_recommendations.data.columns import COLUMNS
from suite_recommendations.domain import RECOMMENDATIONS

if TYPE_CHECKING:
    from suite import Predictor
    from suite_recommendations.model.model import RecommenderModel

_MODEL = click.option("--model", default="", help="Finished run (folder or name) or model folder; else the newest run.")
_KEPT = ("config.yaml", "environment.json", "log.txt", "README.md")
"""Files of a run that hold for its copy with more items; its evaluation does not."""
_OUTPUT = click.option("--runs", type=Path, default=Path("runs"), show_default=True, help="Folder the runs are in.")


@click.command(help="Show items like one item, given by id or title: by text and by what was learned from histories.")
@click.argument("item")
@_MODEL
@_OUTPUT
@click.option("--count", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many items.")
@format_option
def similar(item: str, model: str, runs: Path, count: int, form: str) -> None:
    """Prints the nearest items with their cosines."""
    recommender = load_model(model, runs)[1]
    catalogue = recommender.catalogue
    number = catalogue.find(item)
    near = recommender.neighbours(number, count)
    if form == "json":
        records = [{"item": catalogue.ids[n], "title": catalogue.titles[n], "cosine": c} for n, c in near]
        click.echo(json.dumps(records, indent=2, ensure_ascii=False))
        return
    click.echo(f"Like {catalogue.titles[number]}:")
    for n, cosine in near:
        click.echo(f"{cosine:6.3f}  {catalogue.titles[n]}  [{catalogue.ids[n]}]")


@click.command(
    "add-items", help="Put new items, a table with item, title and text, into a copy of a model, without training."
)
@click.argument("table", type=Path)
@_MODEL
@_OUTPUT
@click.option("--output", type=Path, help="New folder; by default beside the run, named after it.")
def add_items(table: Path, model: str, runs: Path, output: Path | None) -> None:
    """Writes a copy of a run (or model folder) that knows the items of the table; the old one stays as it is."""
    predictor, recommender = load_model(model, runs)
    run = answering.path if (answering := predictor.run) else None
    items = read_items(table, recommender.catalogue)
    if output is None:
        if run is None:
            raise SuiteError("There is no run to put the new model beside; say where with --output FOLDER.")
        output = run.with_name(f"{run.name}-added-{len(items)}")
    if output.exists():
        raise SuiteError(f"{output} exists already; give another folder with --output.")
    write_whole(recommender.with_items(items), run, output)
    added = f"{len(items):,} item{'s' * (len(items) > 1)} added to {len(recommender.catalogue):,}"
    click.echo(f"{added}; {output} is a copy of {run.name if run else model or 'the starter'} that knows them.")
    click.echo(f"To have it answer, name it: --model {output}. Else the newest trained run does, or the starter.")


def load_model(model: str, runs: Path) -> tuple[Predictor, RecommenderModel]:
    """The predictor of a finished run or model folder, else of the newest run or the starter, and its model."""
    from suite import Predictor  # a command's help does without torch

    predictor = Predictor(RECOMMENDATIONS.task(output=runs), model)
    recommender: Any = predictor.model
    return predictor, recommender


def read_items(path: Path, known: Catalogue) -> Catalogue:
    """New items of a table, `known` being those of the model.

    Raises `SuiteError` for an item without text, for a known item, and for two of the same id.
    """
    from suite_recommendations.data import tables  # a command's help does without pandas

    if not path.is_file():
        raise SuiteError(f"There is no file {str(path)!r}; give a table with the columns item, title and text.")
    table = tables.read_table(path)
    about = tables.describe_items(table, COLUMNS, path)
    if len(about) < len(table):
        raise SuiteError(f"{path.name} has {len(table) - len(about)} repeated item ids; give each item once.")
    if not len(about):
        raise SuiteError(f"{path.name} holds no item; give at least one row with item, title and text.")
    records = [
        {"item": item, "title": title, "text": ". ".join(part for part in (title, text) if part)}
        for item, title, text in about.itertuples(index=False)
    ]
    for record in records:
        if record["item"] in known.numbers:
            raise SuiteError(f"{path.name}: the model knows the item {record['item']!r} already; leave it out.")
        if not record["text"] or record["text"] == record["item"]:
            raise SuiteError(f"{path.name}: the item {record['item']!r} has neither title nor text; say what it is.")
    return Catalogue.of(records)


def write_whole(model: RecommenderModel, run: Path | None, output: Path) -> None:
    """Writes the model, with the files of its run if it has one, aside and renames it: all or nothing."""
    output.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    try:
        if run is None:
            model.save(aside)
        else:
            model.save(aside / "model")
            for name in _KEPT:
                if (run / name).is_file():
                    shutil.copyfile(run / name, aside / name)
            _mark_copy(run, aside / "status.json")
            if (run / "golden").is_dir():
                _renew_golden(model, run / "golden", aside / "golden")
        aside.chmod(0o755)  # mkdtemp's folders are for their owner only
        aside.rename(output)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _mark_copy(run: Path, path: Path) -> None:
    """The run's status, with what it is a copy of: so `latest` stays the newest run that was trained."""
    status = json.loads((run / "status.json").read_text())
    status |= {"copy_of": status.pop("name", run.name), "heartbeat": time.time()}
    path.write_text(json.dumps(status, indent=2, ensure_ascii=False) + "\n")


def _renew_golden(model: RecommenderModel, old: Path, new: Path) -> None:
    """The same golden rows with the answers of the larger catalogue, in which a new item may be."""
    from datasets import Dataset  # a command's help does without it

    shutil.copytree(old, new)
    rows = Dataset.from_parquet(str(new / "rows.parquet"))
    predictions = model.infer(model.collate(model.prepare(rows, "test")))
    kept = {"device": model.network.device.type, "predictions": predictions}
    (new / "predictions.json").write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n")
