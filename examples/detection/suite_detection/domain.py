"""Object detection: a picture in, boxes with labels out.

A description: it names the parts, which are imported when they are wanted, and imports nothing heavy itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field
from suite import Column, Columns, Domain, Space, TrainConfig

from suite_detection.starter import STARTER


@dataclass
class Thing:
    """One object of a picture."""

    box: tuple[float, float, float, float]
    """Left, top, right, bottom, in pixels."""
    label: str


class Options(TrainConfig):
    """What a run can be told beyond what every domain's can."""

    epochs: float = Field(6.0, gt=0, description="Passes over the training pictures.")
    learning_rate: float = Field(5e-4, gt=0, description="Peak learning rate of AdamW; for a larger model 1e-4.")
    image_size: int = Field(64, ge=32, le=1333, description="Pixels a side that pictures are scaled to.")
    flip: bool = Field(True, description="Mirror half of the training pictures.")
    least: float = Field(0.05, ge=0, lt=1, description="Confidence below which nothing is told.")


DETECTION = Domain(
    name="detection",
    title="Object detection",
    Config=Options,
    columns=Columns(
        (
            Column("image", "image", "the picture"),
            Column("objects", "structure", "what is on it, and where", aliases=("things",), shape=list[Thing]),
        ),
        unique=("image",),
    ),
    metric="average_precision",
    starter=STARTER,
    pipeline_tag="object-detection",
    space=Space("Find things on a picture", "🔎"),
    limits="It knows the labels of its training data only, and no more things on a picture than it has queries.",
    data="suite_detection.data:PictureData",
    model="suite_detection.model:load",
    scores="suite_detection.scores:BoxScores",
    baselines="suite_detection.scores:baselines",
    demo="suite_detection.demo:build",
    demo_call="suite_detection.demo:demo_call",
)
