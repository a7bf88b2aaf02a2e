"""`suite image-generation grid`: what a fine-tuning does at several strengths."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from suite import SuiteError

MOST = 8
"""Prompts of a sheet: more columns would be too narrow to judge."""


@click.command(help="Draw prompts at several strengths of a run's fine-tuning and numbers of steps, on one sheet.")
@click.argument("prompts", nargs=-1, required=True, metavar="PROMPT…")
@click.option("--model", default="", help="Folder of the finished run; the newest one unless given.")
@click.option("--strengths", default="0,0.5,1,1.5", help="0 is the model before, 1 the fine-tuned one.")
@click.option("--steps", default="10,25", help="Numbers of denoising steps.")
@click.option("--seed", type=click.IntRange(0), default=42, help="Of the first prompt; the next ones count on.")
@click.option("--guidance", type=click.FloatRange(0, 30), help="Guidance scale; the run's own unless given.")
@click.option("--output", type=Path, default=Path("grid.png"), help="PNG to write; nothing is overwritten.")
def grid(
    prompts: tuple[str, ...], model: str, strengths: str, steps: str, seed: int, guidance: float | None, output: Path
) -> None:
    """Each PROMPT is words, or a .txt file with one a line."""
    from suite_image_generation import strengths as sheet
    from suite_image_generation.screening import guard_of
    from suite_image_generation.writing import inputs

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
    from suite import Predictor, resolve_model
    from suite_image_generation import pipelines
    from suite_image_generation.domain import ImageGenerationDomain
    from suite_image_generation.strengths import Mixed

    domain = ImageGenerationDomain()
    predictor = Predictor(domain, source)
    if predictor.run is None:
        raise SuiteError("There is no finished run to vary; train one first, or give its folder as --model.")
    model, config = predictor.model, domain.config
    before = resolve_model(config.model or domain.starter.model, domain.starter.assets)
    base = pipelines.denoiser(pipelines.load_pipeline(before))
    return domain.pipeline, Mixed(model, base), config
