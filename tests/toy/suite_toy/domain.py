"""Words, their label, their speaker: dropout, augmentation, lengths, LoRA, groups and a baseline in one toy."""

from __future__ import annotations

import click
from pydantic import Field

from suite import Asset, Column, Columns, Domain, Starter, TrainConfig

LABELS = ("consonants", "vowels")


class ToyConfig(TrainConfig):
    epochs: float = Field(4.0, gt=0, description="Passes over the training examples.")
    batch_size: int = Field(8, ge=1, description="Examples per optimizer step, over all processes.")
    learning_rate: float = Field(3e-2, gt=0, description="Peak learning rate of AdamW.")
    noise: float = Field(0.1, ge=0, le=1, description="Chance that a training letter is replaced.")


TOY = Domain(
    name="toy",
    title="Toy words",
    Config=ToyConfig,
    columns=Columns(
        (
            Column("word", "text", "The word.", aliases=("text", "token")),
            Column("label", "category", "consonants or vowels.", aliases=("class",)),
            Column("author", "id", "Who wrote it.", required=False),
        ),
        group="author",
        unique=("word",),
    ),
    metric="accuracy",
    starter=Starter(
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
    ),
    limits="A toy: it knows the letters a to z.",
    lora_targets=("hidden",),
    model="suite_toy.model:load",
    data="suite_toy.parts:ToyData",
    scores="suite_toy.parts:ToyScores",
    baselines="suite_toy.parts:baselines",
    report="suite_toy.parts:report",
    demo="suite_toy.page:build",
    demo_call="suite_toy.page:demo_call",
)


@click.command()
@click.argument("word")
def count(word):
    """Count the vowels of a word."""
    click.echo(sum(letter in "aeiou" for letter in word))
