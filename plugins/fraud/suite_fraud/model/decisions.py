"""From scores to decisions: probabilities that mean what they say, thresholds, and what they save.

Everything here is chosen on validation rows and only reported on test rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

CAPACITIES = (10, 20, 50, 100, 200, 500, 1000)
"""Alerts per day that reports show."""


def sigmoid(values: np.ndarray) -> np.ndarray:
    """Probabilities of log-odds, without overflow."""
    return np.asarray(np.exp(-np.logaddexp(0, -np.asarray(values, np.float64))))


def log_odds(probability: np.ndarray) -> np.ndarray:
    """Log-odds of probabilities, within ±30: boosted trees do answer 0 and 1."""
    clipped = np.clip(np.asarray(probability, np.float64), 1e-13, 1 - 1e-13)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


@dataclass(frozen=True)
class Platt:
    """A line through log-odds (Platt 1999): two numbers, so that a few dozen frauds suffice; it keeps the order."""

    slope: float = 1.0
    intercept: float = 0.0

    @classmethod
    def fit(cls, scores: np.ndarray, label: np.ndarray) -> Platt:
        """The likeliest line for scores (n,) in log-odds and labels 0 or 1, by Newton's method.

        Where the scores do not rise with the labels they are left as they are: a line that falls would turn the order
        around.
        """
        inputs = np.stack([scores, np.ones(len(scores))], axis=1)
        found = np.array([1.0, 0.0])
        # A normal prior of deviation 10 keeps the slope finite where the classes are parted without an overlap.
        for _ in range(50):
            chance = sigmoid(inputs @ found)
            gradient = inputs.T @ (chance - label) + (found - [1.0, 0.0]) / 100
            hessian = (inputs * (chance * (1 - chance))[:, None]).T @ inputs + np.eye(2) / 100
            step = np.linalg.solve(hessian, gradient)
            found = found - step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-9))
            if np.abs(step).max() < 1e-8:
                break
        return cls(float(found[0]), float(found[1])) if found[0] > 0 else cls()

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Calibrated log-odds (n,)."""
        return np.asarray(self.slope * np.asarray(scores, np.float64) + self.intercept)


@dataclass(frozen=True)
class Thresholds:
    """Probabilities from which on a transaction is an alert."""

    cost: float
    """Least cost on validation, where a missed fraud costs its amount and looking at an alert a constant."""
    capacity: float
    """As many alerts a day as there is capacity."""

    @classmethod
    def choose(
        cls, probability: np.ndarray, label: np.ndarray, amount: np.ndarray, *, review_cost: float, share: float
    ) -> Thresholds:
        """From validation rows, (n,) each. `share` is the share of all transactions there is capacity for."""
        order = np.argsort(-probability, kind="stable")
        ranked = probability[order]
        saved = np.cumsum(np.where(label[order] == 1, amount[order], 0.0))
        gain = saved - review_cost * np.arange(1, len(ranked) + 1)
        gain[:-1][ranked[1:] == ranked[:-1]] = -np.inf  # equal probabilities alarm together
        best = int(np.argmax(gain))
        # Above the highest one, nothing is worth a look.
        cost = float(ranked[best]) if gain[best] > 0 else float(np.nextafter(ranked[0], np.inf))
        within = min(max(round(share * len(ranked)), 1), len(ranked))
        return cls(cost, float(ranked[within - 1]))

    def to_json(self) -> dict[str, float]:
        """As a model's config keeps it."""
        return asdict(self)


@dataclass(frozen=True)
class Outcome:
    """What a set of alerts would have done."""

    alerts_per_day: float
    frauds_found: int
    frauds_missed: int
    precision: float
    money_saved: float
    """Amounts of the frauds found, less what looking at the alerts costs."""
    money_missed: float

    @classmethod
    def of(
        cls, alert: np.ndarray, label: np.ndarray, amount: np.ndarray, day: np.ndarray, *, review_cost: float
    ) -> Outcome:
        """Of alerts (n,) bool over the days that `day` names."""
        fraud = label == 1
        hits = int((alert & fraud).sum())
        return cls(
            alerts_per_day=float(alert.sum() / max(len(np.unique(day)), 1)),
            frauds_found=hits,
            frauds_missed=int(fraud.sum()) - hits,
            precision=float(hits / max(alert.sum(), 1)),
            money_saved=float(amount[alert & fraud].sum() - review_cost * alert.sum()),
            money_missed=float(amount[fraud & ~alert].sum()),
        )


def ranks(probability: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Place of each row among those of its day, most suspicious first, from 0; int64 (n,)."""
    order = np.lexsort((-probability, day))
    _, first, counts = np.unique(day[order], return_index=True, return_counts=True)
    found = np.empty(len(day), np.int64)
    found[order] = np.arange(len(day)) - np.repeat(first, counts)
    return found


def curve(
    probability: np.ndarray,
    label: np.ndarray,
    amount: np.ndarray,
    day: np.ndarray,
    *,
    review_cost: float,
    capacities: Sequence[int] = CAPACITIES,
) -> dict[int, Outcome]:
    """What looking at the k most suspicious transactions of each day would have done, for each k."""
    places = ranks(probability, day)
    return {k: Outcome.of(places < k, label, amount, day, review_cost=review_cost) for k in capacities}


def table(outcomes: Mapping[str, Outcome]) -> str:
    """Outcomes as a Markdown table, one named row each."""
    lines = [
        "| | alerts a day | frauds found | missed | precision | money saved | money missed |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {one.alerts_per_day:,.0f} | {one.frauds_found:,} | {one.frauds_missed:,} | {one.precision:.1%} | "
        f"{one.money_saved:,.0f} | {one.money_missed:,.0f} |"
        for name, one in outcomes.items()
    ]
    return "\n".join(lines)
