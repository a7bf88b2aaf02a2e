"""What a feature says to an analyst: reasons in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def reasons(names: Sequence[str], x: np.ndarray, contributions: np.ndarray, k: int = 3) -> list[list[str]]:
    """Sentences for the k subjects that add most to each row's log-odds; fewer where fewer add anything.

    `x` and `contributions` are (n, len(names)). Features of one subject, such as the risk of a terminal over three
    windows, are one reason: their contributions are summed, and the strongest of them is told.
    """
    subjects = [_subject(name) for name in names]
    distinct = sorted(set(subjects))
    member = np.array([[subject == other for other in distinct] for subject in subjects], np.float64)
    sums = contributions @ member
    sentences = []
    for row in range(len(x)):
        best = [place for place in np.argsort(-sums[row], kind="stable")[:k] if sums[row, place] > 0]
        strongest = [int(np.argmax(np.where(member[:, place] > 0, contributions[row], -np.inf))) for place in best]
        sentences.append([sentence(names[place], float(x[row, place])) for place in strongest])
    return sentences


def sentence(name: str, value: float) -> str:
    """One feature's value in words, such as "amount 5.2 times this customer's 30-day mean"."""
    stem, _, window = name.rpartition("_")
    days = f"{window.removesuffix('d')} days" if window != "1d" else "day"
    words = _WINDOWED.get(stem) if window.endswith("d") else None
    if words:
        return words.format(value=value, days=days)
    if name in ("log_amount", "amount"):
        amount = value if name == "amount" else float(np.sign(value) * np.expm1(abs(value)))
        return f"amount of {amount:,.2f}"
    if name in ("hour_sin", "hour_cos"):
        return "time of day"
    if name == "is_night":
        return "at night" if value else "by day"
    if name == "is_weekend":
        return "at the weekend" if value else "on a working day"
    return _WORDS.get(name, f"{name} is {{value:,.4g}}").format(value=value)


_WINDOWED = {
    "entity_count": "{value:.0f} transactions of this customer in the last {days}",
    "entity_mean": "this customer's mean amount of the last {days} is {value:,.2f}",
    "counterparty_count": "{value:.0f} transactions at this counterparty in {days}, before labels are known",
    "counterparty_risk": "{value:.0%} of this counterparty's transactions were fraud, in {days} with known labels",
}


_WORDS = {
    "recency_days": "{value:.2f} days since this customer's last transaction",
    "amount_ratio": "amount {value:.1f} times this customer's mean",
    "amount_zscore": "amount {value:+.1f} standard deviations from this customer's habit",
    "entity_frauds": "{value:.0f} known frauds of this customer",
}


_SUBJECTS = (
    ("amount", ("amount", "log_amount")),
    ("habit", ("amount_ratio", "amount_zscore", "entity_mean_")),
    ("frequency", ("entity_count_", "recency_days")),
    ("counterparty", ("counterparty_risk_",)),
    ("counterparty use", ("counterparty_count_",)),
    ("hour", ("is_night", "hour_sin", "hour_cos")),
)
"""Subjects and their features; a name that ends with an underscore stands for all that begin with it."""


def _subject(name: str) -> str:
    for subject, members in _SUBJECTS:
        if name in members or any(member.endswith("_") and name.startswith(member) for member in members):
            return subject
    return name
