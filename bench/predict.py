"""What batches save in `predict`: many inputs one at a time, by `predict`, and in one call of the model.

    python bench/predict.py [DOMAIN …]

The same texts by the starter of each domain that answers texts; the least of three rounds of seconds, in this process.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import torch

from suite import load, predict
from suite.data.load import load_splits

INPUTS = {"translation": "source", "image-generation": "caption"}
COUNT = {"translation": 96, "image-generation": 4}  # pictures take seconds each


def seconds(asked: Callable[[], Any]) -> float:
    """How long an answer takes."""
    began = time.perf_counter()
    asked()
    return time.perf_counter() - began


def measure(name: str) -> str:
    """The columns of a domain: the number of inputs, and the least of three rounds of each way."""
    predictor = load(name)
    rows = load_splits(predictor.task)[1]["test"]
    texts = [str(text) for text in rows[INPUTS[name]] if " " in str(text)][: COUNT[name]]  # a name may be a file's
    examples = [example for text in texts for example in predictor.model.inputs(text)]
    ways: tuple[Callable[[], Any], ...] = (
        lambda: [predictor.answer(text) for text in texts],
        lambda: predict(predictor, texts),
        lambda: predictor(examples),
    )
    rounds = [[seconds(way) for way in ways] for _ in range(3)]
    least = [min(taken) for taken in zip(*rounds, strict=True)]
    return f"{len(texts)} | {' | '.join(f'{each:.3g}' for each in least)}"


def main() -> None:
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads\n")
    print("| domain | inputs | one at a time, s | predict, s | one call, s |\n|---|---|---|---|---|")
    for name in sys.argv[1:] or INPUTS:
        print(f"| {name} | {measure(name)} |", flush=True)


if __name__ == "__main__":
    main()
