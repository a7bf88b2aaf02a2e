"""Probabilities that mean what they say: scaling by a line or a temperature, and how far off they are.

Whatever is fitted here belongs on validation examples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suite.evaluation.ranking import Ranking

BINS = 10  # enough for a curve, few enough to hold some dozen of a few hundred examples each
_TINY = 1e-8  # nothing is surer than that: it keeps logarithms finite
_TEMPERATURES = np.exp(np.linspace(np.log(0.05), np.log(20), 61))  # a twentieth to twenty times: 10 % apart


def sigmoid(values: np.ndarray) -> np.ndarray:
    """Probabilities of log-odds of any shape, float64, without overflow."""
    return np.asarray(np.exp(-np.logaddexp(0, -np.asarray(values, np.float64))))


def log_odds(probabilities: np.ndarray, *, least: float = 1e-13) -> np.ndarray:
    """Log-odds of probabilities of any shape, float64; these are clipped to `least` … 1 - `least`, by default ±30."""
    clipped = np.clip(np.asarray(probabilities, np.float64), least, 1 - least)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


@dataclass(frozen=True)
class PlattScaling:
    """A line from scores to log-odds (Platt 1999): two numbers, so that a few dozen positives suffice to fit it."""

    slope: float = 1.0
    intercept: float = 0.0

    @classmethod
    def fit(
        cls, scores: np.ndarray, labels: np.ndarray, *, prior: tuple[float, float] = (1.0, 0.0), deviation: float = 10.0
    ) -> PlattScaling:
        """The likeliest line for finite scores (n,) and labels (n,) of 0 or 1, by Newton's method.

        Slope and intercept have a normal prior with this mean and deviation, which keeps the line finite where the
        classes are parted without an overlap, or one is missing. The slope may come out negative where the scores fall
        as the labels rise; the caller says what then.
        """
        inputs = np.stack([scores, np.ones(len(scores))], axis=1)
        mean, variance = np.array(prior), deviation**2

        def loss(line: np.ndarray) -> float:
            values = inputs @ line
            return float(np.sum(np.logaddexp(0, values) - labels * values) + np.sum((line - mean) ** 2) / variance / 2)

        solution, least = mean.copy(), loss(mean)
        for _ in range(100):  # nine are usual, and of 2,000 hard draws none needed more than 23
            chance = sigmoid(inputs @ solution)
            gradient = inputs.T @ (chance - labels) + (solution - mean) / variance
            hessian = (inputs * (chance * (1 - chance))[:, None]).T @ inputs + np.eye(2) / variance
            step = np.linalg.solve(hessian, gradient)
            if np.abs(step).max() < 1e-8:  # the next would be about its square
                solution = solution - step
                break
            # Where the curve is flat a full step overshoots, and would for ever jump to and fro: half of it, until the
            # loss falls; a billionth more is rounding.
            step *= min(1.0, 2.0 / float(np.abs(step).max()))
            while (now := loss(solution - step)) > least + 1e-9 * abs(least):
                step /= 2
            solution, least = solution - step, now
        return cls(float(solution[0]), float(solution[1]))

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Calibrated log-odds, float64, of scores of any shape."""
        return np.asarray(self.slope * np.asarray(scores, np.float64) + self.intercept)


@dataclass(frozen=True)
class TemperatureScaling:
    """Divides logits by one number, which changes no order (Guo et al. 2017, https://arxiv.org/abs/1706.04599).

    It works on probabilities, since softmax forgets a shift of the logits.
    """

    temperature: float = 1.0
    multilabel: bool = False
    """Whether each column is a yes or no of its own, instead of one of several classes."""

    @classmethod
    def fit(cls, probabilities: np.ndarray, truths: np.ndarray, *, multilabel: bool = False) -> TemperatureScaling:
        """The temperature of least cross-entropy for probabilities and truths (1, 0, NaN where unknown), (n, classes).

        A grid and one refinement: the loss has one valley in the logarithm of the temperature, and 1 % is exact enough.
        The truths are smoothed as if one more answer had been wrong (Platt 1999): where validation happens to be parted
        without a mistake, the least loss would be at certainty.
        """
        doubt = 1 / (len(truths) + 2)
        others = 1 if multilabel else max(truths.shape[1] - 1, 1)
        soft = (1 - doubt) * truths + doubt * (1 - truths) / others

        def cost(temperature: float) -> float:
            given = np.clip(cls(temperature, multilabel)(probabilities), _TINY, 1 - _TINY)
            terms = soft * np.log(given) + (1 - soft) * np.log1p(-given) if multilabel else soft * np.log(given)
            return -float(np.nansum(terms))

        coarse = min(_TEMPERATURES, key=cost)
        return cls(float(min(coarse * np.exp(np.linspace(-0.1, 0.1, 21)), key=cost)), multilabel)

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities (n, classes) at the temperature."""
        if self.temperature == 1:
            return probabilities
        if self.multilabel:
            return sigmoid(log_odds(probabilities, least=_TINY) / self.temperature)
        clipped = np.clip(probabilities, _TINY, 1 - _TINY)
        powers = np.exp((np.log(clipped) - np.log(clipped.max(1, keepdims=True))) / self.temperature)
        return powers / powers.sum(1, keepdims=True)

    def inverse(self) -> TemperatureScaling:
        """What undoes it, but for probabilities that were surer than a hundred-millionth."""
        return TemperatureScaling(1 / self.temperature, self.multilabel)


@dataclass(frozen=True, eq=False)
class Reliability:
    """Stated probabilities beside what came true, in bins: the numbers of a reliability diagram."""

    count: np.ndarray
    """Examples in each bin, int64 (bins,)."""
    stated: np.ndarray
    """Sum of their stated probabilities, float64 (bins,)."""
    true: np.ndarray
    """How many of them came true, float64 (bins,)."""

    @classmethod
    def of_width(cls, stated: np.ndarray, true: np.ndarray, *, bins: int = BINS) -> Reliability:
        """Bins of equal width from 0 to 1, each with its lower edge; empty ones are kept.

        `stated` are probabilities, `true` is 1 or 0 (or a share between), (n,) each.
        """
        place = np.minimum((stated * bins).astype(int), bins - 1)
        return cls(
            np.bincount(place, minlength=bins),
            np.bincount(place, weights=stated, minlength=bins),
            np.bincount(place, weights=true, minlength=bins),
        )

    @classmethod
    def of_size(cls, ranking: Ranking, *, bins: int = BINS) -> Reliability:
        """Bins of equally many examples of a ranking by probability, lowest first; at most one for each example.

        For rare positives: equal widths would put all but a few examples into the first bin.
        """
        rows = [part for part in np.array_split(ranking.order[::-1], bins) if len(part)]
        return cls(
            np.array([len(part) for part in rows], np.int64),
            np.array([ranking.scores[part].sum() for part in rows], np.float64),
            np.array([(ranking.labels[part] == 1).sum() for part in rows], np.float64),
        )

    @property
    def mean_stated(self) -> np.ndarray:
        """Mean stated probability of each bin, float64 (bins,); NaN where it is empty."""
        return _share(self.stated, self.count)

    @property
    def share_true(self) -> np.ndarray:
        """Share of each bin that came true, float64 (bins,); NaN where it is empty."""
        return _share(self.true, self.count)

    def error(self) -> float:
        """Expected calibration error: mean distance of stated and true share, by count; NaN of nothing.

        Naeini et al. 2015, https://doi.org/10.1609/aaai.v29i1.9602, for equal sizes; Guo et al. 2017 for equal widths.
        """
        total = self.count.sum()
        return float(np.abs(self.stated - self.true).sum() / total) if total else float("nan")


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
