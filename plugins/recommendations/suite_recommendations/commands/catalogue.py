"""`suite recommendations similar` and `add-items`."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suite import Predictor, SuiteError

if TYPE_CHECKING:
    from suite_recommendations.data.catalogue import Catalogue
    from suite_recommendations.domain import RecommendationsDomain

_MODEL = click.option("--model", default="", help="Finished run (folder or name) or model folder; else the newest run.")
_KEPT = ("config.yaml", "environment.json", "log.txt", "README.md")
"""Files of a run that hold for its copy with more items; its evaluation does not."""
_OUTPUT = click.option("--runs", type=Path, default=Path("runs"), show_default=True, help="Folder the runs are in.")


@click.command(help="Show items like one item, given by id or title: by text and by what was learned from histories.")
@click.argument("item")
@_MODEL
@_OUTPUT
@click.option("--count", type=click.IntRange(1, 1000), default=10, show_default=True, help="How many items.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Output form.",
)
def similar(item: str, model: str, runs: Path, count: int, form: str) -> None:
    """Prints the nearest items with their cosines."""
    from suite_recommendations.model.inference import neighbours

    shelf = loaded(model, runs)[1].loaded
    number = shelf.catalogue.find(item)
    near = neighbours(shelf, number, count)
    if form == "json":
        records = [{"item": shelf.catalogue.ids[n], "title": shelf.catalogue.titles[n], "cosine": c} for n, c in near]
        click.echo(json.dumps(records, indent=2, ensure_ascii=False))
        return
    click.echo(f"Like {shelf.catalogue.titles[number]}:")
    for n, cosine in near:
        click.echo(f"{cosine:6.3f}  {shelf.catalogue.titles[n]}  [{shelf.catalogue.ids[n]}]")


@click.command(
    "add-items", help="Put new items, a table with item, title and text, into a copy of a model, without training."
)
@click.argument("table", type=Path)
@_MODEL
@_OUTPUT
@click.option("--output", type=Path, help="New folder; by default beside the run, named after it.")
def add_items(table: Path, model: str, runs: Path, output: Path | None) -> None:
    """Writes a copy of a run (or model folder) that knows the items of the table; the old one stays as it is."""
    from suite_recommendations.model.build import with_items

    predictor, domain = loaded(model, runs)
    shelf, run = domain.loaded, predictor.run
    items = read_items(table, shelf.catalogue)
    if output is None and run is None:
        raise SuiteError("There is no run to put the new model beside; say where with --output FOLDER.")
    target = output or run.path.with_name(f"{run.path.name}-added-{len(items)}")
    if target.exists():
        raise SuiteError(f"{target} exists already; give another folder with --output.")
    domain.shelf = with_items(shelf, items)
    write_whole(domain, run.path if run else None, target)
    added = f"{len(items):,} item{'s' * (len(items) > 1)} added to {len(shelf.catalogue):,}"
    click.echo(f"{added}; {target} is a copy of {run.path.name if run else model or 'the starter'} that knows them.")
    click.echo(f"To have it answer, name it: --model {target}. Else the newest trained run does, or the starter.")


def loaded(model: str, runs: Path) -> tuple[Any, RecommendationsDomain]:
    """The predictor of a finished run or model folder, else of the newest run or the starter, and its domain."""
    from suite_recommendations.domain import RecommendationsDomain

    domain = RecommendationsDomain(RecommendationsDomain.Config.build({"output": runs}))
    predictor = Predictor(domain, model)
    _ = predictor.model
    return predictor, domain


def read_items(path: Path, known: Catalogue) -> Catalogue:
    """New items of a table. Raises `SuiteError` for one without text, one that is known, or two of one id."""
    from suite_recommendations.data import tables
    from suite_recommendations.data.catalogue import Catalogue
    from suite_recommendations.data.columns import COLUMNS

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


def write_whole(domain: RecommendationsDomain, run: Path | None, output: Path) -> None:
    """Writes the domain's model, with the files of its run if it has one, aside and renames it: all or nothing."""
    output.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    try:
        if run is None:
            domain.loaded.save(aside)
        else:
            domain.loaded.save(aside / "model")
            for name in _KEPT:
                if (run / name).is_file():
                    shutil.copyfile(run / name, aside / name)
            _mark_copy(run, aside / "status.json")
            if (run / "golden").is_dir():
                _renew_golden(domain, run / "golden", aside / "golden")
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


def _renew_golden(domain: RecommendationsDomain, old: Path, new: Path) -> None:
    """The same golden rows with the answers of the larger catalogue, in which a new item may be."""
    import torch
    from datasets import Dataset

    shutil.copytree(old, new)
    rows = Dataset.from_parquet(str(new / "rows.parquet"))
    model = domain.loaded.model
    examples = domain.prepare(rows, model, training=False)
    with torch.no_grad():
        predictions = domain.infer(model, domain.collate(examples))
    kept = {"device": model.device.type, "predictions": predictions}
    (new / "predictions.json").write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n")
