"""Time-series forecasting: what a series was in, what it will be out, with an interval.

Heavy parts are imported where they are used.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field
from suite import (
    Batch,
    Column,
    Columns,
    Domain,
    Finding,
    Prediction,
    Predictor,
    Space,
    Splits,
    SuiteError,
    TrainConfig,
    write_predictions,
)

from suite_forecasting.starter import STARTER
from suite_forecasting.windows import ordered, windows

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

    from suite_forecasting.model import Forecaster

LEAST = 32
"""Values a history must have: fewer show neither level nor period."""
LEVELS = {"low": 0.1, "median": 0.5, "high": 0.9}


class Options(TrainConfig):
    """What a run can be told beyond what every domain's can."""

    horizon: int = Field(14, ge=1, le=48, description="Steps that are forecast.")
    context: int = Field(730, ge=LEAST, le=2048, description="Steps before them that the model sees.")
    stride: int = Field(7, ge=1, description="Steps from one window to the next.")
    season: int = Field(365, ge=1, description="Steps of a season, for the seasonal baseline.")
    epochs: float = Field(1.0, gt=0, description="Passes over the training windows.")
    batch_size: int = Field(8, ge=1, description="Windows per optimizer step, over all processes.")
    learning_rate: float = Field(3e-4, gt=0, description="Peak learning rate of AdamW.")


class ForecastingDomain(Domain):
    """Rows are values of series; windows of them are made once the rows are checked."""

    name = "forecasting"
    title = "Time-series forecasting"
    Config = Options
    columns = Columns(
        (
            Column("series", "category", "which series it is of", aliases=("series_id", "unique_id", "id")),
            Column("time", "time", "when it was", aliases=("ds", "date", "timestamp")),
            Column("value", "number", "what was measured", aliases=("y", "target")),
        ),
        time="time",
        unique=("series", "time"),
    )
    metric = "mase"
    greater_is_better = False
    starter = STARTER
    library = "fracast"
    pipeline_tag = "time-series-forecasting"
    needs_rows = False
    space = Space("Forecast a series, with an interval", "📈")
    limits = (
        "It reads the order of values, not the calendar: steps must be equally long, and a missing row shifts what "
        "came before it. It knows no holidays, no other series and no cause. The interval is meant to hold 80 % of "
        "what comes; `coverage` tells how much of the test it held."
    )
    config: Options
    model: Forecaster

    def check(self, rows: Dataset) -> Iterable[Finding]:
        """Values that are infinite."""
        for index, value in enumerate(rows["value"]):
            if value is not None and not math.isfinite(value):
                yield Finding("error", f"value is {value}; give a finite number.", index)

    def split(self, rows: Dataset) -> Splits:
        """Windows by time: what is forecast in a test window is later than all that training and validation saw."""
        from datasets import Dataset

        found = self.windows(rows)
        times = sorted(rows["time"])
        test = times[int(len(times) * (1 - self.config.test_share))]
        validation = times[int(len(times) * (1 - self.config.test_share - self.config.validation_share))]
        parts = {
            "train": [one for one in found if one["end"] < validation],
            "validation": [one for one in found if validation <= one["time"] and one["end"] < test],
            "test": [one for one in found if test <= one["time"]],
        }
        for name, part in parts.items():
            if not part:
                need = f"{LEAST} values before and {self.config.horizon} after a moment"
                raise SuiteError(
                    f"No series is long enough for a {name} window ({need}); give more, or a smaller horizon."
                )
        return {name: Dataset.from_list(part) for name, part in parts.items()}

    def windows(self, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """All windows of rows that are single values."""
        ours = self.config
        size = {"context": ours.context, "horizon": ours.horizon, "stride": ours.stride}
        return list(windows(ordered(rows), least=LEAST, **size))

    def prepare(self, rows: Dataset, model: torch.nn.Module, *, training: bool) -> Sequence[Any]:
        """The windows of a split as they are; of rows that were not split, all there are."""
        return rows.to_list() if "history" in rows.column_names else self.windows(rows)

    def load_model(self, source: Path, data: Dataset | None) -> torch.nn.Module:
        """The pretrained forecaster, or one fine-tuned: both lie in the same two files."""
        from suite_forecasting.model import Forecaster

        self.model = Forecaster(source, self.config.horizon)
        return self.model

    def save_model(self, model: torch.nn.Module, path: Path) -> None:
        """What `fracast` loads without Suite."""
        model.save(path)  # type: ignore[operator]  # a Forecaster's

    def collate(self, examples: Sequence[Any]) -> Batch:
        """Histories (n, width) scaled to 0…1 and right-aligned, their scales, and futures (n, horizon) scaled alike."""
        import torch

        histories = [np.asarray(one["history"][-self.config.context :], float) for one in examples]
        scales = np.array([(history.min(), max(np.ptp(history), 1e-5)) for history in histories])
        values = np.zeros((len(examples), self.model.width))
        observed = np.zeros(values.shape, bool)
        for place, history in enumerate(histories):
            values[place, -len(history) :] = (history - scales[place, 0]) / scales[place, 1]
            observed[place, -len(history) :] = True
        batch = {
            "values": torch.tensor(values, dtype=torch.float32),
            "observed": torch.tensor(observed),
            "scales": torch.tensor(scales),
            "series": [one["series"] for one in examples],
        }
        if all(one.get("future") for one in examples):
            futures = np.array([one["future"] for one in examples], float)
            batch["labels"] = torch.tensor((futures - scales[:, :1]) / scales[:, 1:], dtype=torch.float32)
        return batch

    def loss(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Pinball loss of nine quantiles, in the scale of each history."""
        answers = model(batch["values"], batch["observed"])
        levels = answers.new_tensor(self.model.quantiles)
        wrong = batch["labels"][..., None] - answers[:, : batch["labels"].shape[1]]
        return (wrong * levels).maximum(wrong * (levels - 1)).mean()

    def count(self, batch: Batch) -> int:
        """Windows: each weighs the same."""
        return len(batch["labels"])

    def infer(self, model: torch.nn.Module, batch: Batch) -> list[Prediction]:
        """Median and bounds of each step."""
        answers = model(batch["values"], batch["observed"]).double().sort(-1).values
        low, span = batch["scales"].double().split(1, dim=1)
        places = {name: self.model.quantiles.index(level) for name, level in LEVELS.items()}
        found = {name: (answers[..., place] * span + low).tolist() for name, place in places.items()}
        return [
            {"series": series} | {name: found[name][place] for name in LEVELS}
            for place, series in enumerate(batch["series"])
        ]

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

    def baselines(self, splits: Splits, examples: Sequence[Any]) -> dict[str, list[Prediction]]:
        """The last value, the mean of the last values, and what was a season ago."""

        def flat(one: Mapping[str, Any], values: Sequence[float]) -> Prediction:
            return {"series": one["series"]} | {name: [float(value) for value in values] for name in LEVELS}

        ahead = self.config.horizon
        seasons = [one["history"][-self.config.season :] for one in examples]
        return {
            "last value": [flat(one, one["history"][-1:] * ahead) for one in examples],
            "recent mean": [flat(one, [float(np.mean(one["history"][-ahead:]))] * ahead) for one in examples],
            "season before": [
                flat(one, [last[step % len(last)] for step in range(ahead)])
                for one, last in zip(examples, seasons, strict=True)
            ],
        }

    def inputs(self, argument: str) -> list[dict[str, Any]]:
        """The end of each series of a CSV file (series, time, value), or numbers as text."""
        if re.fullmatch(r"[-+\d.eE,;\s]+", argument):
            return [example("", parted(argument))]
        try:
            with Path(argument).open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            return [example(name, [v for _, v in points]) for name, points in ordered(rows).items()]
        except (OSError, UnicodeDecodeError, KeyError, ValueError):
            known = ", ".join(self.columns.names)
            raise SuiteError(f"Cannot read {argument!r}; give a CSV file with {known}, or {LEAST} numbers.") from None

    def render(self, prediction: Prediction) -> str:
        """One line a step."""
        lines = zip(*(prediction[name] for name in ("median", "low", "high")), strict=True)
        told = [f"{step:+4d}  {m:.4g}  [{low:.4g}, {high:.4g}]" for step, (m, low, high) in enumerate(lines, 1)]
        return "\n".join([prediction["series"], *told] if prediction["series"] else told)

    def write(self, predictions: Sequence[tuple[str, Prediction]], path: Path) -> None:
        """A CSV file has a row for each step, the others an answer for each series."""
        if path.suffix.lower() == ".csv":
            predictions = [(name, step) for name, one in predictions for step in steps(one)]
        write_predictions(predictions, path)

    def demo(self, predictor: Predictor) -> None:
        """The Demo tab."""
        from suite_forecasting.demo import build

        build(predictor)

    def demo_call(self, predictor: Predictor) -> tuple[str, Sequence[Any]]:
        """The made-up week that stands in the demo."""
        from suite_forecasting.demo import WAVE

        return "forecast", [WAVE]


def steps(prediction: Prediction) -> list[dict[str, Any]]:
    """One dict for each step of a forecast."""
    columns = zip(*(prediction[name] for name in LEVELS), strict=True)
    return [
        {"series": prediction["series"], "step": step} | dict(zip(LEVELS, values, strict=True))
        for step, values in enumerate(columns, 1)
    ]


def parted(text: str) -> list[str]:
    """The numbers of a text, whatever stands between them."""
    return [part for part in re.split(r"[,;\s]+", text) if part]


def example(series: str, values: Sequence[Any]) -> dict[str, Any]:
    """A history as `collate` takes it. Raises `SuiteError` for what is no number, or too few of them."""
    try:
        history = [float(value) for value in values]
    except ValueError as error:
        raise SuiteError(f"A value of the series is no number: {error}.") from None
    if len(history) < LEAST or not all(math.isfinite(value) for value in history):
        raise SuiteError(f"The series {series!r} has {len(history)} values; give {LEAST} finite numbers or more.")
    return {"series": series, "history": history}
