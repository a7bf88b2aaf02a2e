"""The model: histories become scaled values, and these a forecast with its bounds."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from suite import Batch, Model, Prediction, Stage, TrainingData, decoding

from suite_forecasting.answers import LEVELS
from suite_forecasting.config import LEAST, Options
from suite_forecasting.domain import FORECASTING
from suite_forecasting.network import Forecaster
from suite_forecasting.windows import example, ordered, parted, windows_of

if TYPE_CHECKING:
    from datasets import Dataset


def load(source: Path, config: Options, data: TrainingData | None) -> ForecastModel:
    """The pretrained forecaster, or one fine-tuned: both lie in the same two files."""
    return ForecastModel(Forecaster(source, config.horizon), config)


@dataclass
class ForecastModel(Model):
    """A pretrained forecaster, which sees each history in a scale of its own."""

    network: Forecaster
    config: Options

    def prepare(self, rows: Dataset, stage: Stage) -> Sequence[Any]:
        """The windows of a split as they are; of rows that were not split, all there are."""
        return rows.to_list() if "history" in rows.column_names else windows_of(rows, self.config)

    def collate(self, examples: Sequence[Any]) -> Batch:
        """Histories (n, width) scaled to 0…1 and right-aligned, their scales, and futures (n, horizon) scaled alike."""
        histories = [np.asarray(example["history"][-self.config.context :], float) for example in examples]
        scales = np.array([(history.min(), max(np.ptp(history), 1e-5)) for history in histories])
        values = np.zeros((len(examples), self.network.width))
        observed = np.zeros(values.shape, bool)
        for place, history in enumerate(histories):
            values[place, -len(history) :] = (history - scales[place, 0]) / scales[place, 1]
            observed[place, -len(history) :] = True
        batch = {
            "values": torch.tensor(values, dtype=torch.float32),
            "observed": torch.tensor(observed),
            "scales": torch.tensor(scales),
            "series": [example["series"] for example in examples],
        }
        if all(example.get("future") for example in examples):
            futures = np.array([example["future"] for example in examples], float)
            batch["labels"] = torch.tensor((futures - scales[:, :1]) / scales[:, 1:], dtype=torch.float32)
        return batch

    def loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Pinball loss of nine quantiles, in the scale of each history."""
        answers = network(batch["values"], batch["observed"])
        levels = answers.new_tensor(self.network.quantiles)
        wrong = batch["labels"][..., None] - answers[:, : batch["labels"].shape[1]]
        return (wrong * levels).maximum(wrong * (levels - 1)).mean()

    def count(self, batch: Batch) -> int:
        """Windows: each weighs the same."""
        return len(batch["labels"])

    def infer(self, batch: Batch) -> list[Prediction]:
        """Median and bounds of each step."""
        answers = self.network(batch["values"], batch["observed"]).double().sort(-1).values
        low, span = batch["scales"].double().split(1, dim=1)
        places = {name: self.network.quantiles.index(level) for name, level in LEVELS.items()}
        bounds = {name: (answers[..., place] * span + low).tolist() for name, place in places.items()}
        return [
            {"series": series} | {name: bounds[name][place] for name in LEVELS}
            for place, series in enumerate(batch["series"])
        ]

    def inputs(self, argument: str) -> list[dict[str, Any]]:
        """The end of each series of a CSV file (series, time, value), or numbers as text."""
        if re.fullmatch(r"[-+\d.eE,;\s]+", argument):
            return [example("", parted(argument))]
        mend = f"give a CSV file with {', '.join(FORECASTING.columns.names)}, or {LEAST} numbers."
        with decoding(repr(argument), mend), Path(argument).open(newline="", encoding="utf-8") as file:
            series = ordered(list(csv.DictReader(file)))
            return [example(name, [value for _, value in points]) for name, points in series.items()]

    def save(self, path: Path) -> None:
        """What `fracast` loads without Suite."""
        self.network.save(path)
