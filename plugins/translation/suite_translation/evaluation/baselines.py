"""What a model must beat: leaving the text as it is, and the nearest translation that the training part holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from suite import Prediction
from suite_translation.data.source import Source
from suite_translation.localize.memory import Memory


def rivals(rows: Sequence[Mapping[str, Any]], examples: Sequence[Source], language: str) -> dict[str, list[Prediction]]:
    """Predictions of both for `examples`; `rows` are the training part's, `language` is that of rows without one."""
    memory = Memory.of({**row, "language": row.get("language") or language} for row in rows)
    found = [remembered(memory, one) for one in examples]
    return {
        "copy": [_answer(one["source"]) for one in examples],
        "memory": [_answer(one["source"] if text is None else text) for one, text in zip(examples, found, strict=True)],
    }


def remembered(memory: Memory, example: Source) -> str | None:
    """The translation of the same source, else of the most alike one, however little that is; None if none suits."""
    source, language, style = example["source"], example["language"], example.get("style")
    exact = memory.exact(source, language)
    if exact is not None:
        return exact
    match = memory.fuzzy(source, language, 0.0, style=style)
    return None if match is None else match.target


def _answer(text: str) -> Prediction:
    return {"translation": text, "confidence": 0.0, "fuzzy": False, "why": [], "log_probability": None}
