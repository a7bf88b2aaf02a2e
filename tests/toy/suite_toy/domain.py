"""Words, their label, their speaker: dropout, augmentation, lengths, LoRA, groups and a baseline in one toy."""

from __future__ import annotations

import click
from pydantic import Field

from suite import Asset, Column, Columns, Domain, Finding, Section, Starter, SuiteError, TrainConfig

LABELS = ("consonants", "vowels")


class ToyConfig(TrainConfig):
    epochs: float = Field(4.0, gt=0, description="Passes over the training examples.")
    batch_size: int = Field(8, ge=1, description="Examples per optimizer step, over all processes.")
    learning_rate: float = Field(3e-2, gt=0, description="Peak learning rate of AdamW.")
    noise: float = Field(0.1, ge=0, le=1, description="Chance that a training letter is replaced.")


class ToyDomain(Domain):
    name = "toy"
    title = "Toy words"
    Config = ToyConfig
    columns = Columns(
        (
            Column("word", "text", "The word.", aliases=("text", "token")),
            Column("label", "category", "consonants or vowels.", aliases=("class",)),
            Column("author", "id", "Who wrote it.", required=False),
        ),
        group="author",
        unique=("word",),
    )
    metric = "accuracy"
    starter = Starter(
        model="toy/letters",
        data="toy-words",
        assets=(
            Asset(
                "toy/letters",
                "model",
                "Letter embeddings.",
                "Apache-2.0",
                "https://example.org",
                shipped="suite_toy:starter/model",
            ),
            Asset(
                "toy-words",
                "data",
                "Words.",
                "Apache-2.0",
                "https://example.org",
                shipped="suite_toy:starter/words.csv",
            ),
        ),
    )
    limits = "A toy: it knows the letters a to z."
    lora_targets = ("hidden",)

    def load_model(self, source, data):
        from suite_toy.model import ToyModel

        return ToyModel.from_pretrained(source, local_files_only=True, use_safetensors=True)

    def check(self, rows):
        for index, word in enumerate(rows["word"]):
            if word and not word.isalpha():
                yield Finding("error", f"{word!r} has characters other than letters; remove them.", index)

    def lengths(self, examples):
        return [len(example["word"]) for example in examples]

    def augment(self, example, generator):
        letters = [
            chr(97 + int(generator.integers(26))) if generator.random() < self.config.noise else letter
            for letter in example["word"]
        ]
        return {**example, "word": "".join(letters)}

    def collate(self, examples):
        import torch

        width = max(len(example["word"]) for example in examples)
        codes = [[max(ord(c) - 96, 0) % 27 for c in e["word"].lower()] for e in examples]
        batch = {"input_ids": torch.tensor([row + [0] * (width - len(row)) for row in codes])}
        if all(example.get("label") for example in examples):
            batch["labels"] = torch.tensor([LABELS.index(example["label"]) for example in examples])
        return batch

    def infer(self, model, batch):
        shares = model(batch["input_ids"]).logits.softmax(-1).tolist()
        return [{"label": LABELS[share.index(max(share))], "vowels": share[1]} for share in shares]

    def reference(self, example):
        return example["label"]

    def score(self, prediction, reference):
        return {"right": float(prediction["label"] == reference)}

    def metrics(self, scores):
        return {"accuracy": float(scores["right"].mean())}

    def inputs(self, argument):
        if not argument.isalpha():
            raise SuiteError(f"{argument!r} is no word; give letters only.")
        return [{"word": argument}]

    def baselines(self, splits, examples):
        labels = list(splits["train"]["label"])
        majority = max(LABELS, key=labels.count)
        return {"majority": [{"label": majority, "vowels": float(majority == "vowels")} for _ in examples]}

    def calibrate(self, model, predictions, references):
        model.config.validated = len(predictions)  # saved with the model

    def analyse(self, systems, rows):
        wrong = len(rows) - int(systems["fine-tuned"].scores["right"].sum())
        text = f"{wrong} of {len(rows)} words are wrong."
        yield Section(
            "Wrong words", text, values={"wrong": wrong, "share": (float("nan"),)}, figure=b"\x89PNG of the toy"
        )

    def save_adapter(self, model, path):
        names = [name for name, _ in model.named_parameters() if "lora_" in name]
        (path / "toy.txt").write_text("\n".join(names))

    def demo(self, predictor):
        import gradio as gr

        word = gr.Textbox(label="Word")
        answer = gr.Label(label="Answer")
        button = gr.Button("Decide")
        gr.Examples(["area", "rhythm"], inputs=word)

        def decide(text):
            try:
                (prediction,) = predictor(self.inputs(text))
            except SuiteError as error:
                raise gr.Error(str(error)) from None
            return {"vowels": prediction["vowels"], "consonants": 1 - prediction["vowels"]}

        button.click(decide, word, answer, api_name="toy_decide")

    def demo_call(self, predictor):
        return "toy_decide", ["rhythm"]


@click.command()
@click.argument("word")
def count(word):
    """Count the vowels of a word."""
    click.echo(sum(letter in "aeiou" for letter in word))
