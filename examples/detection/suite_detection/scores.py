"""What boxes are worth: the average precision of all of them, and how many things are seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from suite import Baselines, Model, Prediction, Scores, Splits

OVERLAP = 0.5
"""Intersection over union from which on a box counts as that of a thing: Pascal VOC's."""
SURE = 0.3
"""Confidence from which on the demo and `recall` take a box for seen."""


class BoxScores(Scores):
    """A confidence and a hit for each box that was told: as many as there are."""

    def reference(self, example: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What is on the picture."""
        return [dict(thing) for thing in example["objects"]]

    def score(self, prediction: Prediction, reference: list[dict[str, Any]]) -> dict[str, Any]:
        """Each box, the surest first, is a hit if it fits a thing of its label that none before it fits better."""
        left, boxes = list(reference), prediction["objects"]
        hits = []
        for box in boxes:
            fits = [overlap(box["box"], thing["box"]) * (thing["label"] == box["label"]) for thing in left]
            best = int(np.argmax(fits)) if fits else 0
            hits.append(float(bool(fits) and fits[best] >= OVERLAP))
            left = [thing for place, thing in enumerate(left) if place != best or not hits[-1]]
        return {"confidence": [box["confidence"] for box in boxes], "hit": hits, "things": len(reference)}

    def metrics(self, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Average precision at an overlap of one half, all labels together, and recall of the sure boxes."""
        confidences = np.concatenate(list(scores["confidence"]))
        hits = np.concatenate(list(scores["hit"]))[np.argsort(-confidences, kind="stable")]
        things, taken = scores["things"].sum(), np.arange(1, len(hits) + 1)
        sure = float((np.sort(confidences)[::-1] >= SURE) @ hits)
        precision = float((hits * np.cumsum(hits) / taken).sum())
        return {"average_precision": precision / max(things, 1), "recall": sure / max(things, 1)}

    def watched(self) -> dict[str, bool]:
        """How much of what is there is seen."""
        return {"recall": True}


def overlap(first: Sequence[float], second: Sequence[float]) -> float:
    """Intersection over union of two boxes."""
    (a, b, c, d), (e, f, g, h) = first, second
    inside = max(0.0, min(c, g) - max(a, e)) * max(0.0, min(d, h) - max(b, f))
    whole = (c - a) * (d - b) + (g - e) * (h - f) - inside
    return inside / whole if whole > 0 else 0.0


def baselines(model: Model, splits: Splits, examples: Sequence[Any]) -> Baselines:
    """What any model must beat: the middle training box with the most frequent label, on every picture."""
    things = [thing for row in splits["train"]["objects"] for thing in row]
    box = np.median([thing["box"] for thing in things], axis=0).tolist()
    label, count = Counter(thing["label"] for thing in things).most_common(1)[0]
    always = {"objects": [{"box": box, "label": label, "confidence": count / len(things)}]}
    return Baselines({"middle box": [always for _ in examples]}, settings={"middle box": "nothing to tune"})
