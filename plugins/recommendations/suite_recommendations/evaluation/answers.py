"""How lists are printed, written and compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from suite import Answers, Prediction


class RecommendationsAnswers(Answers):
    """Ten lines for a user on the screen; in a CSV a line per recommended item."""

    def render(self, prediction: Prediction) -> str:
        """Ten lines for a user: place, title and reason."""
        reasons = prediction["reasons"] + [""] * len(prediction["items"])
        lines = [
            f"{place:3}. {title}{f'  ({reason})' if reason else ''}"
            for place, (title, reason) in enumerate(zip(prediction["titles"][:10], reasons, strict=False), start=1)
        ]
        unknown = prediction.get("unknown", [])
        note = [f"     not in the catalogue: {', '.join(unknown)}"] if unknown else []
        return "\n".join([f"User {prediction['user']}:", *lines, *note])

    def write(self, predictions: Sequence[tuple[str, Prediction]], path: Path) -> None:
        """json and jsonl keep a record per user; csv gets a line per recommended item."""
        if path.suffix == ".csv":
            predictions = [(name, line) for name, prediction in predictions for line in _lines(prediction)]
        super().write(predictions, path)

    def same(self, expected: Prediction, actual: Prediction) -> bool:
        """Whether items and scores are reproduced; the index's recall may differ between machines."""
        keys = ("user", "items", "scores")
        return super().same({k: expected.get(k) for k in keys}, {k: actual.get(k) for k in keys})


def _lines(prediction: Prediction) -> Iterator[dict[str, Any]]:
    user, reasons = prediction["user"], prediction["reasons"] + [""] * len(prediction["items"])
    signed = {"model": prediction["model"]} if "model" in prediction else {}
    columns = zip(prediction["items"], prediction["titles"], prediction["scores"], reasons, strict=False)
    for rank, (item, title, score, reason) in enumerate(columns, start=1):
        yield {"user": user, "rank": rank, "item": item, "title": title, "score": score, "reason": reason, **signed}
