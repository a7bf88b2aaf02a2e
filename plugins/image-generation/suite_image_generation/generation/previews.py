"""What a run shows while it trains: pictures of fixed seeds and prompts at every evaluation, one sheet over all steps.

Also whether it learns by heart: the sign is a validation loss that rises while the training loss falls.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from PIL import Image, ImageDraw, ImageFont

from suite import decoding
from suite_image_generation.pictures.files import on_white

LARGEST = 256
"""Pixels of a picture on a sheet."""
SMALLEST = 128
"""Pixels: twice the side of the starter's pictures, and room for a short caption."""
LABEL = 18
"""Pixels of a line of text."""
RISEN = 1.01
"""Times its least value the validation loss must be at the end: noise and times are the same at each evaluation, so
that 1 % is no accident of drawing them."""


def write_step(pictures: Sequence[Image.Image], prompts: Sequence[str], step: int, folder: Path) -> None:
    """Writes `step-000100.png`, a row of pictures under their prompts, and `grid.png` with the rows of all steps."""
    folder.mkdir(parents=True, exist_ok=True)
    row(pictures, prompts, f"step {step}").save(folder / f"step-{step:06}.png")
    parts = []
    for path in sorted(folder.glob("step-*.png")):
        with Image.open(path) as part:
            parts.append(part.convert("RGB"))
    stacked(parts).save(folder / "grid.png")


def row(pictures: Sequence[Image.Image], labels: Sequence[str], title: str) -> Image.Image:
    """Pictures side by side on white, each under its label."""
    side = min(LARGEST, max(SMALLEST, max(max(picture.size) for picture in pictures)))
    sheet = Image.new("RGB", (side * len(pictures), side + 2 * LABEL), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    pen.text((4, 2), title, fill="black", font=font)
    for place, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        scale = side / max(picture.size)
        how = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        pen.text((place * side + 4, LABEL), _fitted(label, side - 8, font), fill="gray", font=font)
        sheet.paste(on_white(picture).resize(size, how), (place * side, 2 * LABEL))
    return sheet


def stacked(rows: Sequence[Image.Image]) -> Image.Image:
    """One below the other."""
    sheet = Image.new("RGB", (max(part.width for part in rows), sum(part.height for part in rows)), "white")
    top = 0
    for part in rows:
        sheet.paste(part, (0, top))
        top += part.height
    return sheet


def read_history(run: Path) -> list[dict[str, Any]]:
    """The lines of a run's `metrics.jsonl`; a torn last line is left out."""
    path = run / "metrics.jsonl"
    with decoding(path):
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        return [json.loads(line) for line in lines if line.endswith("}")]


def note(run: Path, text: str) -> None:
    """Says it on the terminal and in the run's log."""
    click.echo(f"Warning: {text}", err=True)
    with (run / "log.txt").open("a", encoding="utf-8") as log:
        log.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {text}\n")


def overfit_since(history: Sequence[Mapping[str, Any]]) -> int | None:
    """The step since which the validation loss has risen while the training loss fell, or None.

    It is the step of the least validation loss, where the last one lies above it by more than noise and the training
    loss after it is on average below that before.
    """
    scored = [(line["step"], line["validation/loss"]) for line in history if "validation/loss" in line]
    if len(scored) < 3:
        return None
    least, value = min(scored, key=lambda pair: pair[1])
    after = [line["loss"] for line in history if "loss" in line and line["step"] > least]
    before = [line["loss"] for line in history if "loss" in line and line["step"] <= least]
    if scored[-1][1] <= value * RISEN or not after or not before:
        return None
    half = before[len(before) // 2 :]  # the first steps, where the loss falls anyhow, say nothing
    return least if sum(after) / len(after) < sum(half) / len(half) else None


def overfitting(step: int) -> str:
    """What it means that a run learns by heart since `step`."""
    return (
        f"Since step {step} the validation loss rises while the training loss falls: what is learnt after it is learnt "
        f"by heart. The weights of the step with the least validation loss are kept; take fewer steps or more pictures."
    )


def _fitted(text: str, width: int, font: Any) -> str:
    while text and font.getlength(text) > width:
        text = text[:-1]
    return text
