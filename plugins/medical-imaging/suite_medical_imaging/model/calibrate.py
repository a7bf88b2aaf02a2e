"""From probabilities to decisions: temperature, threshold and conformal sets, all chosen on the validation split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from suite import Ranking, TemperatureScaling

LEVELS = (0.8, 0.9, 0.95)
"""Coverages that the report always shows."""


@dataclass(frozen=True)
class Calibration:
    """How a model's probabilities are read. The neutral one changes nothing and rules nothing out.

    `temperature` divides logits; `thresholds` (classes,) are the probabilities from which a label or the positive
    class is called; `cutoffs` maps a coverage to the least probability a class needs to stay in the set.
    """

    temperature: float = 1.0
    thresholds: tuple[float, ...] = ()
    cutoffs: Mapping[float, float] = field(default_factory=dict)

    def apply(self, scores: np.ndarray, *, many: bool) -> np.ndarray:
        """(N, classes) probabilities at the temperature."""
        return TemperatureScaling(self.temperature, many)(scores)

    def undo(self, scores: np.ndarray, *, many: bool) -> np.ndarray:
        """The probabilities before `apply`, to show what it did."""
        return TemperatureScaling(self.temperature, many).inverse()(scores)

    def threshold(self, place: int) -> float:
        """The threshold of one class; .5 before any was chosen."""
        return self.thresholds[place] if self.thresholds else 0.5

    def kept(self, scores: np.ndarray, coverage: float) -> np.ndarray:
        """(N, classes) bool: the classes that cannot be ruled out; all of them before calibration."""
        return scores >= self.cutoffs.get(coverage, 0.0)

    def to_json(self) -> dict[str, Any]:
        """As a model folder keeps it."""
        cutoffs = {str(level): cutoff for level, cutoff in self.cutoffs.items()}
        return {"temperature": self.temperature, "thresholds": list(self.thresholds), "cutoffs": cutoffs}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Calibration:
        """Back from `to_json`."""
        cutoffs = {float(level): cutoff for level, cutoff in values["cutoffs"].items()}
        return cls(values["temperature"], tuple(values["thresholds"]), cutoffs)


def calibrated(
    scores: np.ndarray, truths: np.ndarray, kind: str, *, specificity: float | None, coverage: float
) -> Calibration:
    """Chooses everything from validation probabilities and truths, both (N, classes)."""
    many = kind == "multi-label"
    scaling = TemperatureScaling.fit(scores, truths, multilabel=many)
    scores = scaling(scores)
    thresholds = [best_threshold(scores[:, c], truths[:, c], specificity) for c in range(scores.shape[1])]
    levels = () if many else {*LEVELS, coverage}
    return Calibration(
        scaling.temperature, tuple(thresholds), {level: cutoff(scores, truths, level) for level in levels}
    )


def best_threshold(scores: np.ndarray, truths: np.ndarray, specificity: float | None) -> float:
    """The probability from which to call: at least this specificity, or where Youden's J is largest; .5 for one class.

    Above 1, so that nothing is called, where even the highest score is a false alarm beyond the specificity. Halfway to
    the next lower score, so that rounding does not turn an answer over.
    """
    ranking = Ranking.of_known(scores, truths)
    if not ranking.both:
        return 0.5
    sensitivity, spared = ranking.hits / ranking.hits[-1], 1 - ranking.alarms / ranking.alarms[-1]
    if specificity is None:
        place = int(np.argmax(sensitivity + spared))
    else:
        reached = np.flatnonzero(spared >= specificity - 1e-9)
        if not len(reached):
            return float(np.nextafter(1.0, 2.0))
        place = int(reached[-1])
    values = np.append(ranking.thresholds, 0.0)
    return float((values[place] + values[place + 1]) / 2)


def cutoff(scores: np.ndarray, truths: np.ndarray, coverage: float) -> float:
    """Least probability a class needs to stay in the set, so that sets of new examples hold the truth this often.

    Split conformal prediction with the score 1 - p(truth) (Sadinle et al. 2019, https://arxiv.org/abs/1609.00451):
    the guarantee is for examples like the validation ones, on average over them. 0 when these are too few.
    """
    wrong = np.sort(1 - scores[truths == 1])
    rank = int(np.ceil((len(wrong) + 1) * coverage))
    if rank > len(wrong):
        return 0.0
    # Halfway to the next score, which only makes sets larger: rounding must not turn a class out.
    return float(1 - (wrong[rank - 1] + (wrong[rank] if rank < len(wrong) else 1.0)) / 2)


def predictive_values(sensitivity: float, specificity: float, prevalence: float) -> tuple[float, float]:
    """PPV and NPV by Bayes' rule where the positive class is `prevalence` common; NaN where nobody is called."""
    called = sensitivity * prevalence + (1 - specificity) * (1 - prevalence)
    spared = specificity * (1 - prevalence) + (1 - sensitivity) * prevalence
    ppv = sensitivity * prevalence / called if called else np.nan
    npv = specificity * (1 - prevalence) / spared if spared else np.nan
    return ppv, npv
