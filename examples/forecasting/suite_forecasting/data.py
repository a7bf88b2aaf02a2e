"""Rows are values of series; windows of them are made once the rows are checked."""

from __future__ import annotations

import math
from collections.abc import Iterable

from datasets import Dataset
from suite import Data, Finding, Splits, SuiteError

from suite_forecasting.config import LEAST
from suite_forecasting.windows import windows_of


class SeriesData(Data):
    """A table of values, a row for each step of each series."""

    def check(self, rows: Dataset) -> Iterable[Finding]:
        """Values that are infinite."""
        for index, value in enumerate(rows["value"]):
            if value is not None and not math.isfinite(value):
                yield Finding("error", f"value is {value}; give a finite number.", index)

    def split(self, rows: Dataset) -> Splits:
        """Windows by time: what is forecast in a test window is later than all that training and validation saw."""
        windows = windows_of(rows, self.config)
        times = sorted(rows["time"])
        test = times[int(len(times) * (1 - self.config.test_share))]
        validation = times[int(len(times) * (1 - self.config.test_share - self.config.validation_share))]
        parts = {
            "train": [window for window in windows if window["end"] < validation],
            "validation": [window for window in windows if validation <= window["time"] and window["end"] < test],
            "test": [window for window in windows if test <= window["time"]],
        }
        for name, part in parts.items():
            if not part:
                need = f"{LEAST} values before and {self.config.horizon} after a moment"
                raise SuiteError(
                    f"No series is long enough for a {name} window ({need}); give more, or a smaller horizon."
                )
        return Splits({name: Dataset.from_list(part) for name, part in parts.items()})
