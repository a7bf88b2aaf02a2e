"""What a model must beat: leaving the text as it is, and the nearest translation that the training part holds."""

from __future__ import annotations

from collections.abc import Sequence

from suite import Baselines, Prediction, Splits
from suite_translation.data.source import Source
from suite_translation.localize.memory import Memory
from suite_translation.model.model import TranslationModel


def baselines(model: TranslationModel, splits: Splits, examples: Sequence[Source]) -> Baselines:
    """The source as it is (`copy`), and the nearest translation of the training part (`memory`)."""
    language = model.config.target_language
    memory = Memory.of({**row, "language": row.get("language") or language} for row in splits["train"])
    sources, known = [example["source"] for example in examples], [remembered(memory, example) for example in examples]
    return Baselines(
        {
            "copy": [_answer(source) for source in sources],
            "memory": [_answer(source if text is None else text) for source, text in zip(sources, known, strict=True)],
        },
        settings={"copy": "nothing to tune", "memory": "fixed settings"},
    )


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
