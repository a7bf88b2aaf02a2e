"""How a forecast is printed and written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from suite import Answers, Prediction, write_predictions

LEVELS = {"low": 0.1, "median": 0.5, "high": 0.9}
"""Quantiles that are told of each step, by their names in a prediction."""


class ForecastAnswers(Answers):
    """A line or a row for each step."""

    def render(self, prediction: Prediction) -> str:
        """One line a step."""
        lines = zip(*(prediction[name] for name in ("median", "low", "high")), strict=True)
        rows = [f"{step:+4d}  {m:.4g}  [{low:.4g}, {high:.4g}]" for step, (m, low, high) in enumerate(lines, 1)]
        return "\n".join([prediction["series"], *rows] if prediction["series"] else rows)

    def write(self, predictions: Sequence[tuple[str, Prediction]], path: Path) -> None:
        """A CSV file has a row for each step, the others an answer for each series."""
        if path.suffix.lower() == ".csv":
            predictions = [(name, step) for name, prediction in predictions for step in steps(prediction)]
        write_predictions(predictions, path)


def steps(prediction: Prediction) -> list[dict[str, Any]]:
    """One dict for each step of a forecast."""
    columns = zip(*(prediction[name] for name in LEVELS), strict=True)
    return [
        {"series": prediction["series"], "step": step} | dict(zip(LEVELS, values, strict=True))
        for step, values in enumerate(columns, 1)
    ]
