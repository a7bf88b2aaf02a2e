"""What a translation is worth beside the one that a person made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from suite import Prediction, Scores
from suite_translation.config import TranslationConfig
from suite_translation.data.source import Source
from suite_translation.model.model import TranslationModel
from suite_translation.strings import chrf as measures
from suite_translation.strings.placeholders import mask, problems


class TranslationScores(Scores):
    """chrF and BLEU, equality, validity of placeholders; with a glossary the share of its terms that were used."""

    config: TranslationConfig
    model: TranslationModel

    def reference(self, example: Source) -> dict[str, Any]:
        """The translation that a person made, with its source and language."""
        return {name: example.get(name) for name in ("source", "target", "language", "style")}

    def score(self, prediction: Prediction, reference: Mapping[str, Any]) -> dict[str, float | Sequence[float]]:
        """Counts of n-grams for chrF and BLEU, equality, validity of placeholders, terms, confidence."""
        source, text, style = reference["source"], prediction["translation"], reference["style"]
        glossary = self.model.glossary
        terms = glossary.accuracy([source], [text], reference["language"]) if glossary else (0, 0)
        return {
            "chrf": measures.chrf_counts(text, reference["target"]),
            "bleu": measures.bleu_counts(text, reference["target"]),
            "exact": float(text == reference["target"]),
            "valid": float(not problems(source, text, style)),
            "slotted": float(bool(mask(source, style).placeholders)),
            "terms": terms[0],
            "terms_asked": terms[1],
            "confidence": prediction["confidence"],
            "fuzzy": float(prediction["fuzzy"]),
        }

    def metrics(self, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        """chrF and BLEU, 0 to 100; shares of exact ones, of valid ones among those with placeholders, of fuzzy ones."""
        slotted, asked = float(scores["slotted"].sum()), float(scores["terms_asked"].sum())
        metrics = {
            "chrf": measures.chrf(scores["chrf"]),
            "bleu": measures.bleu(scores["bleu"]),
            "exact": float(scores["exact"].mean()),
            "placeholders": float((scores["valid"] * scores["slotted"]).sum()) / slotted if slotted else float("nan"),
            "fuzzy": float(scores["fuzzy"].mean()),
        }
        if self.model.glossary:
            metrics["terms"] = float(scores["terms"].sum()) / asked if asked else float("nan")
        return metrics

    def watched(self) -> dict[str, bool]:
        """Whether placeholders hold, which break a program, and with a glossary whether its terms are used."""
        return {"placeholders": True, "terms": True} if self.model.glossary else {"placeholders": True}
