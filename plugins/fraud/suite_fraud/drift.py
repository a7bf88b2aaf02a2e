"""How a portfolio moves away from what a model was trained on, week by week, and when to train anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suite_fraud.measures import Ranking

BINS = 10
MODERATE, LARGE = 0.1, 0.25
"""Usual bounds of the PSI: below the first nothing moved, above the second a model should not be trusted unseen."""
LOST = 0.75
"""Share of the first weeks' average precision below which a model has aged."""
FRAUDS = 20
"""Weeks with fewer known frauds have no average precision worth reading."""


@dataclass(frozen=True)
class Week:
    """One week of scored transactions; `start` and `end` are days."""

    start: int
    end: int
    count: int
    features: dict[str, float]
    """Population stability index of each feature against training."""
    scores: float
    """The same of the model's scores."""
    alert_rate: float
    frauds: int
    """Known ones."""
    average_precision: float
    """On transactions of known label; NaN below twenty frauds."""

    @property
    def moved(self) -> list[str]:
        """Features whose index is large, the largest first."""
        return sorted((n for n, psi in self.features.items() if psi > LARGE), key=lambda n: -self.features[n])


@dataclass(frozen=True)
class Report:
    """All weeks, oldest first, and whether to train anew."""

    weeks: list[Week]
    retrain: bool
    advice: str
    """One sentence with the reason."""


def psi(expected: np.ndarray, actual: np.ndarray, *, bins: int = BINS) -> float:
    """Population stability index of two samples (n,) and (m,), NaN being a bin of its own.

    The sum over bins of (p - q) log(p / q), the bins holding equal shares of the expected sample. Values of which
    there are few, such as 0 and 1, get a bin each. Half a row is added to each bin, so that none is empty.
    """
    known = expected[~np.isnan(expected)]
    if not len(expected) or not len(actual):
        return float("nan")
    inner = np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1]) if len(known) else np.empty(0)
    edges = np.unique(inner)
    q, p = (_shares(values, edges) for values in (expected, actual))
    return float(np.sum((p - q) * np.log(p / q)))


def _shares(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    missing = np.isnan(values)
    # A bin ends just above its edge, so that the edges' own values, which are common among counts, stay together.
    place = np.where(missing, len(edges) + 1, np.searchsorted(edges, values, side="left"))
    counts = np.bincount(place, minlength=len(edges) + 2) + 0.5
    return np.asarray(counts / counts.sum())


def weekly(
    names: Sequence[str],
    x: np.ndarray,
    score: np.ndarray,
    label: np.ndarray,
    day: np.ndarray,
    *,
    trained_x: np.ndarray,
    trained_score: np.ndarray,
    threshold: float,
    delay: float = 7.0,
    span: int = 7,
) -> Report:
    """Drift of transactions after training: `x` (n, len(names)), `score`, `label` (-1 unknown) and `day` (n,) each.

    `trained_x` and `trained_score` are those of the training rows. `threshold` is the score from which on a
    transaction is an alert. Labels younger than `delay` days before the last day count as unknown, as they would be.
    """
    label = np.where(day > (day.max(initial=0) - delay), -1, label)
    weeks = []
    for start in range(int(day.min(initial=0)), int(day.max(initial=-1)) + 1, span):
        rows = np.flatnonzero((day >= start) & (day < start + span))
        if len(rows):
            weeks.append(
                _week(names, x[rows], score[rows], label[rows], start, span, trained_x, trained_score, threshold)
            )
    retrain, advice = _advice(weeks)
    return Report(weeks, retrain, advice)


def _week(
    names: Sequence[str],
    x: np.ndarray,
    score: np.ndarray,
    label: np.ndarray,
    start: int,
    span: int,
    trained_x: np.ndarray,
    trained_score: np.ndarray,
    threshold: float,
) -> Week:
    known = label >= 0
    frauds = int((label == 1).sum())
    precision = Ranking(score[known], label[known]).average_precision() if frauds >= FRAUDS else float("nan")
    return Week(
        start=start,
        end=start + span,
        count=len(score),
        features={name: psi(trained_x[:, place], x[:, place]) for place, name in enumerate(names)},
        scores=psi(trained_score, score),
        alert_rate=float((score >= threshold).mean()),
        frauds=frauds,
        average_precision=precision,
    )


def _advice(weeks: list[Week]) -> tuple[bool, str]:
    """Whether to retrain and why; what labels say counts before what features say."""
    if not weeks:
        return False, "There is no transaction to tell drift from."
    last = weeks[-1]
    known = [week for week in weeks if not np.isnan(week.average_precision)]
    if len(known) > 1 and known[-1].average_precision < LOST * known[0].average_precision:
        return True, (
            f"Retrain: average precision fell from {known[0].average_precision:.3f} (days {known[0].start} to "
            f"{known[0].end}) to {known[-1].average_precision:.3f} (days {known[-1].start} to {known[-1].end})."
        )
    if last.scores > LARGE:
        return True, f"Retrain: the scores of the last week are far from those in training (PSI {last.scores:.2f})."
    if last.moved:
        listed = ", ".join(f"{name} (PSI {last.features[name]:.2f})" for name in last.moved[:3])
        return True, f"Retrain: the last week's transactions differ much from those in training in {listed}."
    most = max(last.features, key=lambda name: last.features[name], default="")
    said = f"; the largest is {most} with a PSI of {last.features[most]:.2f}" if most else ""
    return False, f"No need to retrain: no feature moved far in the last week{said}."
