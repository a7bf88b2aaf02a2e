"""How translations are printed, written and compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from suite import Answers, Prediction, SuiteError


class TranslationAnswers(Answers):
    """A line per text on the screen and in a .txt file; in others all that is known of it."""

    def render(self, prediction: Prediction) -> str:
        """The translation; behind it why somebody should look at it."""
        text = prediction["translation"]
        return f"{text}  [fuzzy: {' '.join(prediction['why'])}]" if prediction["fuzzy"] else text

    def speed(self, predictions: Sequence[Prediction], seconds: float) -> str:
        """How many texts, and how many want a look."""
        fuzzy = sum(prediction["fuzzy"] for prediction in predictions)
        return f", {len(predictions)} texts" + (f", {fuzzy} of them fuzzy" if fuzzy else "")

    def check_output(self, path: Path) -> None:
        """Plain text too."""
        if path.suffix not in (".txt", ".json", ".jsonl", ".csv"):
            raise SuiteError(
                f"Cannot write {path.name}: give --output an ending of .txt, .json, .jsonl or .csv; "
                "for a translated PO, XLIFF or other file use 'suite translation localize'."
            )

    def write(self, predictions: Sequence[tuple[str, Prediction]], path: Path) -> None:
        """txt has a line per text, whatever lines the text had; json, jsonl and csv have all that is known."""
        if path.suffix != ".txt":
            return super().write(predictions, path)
        lines = (" ".join(prediction["translation"].split("\n")) for _, prediction in predictions)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def same(self, expected: Prediction, actual: Prediction) -> bool:
        """The same words; the confidence may round otherwise."""
        return expected["translation"] == actual["translation"]
