"""Figures of plugins/image-generation/README.md: times, quality and copies, of the starter and of a fine-tuned style.

    OMP_NUM_THREADS=1 python bench/image_generation.py [RUNS_FOLDER]

Takes about eight minutes on one core. A run that is in RUNS_FOLDER already is not made again.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq
import torch
from PIL import Image
from suite_image_generation.domain import IMAGE_GENERATION
from suite_image_generation.evaluation.quality import kid, retrieval
from suite_image_generation.evaluation.trained_on import index_for
from suite_image_generation.generation.answers import picture_of
from suite_image_generation.model import neighbours
from suite_image_generation.model.encoder import Encoder
from suite_image_generation.model.latents import Captioned
from suite_image_generation.pictures import files as pictures
from suite_image_generation.pictures.request import Request

from suite import Predictor

SEED = 42
DATA = Path(pictures.__file__).parents[1] / "data" / "emoji.parquet"
STYLE = DATA.with_name("style.parquet")


def starter() -> Predictor:
    """The starter, whatever runs there are."""
    return Predictor(IMAGE_GENERATION.task(), IMAGE_GENERATION.starter.answering)


def draw(predictor: Predictor, captions: list[str]) -> list[Image.Image]:
    """A picture of each caption as the demo and `predict` make it, with seeds that count on."""
    config = predictor.task.config
    settings = {"steps": config.sample_steps, "guidance": config.guidance}
    asked = [Request(caption, SEED + place, **settings) for place, caption in enumerate(captions)]
    return [picture_of(made) for made in predictor([Captioned(request.prompt, request=request) for request in asked])]


def first_pictures(predictor: Predictor) -> None:
    """As a visitor waits: from a warm model to four pictures, screened and encoded."""
    draw(predictor, ["cat"])
    began, worked = time.perf_counter(), time.process_time()
    draw(predictor, ["cat"] * 4)
    waited, worked = time.perf_counter() - began, time.process_time() - worked
    print(f"4 pictures: {waited:.1f} s, {worked:.1f} CPU s, {torch.get_num_threads()} threads\n")


def quality(predictor: Predictor) -> None:
    """Every plain caption the starter was trained on: KID against the pictures that have it, retrieval, copies."""
    encoder = Encoder.load()
    rows = [row for row in pq.read_table(DATA).to_pylist() if row["style"] == "noto"]
    real = encoder.features([pictures.read(row["image"]) for row in rows])
    captions = [row["caption"] for row in rows]
    drawn = draw(predictor, captions)
    made = encoder.features(drawn)
    index, whose = index_for(predictor, encoder)
    nearest = index.nearest(drawn, encoder)
    print(f"starter, its {len(captions)} plain captions, seeds {SEED} and on")
    print(f"| KID | {kid(real, made, encoder.name)} |")
    print(f"| captions found | {retrieval(made, captions, encoder)} |")
    print(f"| captions found of the real pictures | {retrieval(real, captions, encoder)} |")
    print(f"| memorised | {neighbours.share(nearest):.0%} of {len(nearest)} |\n{index.threshold} {whose}\n")


def style(folder: Path) -> Path:
    """`suite image-generation train` with no argument: minutes, losses before and after, and what its report says."""
    if not list(folder.glob("image-generation/*/evaluation.json")):
        began = time.perf_counter()
        command = [sys.executable, "-m", "suite", "image-generation", "train", "--output", str(folder)]
        subprocess.run(command, check=True)
        print(f"LoRA, from the command to the report: {(time.perf_counter() - began) / 60:.1f} min")
    path = max(folder.glob("image-generation/*/evaluation.json"))
    losses(path.parent)
    for name, evaluation in json.loads(path.read_text()).items():
        print(f"{name}: {evaluation['examples']} captions")
        for system, values in evaluation["systems"].items():
            cells = [f"{metric} {given['value']:.4f}" for metric, given in values.items() if given["value"] is not None]
            print(f"| {system} | {' | '.join(cells)} |")
        for section in evaluation["sections"]:
            print(f"\n{section['title']}\n{section['text']}")
    return path.parent


def subjects(run: Path) -> None:
    """Every subject in the style that was taught, which showed 40 of them: is it still what it was?"""
    predictor, encoder = Predictor(IMAGE_GENERATION.task(), str(run)), Encoder.load()
    words = pq.read_table(STYLE, columns=["caption"]).to_pylist()[0]["caption"].partition(",")[2]
    rows = [row for row in pq.read_table(DATA).to_pylist() if row["style"] == "noto"]
    captions = [f"{row['caption']},{words}" for row in rows]
    made = encoder.features(draw(predictor, captions))
    print(f"\nall {len(rows)} subjects in the new style: captions found {retrieval(made, captions, encoder)}")


def losses(run: Path) -> None:
    """Validation loss of the run before training, at its least and at the end, and the minutes of its loop."""
    history = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    losses = {line["step"]: line["validation/loss"] for line in history if "validation/loss" in line}
    least, last = min(losses, key=lambda step: losses[step]), max(losses)
    print(f"LoRA, its loop: {max(line.get('seconds', 0) for line in history) / 60:.1f} min for {last} steps")
    print(
        f"validation loss: {losses[0]:.4f} before, {losses[least]:.4f} at step {least}, {losses[last]:.4f} at the end\n"
    )


def main() -> None:
    """Prints it all."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    predictor = starter()
    first_pictures(predictor)
    quality(predictor)
    subjects(style(folder))
    print(f"Previews, sheets and the run: {folder}")


if __name__ == "__main__":
    main()
