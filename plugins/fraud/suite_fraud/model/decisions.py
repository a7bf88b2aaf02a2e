"""From scores to decisions: probabilities that mean what they say, thresholds, and what they save.

Everything here is chosen on validation rows and only reported on test rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from suite import PlattScaling

CAPACITIES = (10, 20, 50, 100, 200, 500, 1000)
"""Alerts per day that reports show."""


def rising_line(scores: np.ndarray, label: np.ndarray) -> PlattScaling:
    """The likeliest line for log-odds (n,) and labels 0 or 1; the line that changes nothing where it would not rise.

    A line that falls would turn the order around.
    """
    line = PlattScaling.fit(scores, label)
    return line if line.slope > 0 else PlattScaling()


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
    places = np.empty(len(day), np.int64)
    places[order] = np.arange(len(day)) - np.repeat(first, counts)
    return places


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
        f"| {name} | {row.alerts_per_day:,.0f} | {row.frauds_found:,} | {row.frauds_missed:,} | {row.precision:.1%} | "
        f"{row.money_saved:,.0f} | {row.money_missed:,.0f} |"
        for name, row in outcomes.items()
    ]
    return "\n".join(lines)
