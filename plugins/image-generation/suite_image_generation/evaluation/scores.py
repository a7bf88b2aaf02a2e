"""What a prediction is worth: how well noise is predicted, and how good the pictures are that were drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from suite import Prediction, Scored, Scores
from suite_image_generation.evaluation import quality
from suite_image_generation.generation import samples
from suite_image_generation.generation.answers import picture_of
from suite_image_generation.model.encoder import Encoder
from suite_image_generation.model.latents import Captioned

OF_SAMPLES = {"kid": False, "captions_found": True}
"""Metrics of the pictures that were drawn, and whether greater is better."""


class ImageScores(Scores):
    """The loss on pictures that were not trained on, and how good the samples beside some of them are."""

    def reference(self, example: Captioned) -> dict[str, Any]:
        """The caption, and the cropped picture as PNG in base64 where one is made beside it."""
        size = example.crop.size if example.crop else None
        png = samples.original(example.value, size) if example.request and example.value is not None else None
        return {"prompt": example.prompt, "png": png}

    def score(self, prediction: Prediction, reference: dict[str, Any]) -> dict[str, float | Sequence[float]]:
        """The loss; NaN where nothing was predicted. Pictures are judged together, see `joint`."""
        return {"loss": np.nan if prediction["loss"] is None else prediction["loss"]}

    def joint(self, scored: Scored) -> Mapping[str, np.ndarray]:
        """Each sample compared with all samples, all real pictures and all captions, where any was drawn."""
        pairs = list(zip(scored.predictions, scored.references, strict=True))
        drawn = np.array([bool(answer["png"] and reference["png"]) for answer, reference in pairs], bool)
        if not drawn.any():
            return scored.scores
        chosen, encoder = [pairs[place] for place in np.flatnonzero(drawn)], Encoder.load(self.config.encoder)
        made, real = (encoder.features([picture_of(side) for side in sides]) for sides in zip(*chosen, strict=True))
        captions = [reference["prompt"] for _, reference in chosen]
        together = quality.kernels(real, made) | {"found_at": quality.found_at(made, captions, encoder)}
        return {**scored.scores, **{name: _spread(values, drawn) for name, values in together.items()}}

    def metrics(self, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Mean loss, NaN without any; where pictures were drawn KID and the share whose caption is found."""
        known = scores["loss"][np.isfinite(scores["loss"])]
        values = {"loss": float(known.mean()) if len(known) else np.nan}
        if "place" not in scores:
            return values
        drawn = ~np.isnan(scores["place"])
        pairs = {name: scores[name][drawn] for name in ("real", "made", "both")}
        distance = quality.kid_of({**pairs, "place": scores["place"][drawn].astype(int)})
        first = float((scores["found_at"][drawn] < 1).mean()) if drawn.any() else np.nan
        return values | {"kid": distance, "captions_found": first}

    def belongs(self, example: Captioned) -> dict[str, int]:
        """The sample that is drawn of it, if one is."""
        return {"sample": example.index} if example.request else {}

    def unit(self, metric: str) -> str:
        """Metrics of samples are of these alone, the loss is of all pictures."""
        return "sample" if metric in OF_SAMPLES else "example"

    def watched(self) -> dict[str, bool]:
        """The samples: a loss says how well noise is predicted, not how well people like the pictures."""
        return OF_SAMPLES if self.config.samples else {}


def _spread(values: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """The values on the rows that were drawn, NaN on the others."""
    spread = np.full((len(drawn), *values.shape[1:]), np.nan)
    spread[drawn] = values
    return spread
