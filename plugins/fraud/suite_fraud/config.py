"""Options of training on transactions, besides those that every training has."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

from pydantic import Field, field_validator

from suite import TrainConfig

SUPERVISED = ("logistic regression", "random forest", "LightGBM", "LightGBM careful", "XGBoost", "XGBoost careful")
"""Classical systems that learn from labels."""
UNSUPERVISED = ("isolation forest", "autoencoder")
"""Those that need none: their scores rank, but are no probabilities."""


class FraudConfig(TrainConfig):
    """Defaults are those of the handbook protocol: a week to learn from, a week of delay, a week to test on."""

    changeable = TrainConfig.changeable | {"systems", "capacity", "review_cost"}
    replaced = MappingProxyType({"test_share": "test_days"})

    epochs: float = Field(12.0, gt=0, description="Passes over the training transactions.")
    max_steps: int | None = Field(
        600, ge=1, description="Stop after so many optimizer steps, whatever the epochs; a large portfolio needs few."
    )
    batch_size: int = Field(512, ge=1, description="Transactions per optimizer step, over all processes.")
    micro_batch_size: int | None = Field(
        4096, ge=1, description="Transactions per forward pass and process; the network is small, so many fit."
    )
    learning_rate: float = Field(1e-4, gt=0, description="Peak learning rate; it starts from pretrained weights.")
    ema: float = Field(0.99, ge=0, lt=1, description="Decay of the averaged weights that are kept; 0 keeps the last.")
    l2_sp: float = Field(
        0.01, ge=0, description="Pull towards the pretrained weights (L2-SP), divided by the frauds there are to learn."
    )

    train_days: int = Field(7, ge=1, description="Days of labelled transactions the systems learn from.")
    delay_days: int = Field(7, ge=0, description="Days until a transaction's label is known.")
    test_days: int = Field(7, ge=1, description="Days at the end of the data that are only scored.")
    test_end: int | None = Field(
        None, ge=1, description="Day, counted from the first transaction, at which the test ends; unset is the last."
    )
    windows: list[float] = Field([1.0, 7.0, 30.0], min_length=1, description="Days that the history features sum over.")

    time_unit: Unit = Field(
        "auto", description="What numbers in the time column count; auto tells it by their size, hours or seconds."
    )
    systems: list[str] = Field(
        [], description="Classical systems that compete with the network, by name; empty takes them all."
    )
    capacity: int = Field(100, ge=1, description="Alerts that analysts can look at per day.")
    review_cost: float = Field(
        5.0, ge=0, description="What looking at one alert costs, in the currency of the amounts; a missed fraud "
        "costs its amount."
    )  # fmt: skip

    @field_validator("systems")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        if unknown := [name for name in names if name not in (*SUPERVISED, *UNSUPERVISED)]:
            raise ValueError(f"{unknown[0]!r} is none of {', '.join((*SUPERVISED, *UNSUPERVISED))}")
        return names


Unit = Literal["auto", "seconds", "microseconds", "milliseconds", "minutes", "hours", "days"]
"""What a number in the time column counts."""
