"""Figures of plugins/speech/README.md: trains on the starter with two seeds, prints word errors and times as Markdown.

    python bench/speech.py [RUNS_FOLDER]

Takes about twenty minutes on two cores. A run that is there already is not made again. The cache of encoded sound is
removed first, so that the time is what a first run takes.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from suite import cache_dir

SEEDS = (42, 7)
METRICS = ("wer", "substitutions", "deletions", "insertions", "wer_as_written", "cer")


def run(folder: Path, seed: int) -> tuple[Path, float]:
    """The run of a seed and the seconds from the command to the finished model."""
    here = folder / f"seed-{seed}"
    if not list(here.glob("speech/*/evaluation.json")):
        command = [sys.executable, "-m", "suite", "speech", "train", "--seed", str(seed), "--output", str(here)]
        shutil.rmtree(cache_dir() / "speech", ignore_errors=True)  # else sound would be encoded already
        subprocess.run(command, check=True)
    path = next(here.glob("speech/*/evaluation.json")).parent
    created = time.strptime(path.name[:15], "%Y%m%d-%H%M%S")
    saved = (path / "model" / "config.json").stat().st_mtime
    return path, saved - time.mktime(created) + time.timezone


def rows(evaluation: dict) -> list[str]:
    lines = []
    for system, values in evaluation["systems"].items():
        interval = f"{values['wer']['low']:.3f} to {values['wer']['high']:.3f}"
        first, *rest = (f"{values[name]['value']:.3f}" for name in METRICS)
        lines.append(f"| {' | '.join([system, first, interval, *rest])} |")
    return lines


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    for seed in SEEDS:
        path, seconds = run(folder, seed)
        history = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        loop = max(line["seconds"] for line in history)
        print(f"\nseed {seed}: {loop:.0f} s in the loop, {seconds:.0f} s from the command to the model\n")
        for name, evaluation in json.loads((path / "evaluation.json").read_text()).items():
            print(f"{name}, {evaluation['examples']} clips")
            print("\n".join(rows(evaluation)))
            gap = evaluation["differences"]["before fine-tuning"]
            print(
                f"difference in wer {gap['value']:+.3f} ({gap['low']:+.3f} to {gap['high']:+.3f}), {gap['verdict']}\n"
            )


if __name__ == "__main__":
    main()
