"""What a run can be told."""

from __future__ import annotations

from pydantic import Field
from suite import TrainConfig

LEAST = 32
"""Values a history must have: fewer show neither level nor period."""


class Options(TrainConfig):
    """What a run can be told beyond what every domain's can."""

    horizon: int = Field(14, ge=1, le=48, description="Steps that are forecast.")
    context: int = Field(730, ge=LEAST, le=2048, description="Steps before them that the model sees.")
    stride: int = Field(7, ge=1, description="Steps from one window to the next.")
    season: int = Field(365, ge=1, description="Steps of a season, for the seasonal baseline.")
    epochs: float = Field(1.0, gt=0, description="Passes over the training windows.")
    batch_size: int = Field(8, ge=1, description="Windows per optimizer step, over all processes.")
    learning_rate: float = Field(3e-4, gt=0, description="Peak learning rate of AdamW.")
