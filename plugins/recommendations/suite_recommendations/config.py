"""What a training of recommendations can be told besides what every training can."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from suite import TrainConfig, only_with


class RecommendationsConfig(TrainConfig):
    """Defaults are the ones that reach the README's figures on the starter; chosen on its validation split."""

    epochs: float = Field(6.0, gt=0, description="Passes over the training windows.")
    batch_size: int = Field(16, ge=1, description="Windows of user histories per optimizer step.")
    learning_rate: float = Field(
        1e-3, gt=0, description="Peak learning rate of the transformer; the gates learn faster."
    )
    warmup: float = Field(0.05, ge=0, lt=1, description="Share of the steps over which the learning rate rises.")

    protocol: Literal["leave-one-out", "temporal"] = Field(
        "leave-one-out",
        description="Test on each user's last item, or on what each user did first after one moment for all.",
    )
    validation_share: float = Field(
        0.1,
        gt=0,
        lt=0.5,
        json_schema_extra=only_with(protocol=["temporal"]),
        description="Share of the interactions, the newest but for the test's, that picks the checkpoint.",
    )
    test_share: float = Field(
        0.1,
        gt=0,
        lt=0.5,
        json_schema_extra=only_with(protocol=["temporal"]),
        description="Share of the interactions, the newest, that is only scored at the end.",
    )
    k_core: int = Field(
        5, ge=1, description="Drop users and items with fewer interactions, again and again; 1 keeps all."
    )
    min_rating: float | None = Field(None, description="Ignore interactions rated lower; unset keeps every one.")
    exclude_seen: bool = Field(
        True, description="Never recommend what is in the history: for the model and all baselines alike."
    )

    objective: Literal["cross-entropy", "sampled", "gbce"] = Field(
        "cross-entropy", description="Loss over the whole catalogue, or over a sample of it for large catalogues."
    )
    negatives: int = Field(
        512,
        ge=1,
        json_schema_extra=only_with(objective=["sampled", "gbce"]),
        description="Items drawn per step for the objectives sampled and gbce.",
    )
    calibration: float = Field(
        0.75,
        ge=0,
        le=1,
        json_schema_extra=only_with(objective=["gbce"]),
        description="gBCE's t: 0 is plain binary cross-entropy, 1 fully calibrated.",
    )
    window: int = Field(50, ge=2, description="Last items the transformer sees.")
    lags: int = Field(50, ge=1, description="Last items whose co-visitation counts are summed.")
    hidden_size: int = Field(64, ge=8, description="Width of the transformer and of item vectors.")
    layers: int = Field(2, ge=1, description="Transformer blocks.")
    heads: int = Field(2, ge=1, description="Attention heads; must divide hidden_size.")
    dropout: float = Field(0.3, ge=0, lt=1, description="Dropout of the transformer.")
    delta_bound: float = Field(
        4.0, ge=0, description="Longest learned correction of an item's text vector; 0 leaves text alone."
    )
    gate_learning_rate: float = Field(
        1e-2, gt=0, description="Peak learning rate of the weights that join transformer and counts."
    )
    exact_below: int = Field(
        50_000, ge=0, description="Catalogues up to this size are ranked whole; above it the index proposes candidates."
    )
