"""The verbs of pictures: `grid`, a fine-tuning at several strengths, and `crops`, what it would see of each picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from suite import SuiteError, resolve_model
from suite_image_generation.starter.assets import STARTER

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
    # Torch is for the work, not for --help.
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
    pipe, mixed, config = sheet.opened(model)
    scale = config.guidance if guidance is None else guidance
    asked = [replace(request, guidance=scale, seed=seed + place) for place, request in enumerate(asked)]
    made = sheet.grid(pipe, mixed, asked, factors, counts, guard=guard_of(config))
    output.parent.mkdir(parents=True, exist_ok=True)
    made.save(output)
    click.echo(f"Written: {output}", err=True)


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
    # Torch is for the work, not for --help.
    from suite_image_generation.model import pipelines
    from suite_image_generation.pictures import buckets, captions
    from suite_image_generation.pictures import files as pictures

    values = captions.pictures_of(data)
    side, multiple = pipelines.trained_shape(resolve_model(model or STARTER.model, STARTER.assets))
    sizes = buckets.shapes(resolution or side, multiple, max_ratio)
    facts = [pictures.facts(value) for value in values]
    usable = [i for i, fact in enumerate(facts) if not fact.problem]
    for i in sorted(set(range(len(values))) - set(usable)):
        click.echo(f"{pictures.name(values[i])} can't be used: {facts[i].problem}.", err=True)
    crops = [buckets.crop((facts[i].width, facts[i].height), sizes) for i in usable]
    if not crops:
        raise SuiteError(f"{data} holds no picture that can be used.")
    sheets = list(buckets.sheets((pictures.read(values[i]) for i in usable), crops, output))
    click.echo(buckets.table(crops))
    click.echo(f"{len(crops)} crops on {len(sheets)} sheets in {output}.")
