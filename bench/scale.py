"""Shows that memory and the cost of a step do not grow with the data: figures of docs/log.md, printed as Markdown.

    python bench/scale.py [ROWS ...]

Writes a table of interactions for each number of rows (10 thousand to 10 million), 20 by each user among 500 items;
in a process of its own each is read, checked, split, prepared and trained on for 30 steps, and then read once more.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

ROWS = (10_000, 100_000, 1_000_000, 10_000_000)
ITEMS, EACH, STEPS = 500, 20, 30  # few items: a model also holds counts of pairs of them, which soon all occur
TOYS = Path(__file__).parents[1] / "plugins" / "recommendations" / "tests"


def write(path: Path, rows: int) -> None:
    """user,item,time in order of time, written by the million so that this process stays small too."""
    generator = np.random.default_rng(1)
    users = rows // EACH
    with path.open("w") as file:
        file.write("user,item,time\n")
        for start in range(0, rows, 1_000_000):
            numbers = np.arange(start, min(start + 1_000_000, rows))
            columns = (numbers % users, generator.integers(0, ITEMS, len(numbers)), 1_600_000_000 + numbers)
            file.writelines(f"u{u},i{i},{t}\n" for u, i, t in zip(*(c.tolist() for c in columns), strict=True))


def anonymous() -> float:
    """MB of memory that no file backs: what mapped tables do not count in."""
    return int(re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024


@contextmanager
def watched(stage: str, figures: dict[str, Any]) -> Iterator[None]:
    """Seconds and highest anonymous memory of a stage, looked at every 20 ms."""
    peak, done = [anonymous()], threading.Event()

    def look() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], anonymous())

    watcher, started = threading.Thread(target=look), time.perf_counter()
    watcher.start()
    yield
    figures[stage] = time.perf_counter() - started
    done.set()
    watcher.join()
    figures[f"{stage} MB"] = max(peak[0], anonymous())


def measure(table: Path, cache: Path) -> dict[str, Any]:
    """One row of the table; run in a process of its own."""
    import resource

    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    os.environ["SUITE_CACHE"] = str(cache)
    sys.path.insert(0, str(TOYS))
    from recommendation_toys import encoder_folder
    from suite_recommendations.domain import RECOMMENDATIONS

    from suite.data.checks import check_rows, enforce
    from suite.data.sources import load_rows
    from suite.tables.fingerprint import fingerprint
    from suite.training.order import StepSampler, running, step_loader

    task = RECOMMENDATIONS.task(data=str(table), k_core=1)
    encoder = encoder_folder(cache / "encoder")
    figures: dict[str, Any] = {"ground": anonymous()}
    with watched("first", figures):
        load_rows(str(table), task)
    with watched("second", figures):
        rows = load_rows(str(table), task)
    with watched("check", figures):
        report = check_rows(rows, task)
        enforce(report, 0)
        fingerprint(rows, task.columns)
    with watched("split", figures):
        splits = task.data.split(report.rows)
    with watched("model", figures):
        model = task.load(encoder, splits.training)
        network = model.network.train()
    with watched("prepare", figures):
        examples = model.prepare(splits["train"], "train")
        model.prepare(splits["validation"], "validation")
    with watched("train", figures):
        sampler = StepSampler(len(examples), task.config, rank=0, world=1, lengths=None)
        optimizer = torch.optim.AdamW(model.optimizer_groups(network), lr=1e-3)
        seconds = []  # of CPU: others may be at work on the machine
        with running(step_loader(model, examples, sampler, pin=False)) as steps:
            next(steps)  # the permutation, once an epoch
            for _ in range(STEPS):
                started = time.process_time()
                for batch in next(steps).batches:
                    model.loss(network, batch).backward()
                optimizer.step()
                optimizer.zero_grad()
                seconds.append(time.process_time() - started)
    figures["step"] = float(np.median(seconds))
    figures["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return figures


def line(rows: int, table: Path, figures: dict[str, Any]) -> str:
    stages = ("check", "split", "model", "prepare", "train")
    cells = [f"{rows:,}", f"{table.stat().st_size / 1e6:.1f}", f"{figures['first']:.2f}", f"{figures['second']:.3f}"]
    cells += [f"{figures[stage]:.1f}" for stage in stages] + [f"{figures['ground']:.0f}", f"{figures['first MB']:.0f}"]
    cells += [f"{figures[f'{stage} MB']:.0f}" for stage in stages]
    cells += [f"{figures['peak']:.0f}", f"{1000 * figures['step']:.1f}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    counts = [int(argument) for argument in sys.argv[1:]] or list(ROWS)
    head = ["rows", "file MB", "load s", "again s", "check s", "split s", "model s", "prepare s", "train s"]
    head += [
        "anonymous MB: before",
        "load",
        "check",
        "split",
        "model",
        "prepare",
        "train",
        "peak RSS MB",
        "CPU ms a step",
    ]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for rows in counts:
        with tempfile.TemporaryDirectory() as folder:
            table, cache = Path(folder) / "log.csv", Path(folder) / "cache"
            write(table, rows)
            command = [sys.executable, __file__, "measure", str(table), str(cache)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            print(line(rows, table, json.loads(done.stdout.splitlines()[-1])), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(measure(Path(sys.argv[2]), Path(sys.argv[3]))))
    else:
        main()
