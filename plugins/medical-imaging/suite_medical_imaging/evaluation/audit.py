"""Would something that cannot see the disease do as well? Probes on the borders, on a blur, and on the file's facts.

A classifier that learned the scanner, a ruler or a text in the corner scores well on its own hospital's pictures and
fails elsewhere (Zech et al. 2018, https://doi.org/10.1371/journal.pmed.1002683; Winkler et al. 2019). A score of what
sees only the borders is what such leaks alone are worth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageFilter
from sklearn.feature_extraction import DictVectorizer
from sklearn.tree import DecisionTreeClassifier

from suite_medical_imaging.data.tasks import ImageTask

BORDERS, BLURRED, FACTS = "borders only", "heavily blurred", "file facts only"
SHORTCUTS = (BORDERS, BLURRED, FACTS)
_EDGE = 0.12  # of the side: what a well-framed organ hardly reaches, and where texts, rulers and collimators are
_RADIUS = 0.08  # of the side: only the rough shape and brightness remain


def borders_only(pixels: np.ndarray) -> np.ndarray:
    """(S, S, C) uint8 with everything but a frame of 12 % blacked out."""
    edge = round(len(pixels) * _EDGE)
    border = pixels.copy()
    border[edge:-edge, edge:-edge] = 0
    return border


def blurred(pixels: np.ndarray) -> np.ndarray:
    """(S, S, C) uint8 through a Gaussian of 8 % of the side."""
    image = Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)
    soft = image.filter(ImageFilter.GaussianBlur(len(pixels) * _RADIUS))
    return np.asarray(soft).reshape(pixels.shape)


SIGHTS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {BORDERS: borders_only, BLURRED: blurred}


def from_facts(
    train: Sequence[Mapping[str, Any]], targets: np.ndarray, asked: Sequence[Mapping[str, Any]], task: ImageTask
) -> np.ndarray:
    """(N, classes) of a shallow tree over file size, shape and acquisition; no pixel is looked at.

    Three levels with ten rows a leaf: enough to find "the sick ones are 512 wide", too little to learn rows by heart.
    """
    table = DictVectorizer()  # sparse: a text that is another in each file would make a column of each
    known = table.fit_transform([_plain(facts) for facts in train])
    wanted = table.transform([_plain(facts) for facts in asked])
    if not task.many:
        return _tree(known, targets.argmax(1), wanted, targets.shape[1])
    columns = []
    for column in targets.T:
        held = ~np.isnan(column)
        columns.append(_tree(known[held], column[held].astype(int), wanted, 2)[:, 1])
    return np.stack(columns, axis=1)


def _tree(known: Any, numbers: np.ndarray, wanted: Any, classes: int) -> np.ndarray:
    if not known.shape[0]:  # a label that no row knows
        return np.full((wanted.shape[0], classes), 1 / classes)
    tree = DecisionTreeClassifier(max_depth=3, min_samples_leaf=10, random_state=0).fit(known, numbers)
    probabilities = np.zeros((wanted.shape[0], classes))
    probabilities[:, tree.classes_] = tree.predict_proba(wanted)
    return probabilities


def _plain(facts: Mapping[str, Any]) -> dict[str, str | float]:
    """Numbers as they are, all else as text, of which each value is a column."""
    return {key: value if isinstance(value, int | float) else str(value) for key, value in facts.items()}
