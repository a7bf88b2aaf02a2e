"""What a training of image classifiers can be told besides what every training can."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from suite import TrainConfig, only_with


class MedicalConfig(TrainConfig):
    """Defaults are for the starters; learning rate, epochs and augmentation are a first try's, not searched for."""

    changeable = TrainConfig.changeable | {"specificity", "coverage", "prevalence", "scratch", "audit"}

    epochs: float = Field(8.0, gt=0, description="Passes over the training pictures.")
    batch_size: int = Field(32, ge=1, description="Pictures per optimizer step, over all processes.")
    learning_rate: float = Field(5e-4, gt=0, description="Peak learning rate of AdamW, for the head and all below it.")

    task: Literal["", "binary", "multi-class", "ordinal", "multi-label"] = Field(
        "", description="What is asked of a picture; empty is told from the rows."
    )
    labels: list[str] = Field(
        [], description="Columns of a multi-label table: 1 yes, 0 no, empty unknown. Replaces the column label."
    )
    order: list[str] = Field(
        [], description="All classes from the least to the worst; the last of two is the positive one."
    )
    imbalance: Literal["none", "weights", "focal"] = Field(
        "none", description="For rare classes: weigh each class by 1 / frequency, or the focal loss of gamma 2."
    )
    image_size: int | None = Field(None, ge=32, description="Pixels a side that the model sees; unset is its own.")
    fit: Literal["pad", "squeeze"] = Field(
        "pad", description="How a picture becomes square: black margins keep its shape, squeezing does not."
    )
    augment: bool = Field(True, description="Turn, move, scale and brighten training pictures a little.")
    mirror: bool = Field(
        False,
        json_schema_extra=only_with("augment"),
        description="Mirror half of the training pictures, left to right; wrong where the side matters.",
    )

    specificity: float | None = Field(
        None, gt=0, lt=1, description="Specificity the threshold keeps on validation; unset takes Youden's J."
    )
    coverage: float = Field(
        0.9, gt=0.5, lt=1, description="Share of the answers' sets that are to hold the truth; larger sets abstain."
    )
    prevalence: float | None = Field(
        None, gt=0, lt=1, description="How common the positive class is where it will be used, for PPV and NPV."
    )
    scratch: bool = Field(
        False, description="Train the same network from random weights too, to see what transfer brings."
    )
    audit: bool = Field(
        True, description="Score what sees only the borders, a blur or the file's facts, beside the model."
    )
