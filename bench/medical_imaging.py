"""Figures of plugins/medical-imaging/README.md: both starters, trained as they come, and where the heat maps peak.

    python bench/medical_imaging.py [RUNS_FOLDER]

Takes about seven minutes on two cores. A run that is there already is not made again.
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

TASKS = {"mri-planes": ("scratch=true",), "mri-lesions": ()}
METRICS = ("auroc", "auprc", "sens@spec90", "balanced_accuracy", "ece")


def run(folder: Path, data: str, settings: tuple[str, ...]) -> Path:
    here = folder / data
    if not list(here.glob("medical-imaging/*/evaluation.json")):
        command = [sys.executable, "-m", "suite", "medical-imaging", "train", "--data", data, "--output", str(here)]
        start = time.monotonic()
        subprocess.run([*command, *(part for setting in settings for part in ("--set", setting))], check=True)
        (here / "seconds.json").write_text(json.dumps(time.monotonic() - start))
    return next(here.glob("medical-imaging/*/evaluation.json")).parent


def table(evaluation: dict) -> None:
    print(f"| system | AUROC | 95 % | {' | '.join(METRICS[1:])} |\n|{'---|' * (len(METRICS) + 2)}")
    for system, values in sorted(evaluation["systems"].items(), key=lambda pair: -pair[1]["auroc"]["value"]):
        first, *rest = (values[name] for name in METRICS)
        cells = [system, f"{first['value']:.3f}", f"{first['low']:.3f} to {first['high']:.3f}"]
        print("| " + " | ".join([*cells, *(format(value["value"], ".3f") for value in rest)]) + " |")


def peaks(path: Path) -> tuple[int, int]:
    """True positives of the lesion test set, and in how many of them the hottest pixel lies inside a lesion."""
    import numpy as np
    from PIL import Image
    from suite_medical_imaging.domain import MEDICAL_IMAGING
    from suite_medical_imaging.model.explain import heat_map

    from suite import Predictor
    from suite.data.load import load_splits

    predictor = Predictor(MEDICAL_IMAGING.task(), str(path))
    model: Any = predictor.model
    rows = load_splits(predictor.task)[1]["test"]
    examples = model.prepare(rows, "test")
    root = Path(rows[0]["image"]).parent.parent
    hits = inside = 0
    for example, answer, mask in zip(examples, predictor(examples), rows["mask"], strict=True):
        if example["reference"] == answer["label"] == "lesion":
            pixels = model.collate([example])["pixel_values"].to(model.network.device)
            heat = heat_map(model.network, pixels, 1).numpy()
            hits += 1
            inside += bool(np.asarray(Image.open(root / mask))[np.unravel_index(heat.argmax(), heat.shape)])
    return hits, inside


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    print(f"{platform.processor() or platform.machine()}, {os.environ.get('OMP_NUM_THREADS', os.cpu_count())} threads")
    for data, settings in TASKS.items():
        path = run(folder, data, settings)
        history = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        whole = json.loads((folder / data / "seconds.json").read_text())
        trained = max(line["seconds"] for line in history if "seconds" in line)
        print(f"\n## {data}: {trained:.0f} s of training with its evaluations, {whole:.0f} s in all\n")
        table(json.loads((path / "evaluation.json").read_text())["test"])
        if data == "mri-lesions":
            hits, inside = peaks(path)
            print(f"\nheat map: peak inside a lesion in {inside} of {hits} true positives ({inside / hits:.0%})")


if __name__ == "__main__":
    main()
