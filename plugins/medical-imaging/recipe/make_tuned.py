"""Makes suite_medical_imaging/tuned of a finished run: the model that answers in the demo while there is no run.

    suite medical-imaging train --output runs
    python plugins/medical-imaging/recipe/make_tuned.py runs/medical-imaging/RUN

Weights are halved to float16, 7 MB; a check shows that no answer to the run's golden pictures moves by two hundredths.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import torch
from datasets import Dataset
from safetensors.torch import load_file, save_file

from suite_medical_imaging.domain import MEDICAL_IMAGING

OUT = Path(__file__).parents[1] / "suite_medical_imaging" / "tuned"
MOVED = 0.02
"""Largest change of a probability: a quarter of the model's calibration error."""


def main() -> None:
    """Writes the folder and checks its answers."""
    run = Path(sys.argv[1])
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    for name in ("config.json", "medical.json", "preprocessor_config.json"):
        shutil.copyfile(run / "model" / name, OUT / name)
    tensors = load_file(run / "model" / "model.safetensors")
    half = {name: value.half() if value.is_floating_point() else value for name, value in tensors.items()}
    save_file(half, OUT / "model.safetensors", metadata={"format": "pt"})
    rows = Dataset.from_parquet(str(run / "golden" / "rows.parquet"))
    kept = json.loads((run / "golden" / "predictions.json").read_text())["predictions"]
    for old, new in zip(kept, answers(rows), strict=True):
        moved = max(abs(old["probabilities"][name] - new["probabilities"][name]) for name in old["probabilities"])
        print(f"{old['label']}: {moved:.5f}")
        assert moved < MOVED and old["label"] == new["label"]


def answers(rows: Dataset) -> list[dict]:
    """Of the model just written."""
    model = MEDICAL_IMAGING.task().load(OUT, None)
    model.network.eval()
    with torch.no_grad():
        return model.infer(model.collate(model.prepare(rows, "test")))


if __name__ == "__main__":
    main()
