"""Figures of the report as PNG."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from suite_fraud.data.measures import Ranking
from suite_fraud.model.decisions import Outcome

_POINTS = 2_000
"""Points of a drawn curve: more than a screen is wide."""


def capacity_figure(name: str, probability: np.ndarray, label: np.ndarray, curve: Mapping[int, Outcome]) -> bytes:
    """Precision over recall, and money saved and frauds missed over alerts a day, side by side."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    recall, precision = _precision_recall(probability, label)
    left.plot(recall, precision, color="tab:blue")
    left.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02), title=f"{name} on the test days")
    days = list(curve)
    right.plot(days, [curve[k].money_saved for k in days], color="tab:green", marker="o", label="money saved")
    right.set(xscale="log", xlabel="alerts a day", ylabel="money saved", title="What a capacity buys")
    missed = right.twinx()
    missed.plot(days, [curve[k].frauds_missed for k in days], color="tab:red", marker="s", label="frauds missed")
    missed.set(ylabel="frauds missed", ylim=(0, None))
    figure.legend(loc="outside lower right", ncols=2)
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi=110)
    return written.getvalue()


def _precision_recall(probability: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Recall and precision after each alert, thinned out to what can be drawn."""
    hits = np.cumsum(label[Ranking(probability, label).order] == 1)
    where = np.unique(np.linspace(0, len(hits) - 1, _POINTS).astype(int))
    early = np.arange(min(len(hits), _POINTS))  # the left of the curve is made by the first alerts
    where = np.union1d(where, early)
    return hits[where] / max(hits[-1], 1), hits[where] / (where + 1)
