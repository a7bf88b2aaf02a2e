"""What a transcript is worth: the edits that part it from what was said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from suite import Prediction, Scores
from suite_speech.evaluation import errors
from suite_speech.model.values import Utterance


class SpeechScores(Scores):
    """Word and character error rates."""

    def reference(self, example: Utterance) -> str | None:
        """What was said."""
        return example.text

    def score(self, prediction: Prediction, reference: Any) -> dict[str, float | Sequence[float]]:
        """Edit counts of words and characters, normalised and as written."""
        words = errors.words(reference, prediction["text"], normalised=True)
        written = errors.words(reference, prediction["text"], normalised=False)
        letters = errors.characters(reference, prediction["text"], normalised=True)
        return {
            "substitutions": words.substitutions,
            "deletions": words.deletions,
            "insertions": words.insertions,
            "words": words.length,
            "written_errors": written.total,
            "written_words": written.length,
            "letter_errors": letters.total,
            "letters": letters.length,
        }

    def metrics(self, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Word error rate (normalised) and its three parts, as written, and of characters; all of them sum / sum."""
        sums = {name: float(values.sum()) for name, values in scores.items()}
        words = max(sums["words"], 1.0)
        parts = {name: sums[name] / words for name in ("substitutions", "deletions", "insertions")}
        return {
            "wer": sum(parts.values()),
            **parts,
            "wer_as_written": sums["written_errors"] / max(sums["written_words"], 1.0),
            "cer": sums["letter_errors"] / max(sums["letters"], 1.0),
        }

    def watched(self) -> dict[str, bool]:
        """Words as they are written, with capitals and punctuation: what a reader sees."""
        return {"wer_as_written": False}
