"""Figures of plugins/recommendations/README.md: trains on the starter with two seeds and prints the table as Markdown.

    python bench/recommendations.py [RUNS_FOLDER]

Takes about ten minutes on two cores. A run that is there already is not made again.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

SEEDS = (42, 7)
METRICS = ("ndcg@10", "hr@10", "mrr@10", "coverage@10", "novelty@10")


def run(folder: Path, seed: int) -> Path:
    here = folder / f"seed-{seed}"
    if not list(here.glob("recommendations/*/evaluation.json")):
        command = [sys.executable, "-m", "suite", "recommendations", "train"]
        subprocess.run([*command, "--seed", str(seed), "--output", str(here)], check=True)
    return next(here.glob("recommendations/*/evaluation.json")).parent


def rows(evaluation: dict) -> list[str]:
    lines = []
    for system, values in sorted(evaluation["systems"].items(), key=lambda pair: -pair[1]["ndcg@10"]["value"]):
        first, *rest = (values[name] for name in METRICS)
        interval = f"{first['low']:.3f} to {first['high']:.3f}"
        cells = [system, f"{first['value']:.3f}", interval, *(f"{value['value']:.3f}" for value in rest)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    for seed in SEEDS:
        path = run(folder, seed)
        history = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        evaluation = json.loads((path / "evaluation.json").read_text())["test"]
        print(f"\nseed {seed}: {max(line['seconds'] for line in history):.0f} s of training, evaluations included\n")
        print("\n".join(rows(evaluation)))
        tuned = evaluation["systems"]["fine-tuned"]
        print(f"\nrecall at 20 of the index {tuned['index_recall@20']['value']:.4f}")
        for rival, gap in evaluation["differences"].items():
            print(f"against {rival}: {gap['value']:+.3f} ({gap['low']:+.3f} to {gap['high']:+.3f}), {gap['verdict']}")


if __name__ == "__main__":
    main()
