"""The contest: every system calibrated and ranked on validation rows, the best one joined, and a champion crowned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from suite import Interval, PlattScaling, Ranking, log_odds, sigmoid
from suite_fraud.model.decisions import rising_line

NETWORK = "fine-tuned"
"""The network's name in the core's table."""
LARGEST = 3
"""Systems in the largest ensemble: the fourth best added nothing in any fold of the handbook's portfolio."""


Predict = Callable[[np.ndarray], np.ndarray]
"""Features (n, d) to probabilities (n,)."""


@dataclass(frozen=True)
class Answers:
    """A system's calibrated log-odds, float64: of the validation rows and of the test rows."""

    validation: np.ndarray
    test: np.ndarray


@dataclass
class Contest:
    """Systems by name with their average precision on validation rows, best first once `crown` was called."""

    label: np.ndarray
    """Of the validation rows, (n,)."""
    amount: np.ndarray
    answers: dict[str, Answers] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    lines: dict[str, PlattScaling] = field(default_factory=dict)
    """Each single system's calibration."""
    fits: dict[str, Predict] = field(default_factory=dict)
    """Each fitted system but the network."""

    def enter(self, name: str, validation: np.ndarray, test: np.ndarray) -> None:
        """A system with its probabilities of validation and test rows."""
        line = self.lines[name] = rising_line(log_odds(validation), self.label)
        self._add(name, Answers(line(log_odds(validation)), line(log_odds(test))))

    def _add(self, name: str, answers: Answers) -> None:
        self.answers[name] = answers
        self.scores[name] = Ranking(answers.validation, self.label).average_precision()

    def join(self) -> None:
        """Adds ensembles of the best two and the best three: means of their calibrated log-odds."""
        best = self.ranking()
        for count in range(2, min(LARGEST, len(best)) + 1):
            parts = [self.answers[name] for name in best[:count]]
            joined = Answers(
                np.mean([part.validation for part in parts], axis=0), np.mean([part.test for part in parts], axis=0)
            )
            self._add(f"best {count} joined", joined)

    def ranking(self) -> list[str]:
        """Names from the best on validation to the worst."""
        return sorted(self.scores, key=lambda name: -self.scores[name])

    @property
    def champion(self) -> str:
        """The best on validation; on equal scores the one that entered first, an ensemble last."""
        return self.ranking()[0]

    def members(self, name: str) -> list[str]:
        """What an ensemble is made of; of a single system, itself."""
        singles = [single for single in self.ranking() if not single.endswith(" joined")]
        return singles[: int(name.split()[1])] if name.endswith(" joined") else [name]

    def test(self, name: str) -> np.ndarray:
        """Calibrated probabilities of the test rows."""
        return sigmoid(self.answers[name].test)

    def answer(self, name: str, x: np.ndarray, network: np.ndarray) -> np.ndarray:
        """Calibrated probabilities of other rows, from their features and the network's probabilities, (n,)."""
        parts = [
            self.lines[member](log_odds(network if member == NETWORK else self.fits[member](x)))
            for member in self.members(name)
        ]
        return sigmoid(np.mean(parts, axis=0))


Fit = Callable[[str, np.ndarray, np.ndarray], Predict]
"""Name, features and labels to a function from features to probabilities."""


def hold(
    fit: Fit,
    names: tuple[str, ...],
    train: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray, np.ndarray],
    test: np.ndarray,
    network: Mapping[str, np.ndarray],
) -> Contest:
    """Fits every system of `names` on the training features and labels, and lets them compete with the network.

    `validation` are features, labels and amounts; `network` holds its probabilities under "validation" and "test".
    """
    contest = Contest(*validation[1:])
    contest.enter(NETWORK, network["validation"], network["test"])
    for name in names:
        predict = contest.fits[name] = fit(name, *train)
        contest.enter(name, predict(validation[0]), predict(test))
    contest.join()
    return contest


def verdict(contest: Contest, tested: Mapping[str, float], lead: Interval) -> str:
    """Who won on validation, and what that was worth on test; `tested` are average precisions there, `lead` is the
    winner's over the network. Markdown.
    """
    winner = contest.champion
    made = f" ({', '.join(contest.members(winner))})" if winner.endswith(" joined") else ""
    best = max(tested, key=lambda name: tested[name])
    lines = [
        f"Validation crowns **{winner}**{made}: average precision {contest.scores[winner]:.3f} there, "
        f"{tested[winner]:.3f} on the test days."
    ]
    if winner != NETWORK:
        span = "" if np.isnan(lead.low) else f", 95 % interval {lead.low:+.3f} to {lead.high:+.3f}"
        gap = f"{tested[winner] - tested[NETWORK]:+.3f}{span}"
        lines.append(f"The network alone has {tested[NETWORK]:.3f} on the test days ({gap} for the champion).")
    else:
        rival = max((name for name in tested if name != winner), key=lambda name: tested[name])
        lines.append(f"The best of the others has {tested[rival]:.3f} on the test days: {rival}.")
    if best != winner:
        lines.append(f"Looking back, {best} would have been best there ({tested[best]:.3f}); nobody could know.")
    rows = [
        f"| {name} | {contest.scores[name]:.3f} | {tested[name]:.3f} |" for name in contest.ranking() if name in tested
    ]
    return " ".join(lines) + "\n\n| system | validation | test |\n|---|---|---|\n" + "\n".join(rows)
