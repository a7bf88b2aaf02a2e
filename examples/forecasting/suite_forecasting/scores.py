"""What a forecast is worth, and what any model must beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from suite import Baselines, Model, Prediction, Scores, Splits

from suite_forecasting.answers import LEVELS


class ForecastScores(Scores):
    """Errors in steps of the history, so that series of any size weigh alike."""

    def reference(self, example: Mapping[str, Any]) -> dict[str, Any]:
        """What came, and by how much the history changes from step to step."""
        step = np.abs(np.diff(example["history"])).mean()
        return {"future": example["future"], "step": float(step) or 1.0}

    def score(self, prediction: Prediction, reference: Mapping[str, Any]) -> dict[str, float | Sequence[float]]:
        """Errors in mean steps of the history, and the share of the future within the bounds."""
        future = np.asarray(reference["future"])
        ours = {name: np.asarray(prediction[name][: len(future)]) for name in LEVELS}
        wrong = {name: (future - ours[name]) / reference["step"] for name in LEVELS}
        pinball = [np.maximum(wrong[name] * level, wrong[name] * (level - 1)).mean() for name, level in LEVELS.items()]
        inside = (ours["low"] <= future) & (future <= ours["high"])
        return {
            "error": float(np.abs(wrong["median"]).mean()),
            "pinball": float(np.mean(pinball)),
            "inside": float(inside.mean()),
        }

    def metrics(self, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Mean absolute scaled error, pinball loss in the same scale, and how much the 80 % interval held."""
        names = {"mase": "error", "pinball": "pinball", "coverage": "inside"}
        return {name: float(scores[key].mean()) for name, key in names.items()}

    def belongs(self, example: Mapping[str, Any]) -> dict[str, Any]:
        """Its series: windows of one overlap and are alike."""
        return {"series": example["series"]}

    def watched(self) -> dict[str, bool]:
        """Whether the bounds hold, beside the line between them."""
        return {"pinball": False}


def baselines(model: Model, splits: Splits, examples: Sequence[Any]) -> Baselines:
    """The last value, the mean of the last values, and what was a season ago."""
    ahead, season = model.config.horizon, model.config.season

    def flat(example: Mapping[str, Any], values: Sequence[float]) -> Prediction:
        return {"series": example["series"]} | {name: [float(value) for value in values] for name in LEVELS}

    seasons = [example["history"][-season:] for example in examples]
    return Baselines(
        {
            "last value": [flat(example, example["history"][-1:] * ahead) for example in examples],
            "recent mean": [
                flat(example, [float(np.mean(example["history"][-ahead:]))] * ahead) for example in examples
            ],
            "season before": [
                flat(example, [last[step % len(last)] for step in range(ahead)])
                for example, last in zip(examples, seasons, strict=True)
            ],
        },
        settings={
            "last value": "nothing to tune",
            "recent mean": "as long as the horizon, not tuned",
            "season before": "the run's season, not tuned",
        },
    )
