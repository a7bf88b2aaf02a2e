"""Figures of plugins/fraud/README.md, on the ULB handbook's portfolio (1.75 M transactions, 7 + 7 + 7 days, 4 folds).

    python bench/fraud.py [FOLDER] [prepare] [folds] [score] [few]

FOLDER keeps the runs, runs/bench-fraud unless named; a fold that is there already is not made again. All four take some
half an hour on two cores: `folds` and `few` train 4 and 6 times.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from suite_fraud.data import features, tables
from suite_fraud.data.protocol import HANDBOOK_END
from suite_fraud.data.rows import FraudData
from suite_fraud.domain import FRAUD
from suite_fraud.evaluation import prequential
from suite_fraud.model.base import NetworkConfig
from suite_fraud.model.residual import FraudNetwork
from suite_fraud.starter.simulate import Portfolio, simulate

from suite import Splits
from suite.evaluation import intervals
from suite.training.train import train

NAMES = {"time": "time", "entity": "customer", "counterparty": "terminal", "amount": "amount", "label": "fraud"}
FOLDS = [HANDBOOK_END - back * 7 for back in (3, 2, 1, 0)]
FRAUDS = (20, 100, 300)
FEW = FOLDS[-1:]
"""Folds of the curve over few labels: the last one, for each takes six trainings."""


class FewLabels(FraudData):
    """Learns from the first so many frauds of a shuffle, and the same share of the rest; tests as ever."""

    def __init__(self, domain, config, *, frauds):
        super().__init__(domain, config)
        self.frauds = frauds

    def split(self, rows):
        splits = super().split(rows)
        label = np.asarray(splits["train"].with_format("numpy")["label"])
        generator = np.random.default_rng(self.config.seed)
        fraud, fine = (generator.permutation(np.flatnonzero(label == kind)) for kind in (1, 0))
        share = self.frauds / len(fraud)
        kept = np.concatenate([fraud[: self.frauds], fine[: round(len(fine) * share)]])
        few = {**splits, "train": splits["train"].select(np.sort(kept))}
        return Splits(few, replace(splits.context, splits=few))


def handbook(folder: Path) -> Path:
    path = folder / "handbook.parquet"
    if not path.exists():
        pq.write_table(simulate(Portfolio()), path)
    return path


def prepare(folder: Path) -> None:
    table = pq.read_table(handbook(folder))
    began = time.perf_counter()
    rows = tables.from_table(table, NAMES)
    read = time.perf_counter() - began
    x = features.compute(rows)
    print(f"{len(x):,} rows: read in {read:.1f} s, {x.shape[1]} features in ", end="")
    print(f"{time.perf_counter() - began - read:.1f} s")


def folds(folder: Path) -> None:
    tests = []
    for end in FOLDS:
        runs = sorted((folder / "runs").glob(f"fraud/*-until-{end}/evaluation.json"))
        if not runs:
            prequential.evaluation(["--data", str(handbook(folder))], end, folder / "runs")
            runs = sorted((folder / "runs").glob(f"fraud/*-until-{end}/evaluation.json"))
        tests.append(json.loads(runs[-1].read_text())["test"])
        history = [json.loads(line) for line in (runs[-1].parent / "metrics.jsonl").read_text().splitlines()]
        print(f"fold that ends on day {end}: {max(line['seconds'] for line in history):.0f} s of training")
    print(prequential.render(prequential.summary(tests)))


def score(folder: Path) -> None:
    run = max((folder / "runs").glob("fraud/*-until-*/model/student")).parent.parent
    command = [sys.executable, "-m", "suite", "fraud", "score", str(handbook(folder)), "--model", str(run)]
    subprocess.run([*command, "--output", str(folder / "alerts.csv")], check=True)
    subprocess.run([sys.executable, "-m", "suite", "fraud", "student", "--model", str(run)], check=True)


def few(folder: Path) -> None:
    intervals.FEWER = 2  # this table has no intervals
    scratch = folder / "scratch"
    torch.manual_seed(0)
    FraudNetwork(NetworkConfig(features=features.NAMES)).save_pretrained(scratch)
    print("| system | " + " | ".join(f"{count} frauds" for count in FRAUDS) + " |\n" + "|---" * (len(FRAUDS) + 1) + "|")
    values: dict[str, list[list[float]]] = {}
    for place, count in enumerate(FRAUDS):
        for end in FEW:
            for model in ("", str(scratch)):
                for name, value in few_once(folder, count, end, model).items():
                    values.setdefault(name, [[] for _ in FRAUDS])[place].append(value)
    for name, parts in values.items():
        print(f"| {name} | " + " | ".join(f"{np.mean(part):.3f}" for part in parts) + " |")


def few_once(folder: Path, count: int, end: int, model: str) -> dict[str, float]:
    """Average precisions of all systems; where the network starts from scratch, of it alone."""
    settings = {"data": str(handbook(folder)), "test_end": end, "output": folder / "few", "model": model}
    settings |= {"evaluate_every": 100}  # an epoch of so few rows is over in a blink
    if model:
        settings |= {"learning_rate": 1e-3, "epochs": 60}  # what a start from nothing needs
    run = train(replace(FRAUD, data=partial(FewLabels, frauds=count)).task(settings))
    systems = run.evaluation()["test"]["systems"]
    precision = {name: metrics["average_precision"]["value"] for name, metrics in systems.items()}
    return {"from scratch": precision["fine-tuned"]} if model else precision


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/bench-fraud")
    folder.mkdir(parents=True, exist_ok=True)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads")
    parts = {"prepare": prepare, "folds": folds, "score": score, "few": few}
    for name in sys.argv[2:] or parts:
        parts[name](folder)


if __name__ == "__main__":
    main()
