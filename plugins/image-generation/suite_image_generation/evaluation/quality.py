"""How good samples are: KID and caption retrieval, each with the encoder it is measured by and the counts behind it.

FID is not offered: its estimate is biased upwards by an amount that depends on the model, and much at the few hundred
pictures that a fine-tuning has (https://arxiv.org/abs/1801.01401, section 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suite import SuiteError
from suite_image_generation.model.encoder import Encoder

SUBSETS = 100
"""As many as the authors of KID draw."""
LARGEST_SUBSET = 1000
"""As large as theirs; smaller sets are halved."""


# ---- KID -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kid:
    """`value`: the unbiased estimate over all pictures. `spread`: standard deviation over `subsets` of `size` each."""

    value: float
    spread: float
    real: int
    made: int
    size: int
    subsets: int
    encoder: str

    def __str__(self) -> str:
        return (
            f"{self.value:.3f} ± {self.spread:.3f} ({self.made} samples, {self.real} real pictures, encoder "
            f"{self.encoder}, {self.subsets} subsets of {self.size})"
        )


def kid(real: np.ndarray, made: np.ndarray, encoder: str, *, seed: int = 0) -> Kid:
    """Kernel inception distance (https://arxiv.org/abs/1801.01401) between features (n, d) and (m, d).

    The cubic kernel on unit vectors scaled to length sqrt(d), so (cosine + 1)^3: 0 when both are drawn alike, and a
    little below 0 as often as above. Raises `SuiteError` with fewer than 4 pictures on a side.
    """
    fewest = min(len(real), len(made))
    if fewest < 4:
        raise SuiteError(
            f"KID needs at least 4 pictures on each side; there are {len(real)} real and {len(made)} made."
        )
    size = min(fewest // 2, LARGEST_SUBSET)
    generator = np.random.default_rng(seed)
    drawn = [
        mmd(
            real[generator.choice(len(real), size, replace=False)],
            made[generator.choice(len(made), size, replace=False)],
        )
        for _ in range(SUBSETS)
    ]
    return Kid(mmd(real, made), float(np.std(drawn)), len(real), len(made), size, SUBSETS, encoder)


def mmd(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased estimate of the squared maximum mean discrepancy of unit vectors under (cosine + 1)^3."""
    n, m = len(x), len(y)
    xx, yy, xy = ((a @ b.T + 1.0) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    within = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return float(within - 2 * xy.mean())


# ---- retrieval -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Retrieval:
    """Share of samples whose own caption is the nearest, or among the five nearest, of `captions` different ones."""

    first: float
    fifth: float
    samples: int
    captions: int
    encoder: str

    def __str__(self) -> str:
        return (
            f"{self.first:.2f} at 1, {self.fifth:.2f} at 5 ({self.samples} samples, {self.captions} captions, chance "
            f"{1 / self.captions:.3f} and {min(5 / self.captions, 1):.3f}, encoder {self.encoder})"
        )


def retrieval(pictures: np.ndarray, captions: Sequence[str], encoder: Encoder) -> Retrieval:
    """Which of the different `captions` an encoder finds for each picture; `pictures` are features (n, d)."""
    different = sorted(set(captions))
    places = ranks(pictures, encoder.text_features(different), [different.index(caption) for caption in captions])
    return Retrieval(
        float(np.mean(places < 1)), float(np.mean(places < 5)), len(captions), len(different), encoder.name
    )


def ranks(pictures: np.ndarray, texts: np.ndarray, own: Sequence[int]) -> np.ndarray:
    """How many texts are nearer to each picture than its own (n,); a text that is just as near counts as nearer."""
    similarity = pictures @ texts.T
    mine = similarity[np.arange(len(own)), list(own)]
    nearer: np.ndarray = (similarity >= mine[:, None]).sum(1) - 1
    return nearer
