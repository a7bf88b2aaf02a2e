"""`suite recommendations similar` and `add-items`."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suite import Predictor, SuiteError

if TYPE_CHECKING:
    from suite_recommendations.build import Shelf
    from suite_recommendations.catalogue import Catalogue
    from suite_recommendations.domain import RecommendationsDomain

_MODEL = click.option("--model", default="", help="Finished run or model folder; empty takes the newest run.")
_OUTPUT = click.option("--runs", type=Path, default=Path("runs"), help="Folder the runs are in.")


@click.command(help="Items like one item, given by id or title: by text and by what was learned from histories.")
@click.argument("item")
@_MODEL
@_OUTPUT
@click.option("--count", type=click.IntRange(1, 1000), default=10, help="How many.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Output form.")
def similar(item: str, model: str, runs: Path, count: int, form: str) -> None:
    """Prints the nearest items with their cosines."""
    from suite_recommendations.inference import neighbours

    shelf = opened(model, runs)
    number = shelf.catalogue.find(item)
    near = neighbours(shelf, number, count)
    if form == "json":
        records = [{"item": shelf.catalogue.ids[n], "title": shelf.catalogue.titles[n], "cosine": c} for n, c in near]
        click.echo(json.dumps(records, indent=2, ensure_ascii=False))
        return
    click.echo(f"Like {shelf.catalogue.titles[number]}:")
    for n, cosine in near:
        click.echo(f"{cosine:6.3f}  {shelf.catalogue.titles[n]}  [{shelf.catalogue.ids[n]}]")


@click.command("add-items", help="Put new items, a table with item, title and text, into a model without training it.")
@click.argument("table", type=Path)
@_MODEL
@_OUTPUT
@click.option("--output", type=Path, required=True, help="New model folder; the old model stays as it is.")
def add_items(table: Path, model: str, runs: Path, output: Path) -> None:
    """Writes a copy of the model that knows the items of the table."""
    from suite_recommendations.build import with_items

    if output.exists():
        raise SuiteError(f"{output} exists already; give a new folder for the model with the added items.")
    shelf = opened(model, runs)
    items = read_items(table, shelf.catalogue)
    grown = with_items(shelf, items)
    write_whole(grown, output)
    click.echo(f"{len(items)} items added to {len(shelf.catalogue):,}. Predict with: --model {output}")


def opened(model: str, runs: Path) -> Shelf:
    """The shelf of a model folder or finished run, or of the newest run; without any run that of the starter."""
    from suite_recommendations.domain import RecommendationsDomain

    domain: RecommendationsDomain = RecommendationsDomain(RecommendationsDomain.Config.build({"output": runs}))
    predictor: Any = Predictor(domain, model)
    _ = predictor.model
    return domain.loaded


def read_items(path: Path, known: Catalogue) -> Catalogue:
    """New items of a table. Raises `SuiteError` for one without text, one that is known, or two of one id."""
    from suite_recommendations import tables
    from suite_recommendations.catalogue import Catalogue
    from suite_recommendations.domain import COLUMNS

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


def write_whole(shelf: Shelf, output: Path) -> None:
    """Writes a model folder aside and renames it: whoever looks sees all of it or nothing."""
    output.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    try:
        shelf.save(aside)
        aside.chmod(0o755)  # mkdtemp's folders are for their owner only
        aside.rename(output)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
