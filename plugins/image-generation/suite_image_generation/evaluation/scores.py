"""What a prediction is worth: how well noise is predicted. Pictures are judged together, in the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from suite import Prediction, Scores
from suite_image_generation.generation import samples
from suite_image_generation.model.latents import Captioned


class ImageScores(Scores):
    """The loss on pictures that were not trained on."""

    def reference(self, example: Captioned) -> dict[str, Any]:
        """The caption, and the cropped picture as PNG in base64 where one is made beside it."""
        size = example.crop.size if example.crop else None
        png = samples.original(example.value, size) if example.request and example.value is not None else None
        return {"prompt": example.prompt, "png": png}

    def score(self, prediction: Prediction, reference: dict[str, Any]) -> dict[str, float | Sequence[float]]:
        """The loss; NaN where nothing was predicted. Pictures are measured together, by the report."""
        return {"loss": np.nan if prediction["loss"] is None else prediction["loss"]}

    def metrics(self, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Mean loss, NaN without any.

        What compares all pairs of pictures is not here: in a resample some come twice, as if there were less variety.
        """
        known = scores["loss"][np.isfinite(scores["loss"])]
        return {"loss": float(known.mean()) if len(known) else np.nan}
