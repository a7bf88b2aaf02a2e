"""How good samples are: KID and caption retrieval, each with the encoder it is measured by and the counts behind it.

FID is not offered: its estimate is biased upwards by an amount that depends on the model, and much at the few hundred
pictures that a fine-tuning has (https://arxiv.org/abs/1801.01401, section 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suite import Scored, Stacked, SuiteError, Units, intervals, share_interval
from suite_image_generation.model.encoder import Encoder

FEWEST = 4
"""Pairs of pictures that a distance between two sets needs at least."""


# ---- KID -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kid:
    """The unbiased estimate over all pairs of a sample and the real picture with its caption, and its 95 % interval."""

    value: float
    low: float
    high: float
    samples: int
    few: str
    """That there are too few for a claim; "" where there are enough."""
    encoder: str

    def __str__(self) -> str:
        few = f"; {self.few}" if self.few else ""
        span = f"{self.low:.3f} to {self.high:.3f}"
        return f"{self.value:.3f} ({span}; {self.samples} samples, encoder {self.encoder}{few})"


def kid(real: np.ndarray, made: np.ndarray, encoder: str, *, seed: int = 0) -> Kid:
    """Kernel inception distance (https://arxiv.org/abs/1801.01401) between features (n, d) of n pairs.

    The cubic kernel on unit vectors scaled to length sqrt(d), so (cosine + 1)^3: 0 when both are drawn alike, and a
    little below 0 as often as above. Raises `SuiteError` with fewer than 4 pairs.
    """
    if len(made) < FEWEST:
        raise SuiteError(f"KID needs at least {FEWEST} samples; there are {len(made)}.")
    scored = _pairs(kernels(real, made))
    interval = intervals(scored, lambda pairs: {"kid": kid_of(pairs)}, seed=seed)["kid"]
    units = Units.of(scored)
    few = "" if units.enough else units.too_few()
    return Kid(interval.value, interval.low, interval.high, len(made), few, encoder)


def kernels(real: np.ndarray, made: np.ndarray) -> dict[str, np.ndarray]:
    """Each pair's kernel values with all pairs, (n, n), and its place: what `kid_of` makes a distance of."""
    values = {"real": (real, real), "made": (made, made), "both": (real, made)}
    return {name: (x @ y.T + 1.0) ** 3 for name, (x, y) in values.items()} | {"place": np.arange(len(real))}


def kid_of(pairs: Stacked) -> float:
    """The distance over some of the pairs, each as often as it is there; NaN for fewer than 4.

    A pair that a resample holds twice is not compared with itself, as if there were less variety; so that the mean over
    resamples is the distance of all.
    """
    places = pairs["place"]
    if len(places) < FEWEST:
        return float("nan")
    apart = places[:, None] != places[None, :]
    if not apart.any():
        return float("nan")
    real, made, both = (pairs[name][:, places] for name in ("real", "made", "both"))
    return float(real[apart].mean() + made[apart].mean() - 2 * both.mean())


def _pairs(stacked: Stacked) -> Scored:
    count = len(stacked["place"])
    return Scored([{}] * count, [None] * count, stacked, {"sample": np.arange(count)})


def mmd(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased estimate of the squared maximum mean discrepancy of unit vectors under (cosine + 1)^3."""
    n, m = len(x), len(y)
    xx, yy, xy = ((a @ b.T + 1.0) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    within = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return float(within - 2 * xy.mean())


# ---- retrieval -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Retrieval:
    """Share of samples whose own caption is the nearest, with its 95 % interval, or among the five nearest, of
    `captions` different ones."""

    first: float
    low: float
    high: float
    fifth: float
    samples: int
    captions: int
    encoder: str

    def __str__(self) -> str:
        chance = f"chance {1 / self.captions:.3f} and {min(5 / self.captions, 1):.3f}"
        counts = f"{self.samples} samples, {self.captions} captions, {chance}, encoder {self.encoder}"
        return f"{self.first:.2f} at 1 ({self.low:.2f} to {self.high:.2f}), {self.fifth:.2f} at 5 ({counts})"


def retrieval(pictures: np.ndarray, captions: Sequence[str], encoder: Encoder) -> Retrieval:
    """Which of the different `captions` an encoder finds for each picture; `pictures` are features (n, d)."""
    places = found_at(pictures, captions, encoder)
    share = share_interval(_pairs({"place": places}), (places < 1).astype(float))
    fifth = float(np.mean(places < 5))
    return Retrieval(share.value, share.low, share.high, fifth, len(captions), len(set(captions)), encoder.name)


def found_at(pictures: np.ndarray, captions: Sequence[str], encoder: Encoder) -> np.ndarray:
    """How many of the different captions are nearer to each picture than its own, (n,)."""
    different = sorted(set(captions))
    return ranks(pictures, encoder.text_features(different), [different.index(caption) for caption in captions])


def ranks(pictures: np.ndarray, texts: np.ndarray, own: Sequence[int]) -> np.ndarray:
    """How many texts are nearer to each picture than its own (n,); a text that is just as near counts as nearer."""
    similarity = pictures @ texts.T
    mine = similarity[np.arange(len(own)), list(own)]
    nearer: np.ndarray = (similarity >= mine[:, None]).sum(1) - 1
    return nearer
