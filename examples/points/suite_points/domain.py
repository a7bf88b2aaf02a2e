"""Points: noise in, a point out that could be one of the data.

A description: it names the parts, which are imported when they are wanted, and imports nothing heavy itself.
"""

from __future__ import annotations

from pydantic import Field
from suite import Column, Columns, Domain, TrainConfig

from suite_points import starter


class Options(TrainConfig):
    """What a run can be told beyond what every domain's can."""

    epochs: float = Field(200.0, gt=0, description="Passes over the training examples.")
    batch_size: int = Field(128, ge=1, description="Examples per optimizer step, over all processes.")
    learning_rate: float = Field(1e-3, gt=0, description="Peak learning rate of the generator.")
    pace: float = Field(2.0, gt=0, description="The discriminator's learning rate as a multiple of the generator's.")
    clip_norm: float = Field(10.0, gt=0, description="Largest gradient norm; larger ones are scaled down to it.")
    ema: float = Field(0.99, ge=0, lt=1, description="Decay of the averaged weights that are kept; 0 keeps the last.")
    weight_decay: float = Field(0.0, ge=0, description="AdamW's decoupled weight decay.")
    evaluate_every: int = Field(250, ge=0, description="Steps between evaluations; 0 evaluates after each epoch.")


POINTS = Domain(
    name="points",
    title="Points",
    Config=Options,
    columns=Columns((Column("x", "number", "first coordinate"), Column("y", "number", "second coordinate"))),
    metric="gap",
    greater_is_better=False,
    starter=starter.STARTER,
    limits="It makes points of the kind it was trained on; it says nothing of how probable a given point is.",
    data="suite_points.data:PointData",
    model="suite_points.model:load",
    scores="suite_points.scores:CloudScores",
    answers="suite_points.answers:PointAnswers",
    baselines="suite_points.scores:baselines",
    demo="suite_points.demo:build",
    demo_call="suite_points.demo:demo_call",
)
