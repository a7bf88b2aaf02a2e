"""The verbs of pictures: `grid`, a fine-tuning at several strengths, and `crops`, what it would see of each picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from suite import SuiteError, resolve_model

MOST = 8
"""Prompts of a sheet: more columns would be too narrow to judge."""


@click.command(help="Draw prompts at several strengths of a run's fine-tuning and numbers of steps, on one sheet.")
@click.argument("prompts", nargs=-1, required=True, metavar="PROMPT…")
@click.option("--model", default="", help="Finished run (folder or name); else the newest.")
@click.option(
    "--strengths", default="0,0.5,1,1.5", show_default=True, help="0 is the model before, 1 the fine-tuned one."
)
@click.option("--steps", default="10,25", show_default=True, help="Numbers of denoising steps.")
@click.option(
    "--seed", type=click.IntRange(0), default=42, show_default=True, help="Of the first prompt; the next count on."
)
@click.option("--guidance", type=click.FloatRange(0, 30), help="Guidance scale; the run's own unless given.")
@click.option("--output", type=Path, default=Path("grid.png"), show_default=True, help="PNG to write, a new one.")
def grid(
    prompts: tuple[str, ...], model: str, strengths: str, steps: str, seed: int, guidance: float | None, output: Path
) -> None:
    """Each PROMPT is words, or a .txt file with one a line."""
    from suite_image_generation.evaluation import strengths as sheet
    from suite_image_generation.generation.screening import guard_of
    from suite_image_generation.generation.writing import inputs

    if output.exists() or output.suffix.lower() != ".png":
        raise SuiteError(f"{output} is there already or no PNG; give --output a new name that ends in .png.")
    factors = sheet.numbers(strengths, float, "strengths", -2, 4)
    counts = sheet.numbers(steps, int, "steps", 1, 1000)
    asked = [request for prompt in prompts for request in inputs(prompt, seed=seed)]
    if len(asked) > MOST:
        raise SuiteError(f"{len(asked)} prompts are too many for a sheet; give at most {MOST}.")
    pipe, mixed, config = _opened(model)
    scale = config.guidance if guidance is None else guidance
    asked = [replace(one, guidance=scale, seed=seed + place) for place, one in enumerate(asked)]
    made = sheet.grid(pipe, mixed, asked, factors, counts, guard=guard_of(config))
    output.parent.mkdir(parents=True, exist_ok=True)
    made.save(output)
    click.echo(f"Written: {output}", err=True)


def _opened(source: str) -> tuple[Any, Any, Any]:
    """Pipeline, its denoiser at any strength, and the config of the run."""
    from suite import Predictor
    from suite_image_generation.domain import ImageGenerationDomain
    from suite_image_generation.evaluation.strengths import Mixed
    from suite_image_generation.model import pipelines

    domain = ImageGenerationDomain()
    predictor = Predictor(domain, source)
    if predictor.run is None:
        raise SuiteError("There is no finished run to vary; train one first, or give its folder as --model.")
    model, config = predictor.model, domain.config
    before = resolve_model(config.model or domain.starter.model, domain.starter.assets)
    base = pipelines.denoiser(pipelines.load_pipeline(before))
    return domain.pipeline, Mixed(model, base), config


@click.command(help="Show every picture of a folder or Parquet file with its crop; no weight is loaded.")
@click.argument("data", type=Path)
@click.option("--model", default="", help="Pipeline whose size and shapes count; else the starter.")
@click.option(
    "--resolution", type=click.IntRange(0, 2048), default=0, help="Side trained on, in pixels; 0 is the model's."
)
@click.option(
    "--max-ratio", type=click.FloatRange(1, 4), default=2.0, show_default=True, help="Longest side over shortest."
)
@click.option("--output", type=Path, default=Path("crops"), show_default=True, help="Folder for the sheets.")
def crops(data: Path, model: str, resolution: int, max_ratio: float, output: Path) -> None:
    """Writes `crops-001.png` and so on, and prints the table of buckets."""
    from suite_image_generation.model import pipelines
    from suite_image_generation.pictures import buckets
    from suite_image_generation.pictures import files as pictures
    from suite_image_generation.starter.assets import STARTER

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
    from suite_image_generation.pictures import captions

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
