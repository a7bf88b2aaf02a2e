"""Figures of plugins/image-generation/README.md: times, quality and copies, of the starter and of a fine-tuned style.

    python bench/image_generation.py [RUNS_FOLDER]

Takes about ten minutes on two cores. A run that is there already is not made again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq
from suite_image_generation import neighbours, pictures
from suite_image_generation.answers import picture_of
from suite_image_generation.domain import ImageGenerationDomain
from suite_image_generation.known import index_for
from suite_image_generation.latents import Captioned
from suite_image_generation.quality import Encoder, kid, retrieval
from suite_image_generation.sampling import Request

from suite import Predictor

SEED = 42
DATA = Path(pictures.__file__).parent / "data" / "emoji.parquet"


def starter() -> Predictor:
    """The starter, whatever runs there are."""
    domain = ImageGenerationDomain()
    return Predictor(domain, domain.starter.answering)


def draw(predictor: Predictor, captions: list[str]) -> list:
    config = predictor.domain.config
    settings = {"steps": config.sample_steps, "guidance": config.guidance}
    asked = [Request(caption, SEED + place, **settings) for place, caption in enumerate(captions)]
    return [picture_of(one) for one in predictor([Captioned(one.prompt, request=one) for one in asked])]


def first_pictures() -> None:
    """As a visitor waits: from a warm model to four pictures, screened and encoded."""
    predictor = starter()
    draw(predictor, ["cat"])
    began, worked = time.perf_counter(), time.process_time()
    draw(predictor, ["cat"] * 4)
    print(
        f"4 pictures: {time.perf_counter() - began:.1f} s, {time.process_time() - worked:.1f} CPU s, "
        f"{os.cpu_count()} cores\n"
    )


def quality() -> None:
    """Every caption the starter knows, once: KID against its training pictures, retrieval, copies."""
    predictor, encoder = starter(), Encoder.load()
    rows = pq.read_table(DATA, columns=["image", "caption"]).to_pydict()
    real = encoder.features([pictures.read(value) for value in rows["image"]])
    drawn = draw(predictor, rows["caption"])
    made = encoder.features(drawn)
    index, whose = index_for(predictor, encoder)
    found = index.nearest(drawn, encoder)
    print(f"starter on its own {len(drawn)} captions, seeds {SEED} and on")
    print(f"| KID | {kid(real, made, encoder.name)} |")
    print(f"| captions found | {retrieval(made, rows['caption'], encoder)} |")
    print(f"| captions found of the real pictures | {retrieval(real, rows['caption'], encoder)} |")
    print(f"| memorised | {neighbours.share(found):.0%} of {len(found)} |\n{index.threshold} {whose}\n")


def style(folder: Path) -> None:
    """`suite image-generation train` with no argument, and what its report says."""
    if not list(folder.glob("image-generation/*/evaluation.json")):
        began = time.perf_counter()
        command = [sys.executable, "-m", "suite", "image-generation", "train", "--output", str(folder)]
        subprocess.run(command, check=True)
        print(f"train, from the command to the report: {time.perf_counter() - began:.0f} s")
    path = max(folder.glob("image-generation/*/evaluation.json"))
    history = [json.loads(line) for line in (path.parent / "metrics.jsonl").read_text().splitlines()]
    print(f"in the loop: {max(line.get('seconds', 0) for line in history):.0f} s\n")
    for name, evaluation in json.loads(path.read_text()).items():
        print(f"{name}: {evaluation['examples']} captions")
        for system, values in evaluation["systems"].items():
            cells = [f"{metric} {one['value']:.3f}" for metric, one in values.items() if one["value"] is not None]
            print(f"| {system} | {' | '.join(cells)} |")
        for section in evaluation["sections"]:
            print(f"\n{section['title']}\n{section['text']}")


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    first_pictures()
    quality()
    style(folder)
    print(f"Previews, sheets and the run: {folder}")


if __name__ == "__main__":
    main()
