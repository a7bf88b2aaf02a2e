"""Object detection keeps the contract of every domain."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from suite.testing import DomainContract, Messy

from suite_detection.starter import SHAPES, drawn, png, sample_file


class TestContract(DomainContract):
    domain = "detection"
    settings = {"limit": 12, "max_steps": 3, "batch_size": 4, "evaluate_every": 2}
    same_question = True

    def answered_input(self, folder):
        return str(sample_file())

    def messy(self, folder):
        good, wrong = {"box": [1.0, 1.0, 9.0, 9.0], "label": "square"}, {"box": [9.0, 1.0, 1.0, 9.0], "label": "square"}

        several = [[{**good, "label": SHAPES[number % 3]}] for number in range(9)]

        def written(name, objects):
            images = [{"bytes": drawn_bytes(number), "path": None} for number in range(len(objects))]
            pq.write_table(pa.table({"image": images, "objects": objects}), folder / f"{name}.parquet")
            return {"data": str(folder / f"{name}.parquet"), "max_rejected": 0.5, "batch_size": 2}

        return {
            "a box turned over": Messy(written("turned", [*several, [wrong]])),
            "no good box": Messy(written("none", [[wrong]] * 4), refusal="is no part of 64 x 64 pixels"),
        }


def drawn_bytes(seed):
    return png(drawn(np.random.default_rng(seed), night=True)[0])
