"""The toy's other parts: what is wrong with a word, what an answer is worth, what the model must beat."""

from __future__ import annotations

from suite import Baselines, Data, Finding, Scores, Section
from suite_toy.domain import LABELS


class ToyData(Data):
    def check(self, rows):
        for index, word in enumerate(rows["word"]):
            if word and not word.isalpha():
                yield Finding("error", f"{word!r} has characters other than letters; remove them.", index)


class ToyScores(Scores):
    def reference(self, example):
        return example["label"]

    def score(self, prediction, reference):
        return {"right": float(prediction["label"] == reference)}

    def metrics(self, scores):
        return {"accuracy": float(scores["right"].mean())}


def baselines(model, splits, examples):
    labels = list(splits["train"]["label"])
    majority = max(LABELS, key=labels.count)
    answers = [{"label": majority, "vowels": float(majority == "vowels")} for _ in examples]
    return Baselines({"majority": answers}, settings={"majority": "nothing to tune"})


def report(model, systems, rows, context):
    wrong = len(rows) - int(systems["fine-tuned"].scores["right"].sum())
    text = f"{wrong} of {len(rows)} words are wrong."
    yield Section("Wrong words", text, values={"wrong": wrong, "share": (float("nan"),)}, figure=b"\x89PNG of the toy")
