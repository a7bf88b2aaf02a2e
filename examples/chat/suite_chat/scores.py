"""What a reply is worth beside the one that was given, and what any model must beat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from suite import Baselines, Model, Prediction, Scores, Splits

from suite_chat.data import example


class ReplyScores(Scores):
    """Whether a reply is the one that was given, and how many words the two share."""

    def reference(self, example: Mapping[str, Any]) -> str:
        """The reply that was given."""
        return str(example["reply"])

    def score(self, prediction: Prediction, reference: str) -> dict[str, float]:
        """Equal to the letter, and words: shared, said, wanted."""
        said, wanted = Counter(prediction["reply"].split()), Counter(reference.split())
        shared = {"shared": (said & wanted).total(), "said": said.total(), "wanted": wanted.total()}
        return {"same": float(prediction["reply"].strip() == reference.strip())} | shared

    def metrics(self, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Share of replies that are exactly right, and F1 over all words."""
        words = scores["said"].sum() + scores["wanted"].sum()
        return {"exact": float(scores["same"].mean()), "word_f1": float(2 * scores["shared"].sum() / max(words, 1))}

    def watched(self) -> dict[str, bool]:
        """Nearly right counts too."""
        return {"word_f1": True}


def baselines(model: Model, splits: Splits, examples: Sequence[Any]) -> Baselines:
    """The reply given most often, and that of the training conversation which shares most words with this one."""
    known = [example(messages) for messages in splits["train"]["messages"]]
    common, _ = Counter(talk["reply"] for talk in known).most_common(1)[0]
    asked = [(words(talk["messages"]), talk["reply"]) for talk in known]
    nearest = [max(asked, key=lambda other: likeness(words(e["messages"]), other[0]))[1] for e in examples]
    return Baselines(
        {
            "most frequent reply": [{"reply": common} for _ in examples],
            "nearest conversation": [{"reply": reply} for reply in nearest],
        },
        settings={"most frequent reply": "nothing to tune", "nearest conversation": "nothing to tune"},
    )


def words(messages: Sequence[Mapping[str, str]]) -> set[str]:
    """Every word of a conversation, without its case and marks."""
    return {word.strip(".,?!").lower() for message in messages for word in message["content"].split()}


def likeness(first: set[str], second: set[str]) -> float:
    """Share of words that two sets have in common."""
    return len(first & second) / max(len(first | second), 1)
