"""`suite image-generation crops`: what fine-tuning would see of each picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from suite import SuiteError, resolve_model


@click.command(help="Shows every picture of a folder or Parquet file with its crop; no weight is loaded.")
@click.argument("data", type=Path)
@click.option("--model", default="", help="Pipeline whose size and shapes count; else the starter.")
@click.option("--resolution", type=click.IntRange(0, 2048), default=0, help="Side trained on; 0 is the model's own.")
@click.option("--max-ratio", type=click.FloatRange(1, 4), default=2.0, help="Longest shape; 1 crops to squares.")
@click.option("--output", type=Path, default=Path("crops"), help="Folder for the sheets.")
def crops(data: Path, model: str, resolution: int, max_ratio: float, output: Path) -> None:
    """Writes `crops-001.png` and so on, and prints the table of buckets."""
    from suite_image_generation import buckets, pictures, pipelines
    from suite_image_generation.starter import STARTER

    values = pictures_of(data)
    side, multiple = pipelines.trained_shape(resolve_model(model or STARTER.model, STARTER.assets))
    sizes = buckets.shapes(resolution or side, multiple, max_ratio)
    facts = [pictures.facts(value) for value in values]
    usable = [i for i, one in enumerate(facts) if not one.problem]
    for i in sorted(set(range(len(values))) - set(usable)):
        click.echo(f"{pictures.name(values[i])} can't be used: {facts[i].problem}.", err=True)
    found = [buckets.crop((facts[i].width, facts[i].height), sizes) for i in usable]
    if not found:
        raise SuiteError(f"{data} holds no picture that can be used.")
    sheets = list(buckets.sheets((pictures.read(values[i]) for i in usable), found, output))
    click.echo(buckets.table(found))
    click.echo(f"{len(found)} crops on {len(sheets)} sheets in {output}.")


def pictures_of(data: Path) -> Sequence[Any]:
    """Names of the picture files below a folder, or the pictures of a Parquet file's column `image`.

    Raises `SuiteError` where there are none.
    """
    from suite_image_generation import captions

    if data.is_dir():
        found: Sequence[Any] = [str(path) for path in captions.pictures_below(data)]
    elif data.suffix == ".parquet" and data.is_file():
        found = _column(data)
    else:
        raise SuiteError(f"There is no folder or Parquet file {str(data)!r}; give one that holds pictures.")
    if not len(found):
        raise SuiteError(f"{data} holds no picture ({', '.join(captions.PICTURES)}).")
    return found


def _column(path: Path) -> list[Any]:
    """Pictures as bytes; a path in a table is not followed."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        values = parquet.read_table(path, columns=["image"]).column("image").to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise SuiteError(f"Cannot read {path}: {str(error).splitlines()[0]}") from None
    return [value for value in values if isinstance(value, dict) and value.get("bytes")]
