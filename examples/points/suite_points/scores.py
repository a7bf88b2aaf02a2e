"""What made points are worth: how far their cloud is from that of real ones, and what any model must beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from suite import Baselines, Model, Prediction, Scored, Scores, Splits


class CloudScores(Scores):
    """How far the cloud of made points is from that of real ones, in two ways.

    `gap`: the mean distance from a made point to the nearest real one, and back. `energy`: twice the mean distance from
    a made to a real point, less that between two made and that between two real ones, which is 0 where both are of one
    distribution. It compares no point with itself, also not in a resample that has it twice.
    """

    def reference(self, example: Mapping[str, Any]) -> list[float]:
        """The real point beside which this one is made; they have nothing to do with each other."""
        return list(example["point"])

    def score(self, prediction: Prediction, reference: Sequence[float]) -> dict[str, Sequence[float]]:
        """Both points."""
        return {"made": [prediction["x"], prediction["y"]], "real": reference}

    def joint(self, scored: Scored) -> dict[str, np.ndarray]:
        """Distances of each point to all others (n, n), to the nearest, and the column that stands for each."""
        made, real = (np.asarray(scored.scores[name], float) for name in ("made", "real"))
        across = np.linalg.norm(made[:, None] - real[None], axis=-1)
        alone = [np.linalg.norm(cloud[:, None] - cloud[None], axis=-1) for cloud in (made, real)]
        excess = (across + across.T - sum(alone)).astype(np.float32)  # of a pair, whichever is made
        return {"nearest": across.min(1), "missed": across.min(0), "excess": excess, "place": np.arange(len(made))}

    def metrics(self, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Gap and energy distance."""
        place = scores["place"]
        others = place[:, None] != place[None]
        energy = float((scores["excess"][:, place] * others).sum(dtype=float)) / max(int(others.sum()), 1)
        return {"gap": float(scores["nearest"].mean() + scores["missed"].mean()), "energy": energy}

    def watched(self) -> dict[str, bool]:
        """Whether each part of the cloud has its share."""
        return {"energy": False}


def baselines(model: Model, splits: Splits, examples: Sequence[Any]) -> Baselines:
    """One heap with the mean and covariance of the training points, and an even spread over where they are.

    "real points" is no rival but the floor: so far from the test points are others of the data themselves.
    """
    known = np.array([splits["train"]["x"], splits["train"]["y"]], float).T
    generator, count = np.random.default_rng(0), len(examples)
    clouds = {
        "one heap": generator.multivariate_normal(known.mean(0), np.cov(known.T), count),
        "even spread": generator.uniform(known.min(0), known.max(0), (count, 2)),
        "real points": known[generator.choice(len(known), count, replace=count > len(known))],
    }
    answers = {name: [{"x": float(x), "y": float(y)} for x, y in cloud] for name, cloud in clouds.items()}
    return Baselines(answers, settings={name: "nothing to tune" for name in clouds})
