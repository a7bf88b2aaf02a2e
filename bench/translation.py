"""Figures of plugins/translation/README.md: the starter on the project it has never seen, before and after training.

    python bench/translation.py [RUNS_FOLDER]

Takes some six minutes on two cores. A run that is there already is not made again.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from suite_translation.domain import TRANSLATION

from suite import Predictor
from suite.data.load import load_splits

METRICS = ("bleu", "exact", "placeholders", "fuzzy")


def run(folder: Path) -> Path:
    if not list(folder.glob("translation/*/evaluation.json")):
        command = [sys.executable, "-m", "suite", "translation", "train", "--output", str(folder)]
        start = time.monotonic()
        subprocess.run(command, check=True)
        (folder / "seconds.json").write_text(json.dumps(time.monotonic() - start))
    return next(folder.glob("translation/*/evaluation.json")).parent


def table(result: dict[str, Any]) -> None:
    print(f"| system | chrF | 95 % | {' | '.join(METRICS)} | to fine-tuned |\n|{'---|' * (len(METRICS) + 4)}")
    for system, values in sorted(result["systems"].items(), key=lambda pair: -pair[1]["chrf"]["value"]):
        chrf, gap = values["chrf"], result["differences"].get(system)
        cells = [system, f"{chrf['value']:.1f}", f"{chrf['low']:.1f} to {chrf['high']:.1f}"]
        cells += [f"{values[name]['value']:.{1 if name == 'bleu' else 3}f}" for name in METRICS]
        cells.append(f"{gap['value']:+.1f} ({gap['low']:+.1f} to {gap['high']:+.1f})" if gap else "")
        print("| " + " | ".join(cells) + " |")


def sections(result: dict[str, Any]) -> None:
    for section in result["sections"]:
        print(f"\n### {section['title']}\n\n{section['text']}")


def speed(path: Path) -> tuple[float, float]:
    """Test strings and tokens of their translations a second, the whole path of inference, four beams."""
    task = TRANSLATION.task()
    predictor = Predictor(task, str(path))
    model: Any = predictor.model
    examples = model.prepare(load_splits(task)[1]["test"], "test")
    few = sorted(examples, key=lambda example: len(example["source"]))[:: max(len(examples) // 256, 1)]
    start = time.monotonic()
    answers = predictor(few)
    seconds = time.monotonic() - start
    written = zip(answers, few, strict=True)
    tokens = sum(len(model.codec.labels(answer["translation"], example["language"])) for answer, example in written)
    return len(few) / seconds, tokens / seconds


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    print(f"{platform.processor() or platform.machine()}, {os.environ.get('OMP_NUM_THREADS', os.cpu_count())} threads")
    path = run(folder)
    history = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    trained = max(line["seconds"] for line in history if "seconds" in line)
    result = json.loads((path / "evaluation.json").read_text())["test"]
    whole = json.loads((folder / "seconds.json").read_text())
    print(
        f"\n## {result['examples']} strings: {trained:.0f} s of training with its evaluations, {whole:.0f} s in all\n"
    )
    table(result)
    sections(result)
    texts, tokens = speed(path)
    print(f"\n{texts:.0f} strings and {tokens:.0f} tokens a second")


if __name__ == "__main__":
    main()
