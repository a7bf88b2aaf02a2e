"""The domain's model: a network with its calibration and the student it teaches, as it trains and as it answers."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from torch.distributed.tensor import DTensor

from suite import (
    Batch,
    Model,
    PlattScaling,
    Prediction,
    Stage,
    SuiteError,
    TrainingData,
    column,
    log_odds,
    sigmoid,
)
from suite_fraud.config import FraudConfig
from suite_fraud.data.rows import Portfolio, both_classes, featured, read_file
from suite_fraud.model.decisions import Thresholds, rising_line
from suite_fraud.model.explain import INPUTS, explained, reasons_of
from suite_fraud.model.inputs import Example, Examples, block, collate, fitted
from suite_fraud.model.loading import Network, load_network
from suite_fraud.serving.student import Student


@dataclass(frozen=True)
class Start:
    """Where training begins, and how many frauds there are to learn from: what L2-SP pulls by."""

    weights: Sequence[torch.Tensor]
    """Copies of the network's parameters, in their order."""
    frauds: int


@dataclass
class FraudModel(Model):
    """Ranks transactions by how likely they are fraud."""

    network: Network
    config: FraudConfig
    calibration: Mapping[str, float]
    """A line through the log-odds ("slope", "intercept") and the thresholds by "cost" and by "capacity".

    It is saved in the network's config.json. While a run trains, the network's config still holds what it began with.
    """
    start: Start | None = None
    """None for a model that is not trained."""
    portfolio: Portfolio | None = None
    """What it is trained on: splits, and rows to teach the student with."""
    student: Student | None = None
    """What `suite fraud score` reads; taught by `calibrate`."""

    # ---- examples ----------------------------------------------------------------------------------------------------

    @property
    def features_config(self) -> FraudConfig:
        """The config with the windows that the network reads."""
        config: FraudConfig = self.config.model_copy(update={"windows": list(self.network.config.windows)})
        return config

    def prepare(self, rows: Dataset, stage: Stage) -> Sequence[Example]:
        """Arrays of the features the network reads; rows of another data set get theirs here."""
        if not set(self.network.config.features) <= set(rows.column_names):
            ordered = featured(rows, self.features_config)
            # Whoever asks pairs answers by position.
            rows = ordered.select(np.argsort(column(ordered, "row").to_numpy()))
        return Examples(block(rows, self.network.config))

    def inputs(self, argument: str) -> list[Example]:
        """The transactions of a file, each with its answer and, for alerts, the reasons."""
        rows = featured(read_file(Path(argument), self.config), self.features_config)
        return list(Examples(block(rows, self.network.config, explain=True)))

    def collate(self, examples: Sequence[Example]) -> Batch:
        """Tensors of the features, and `labels` where all are known."""
        return collate(examples)

    # ---- training ----------------------------------------------------------------------------------------------------

    def loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Cross-entropy and the distance from the pretrained weights (L2-SP, https://arxiv.org/abs/1802.01483).

        The fewer frauds there are to learn from, the more the distance weighs.
        """
        loss: torch.Tensor = network(**{name: batch[name] for name in (*INPUTS, "labels", "days")}).loss
        if self.start is None or not self.config.l2_sp or not network.training:
            return loss
        weights = list(self.network.parameters())
        if any(isinstance(weight, DTensor) for weight in weights):
            raise SuiteError("The pull towards the starter needs whole weights: --set l2_sp=0, or do not shard.")
        squares = [
            (weight - start.to(weight.device)).square().sum()
            for weight, start in zip(weights, self.start.weights, strict=True)
        ]
        return loss + self.config.l2_sp / self.start.frauds * sum(squares[1:], squares[0])

    def calibrate(self, predictions: Sequence[Prediction], references: Sequence[Mapping[str, float]]) -> FraudModel:
        """This model with a line through its log-odds and the thresholds, and with the champion's student."""
        # scikit-learn, LightGBM, XGBoost and Matplotlib: a second that whoever only asks need not wait for.
        from suite_fraud.serving.teach import teach

        assert self.portfolio is not None, "a model that trains was loaded with its portfolio"
        label, amount = (np.array([reference[name] for reference in references]) for name in ("label", "amount"))
        raw = log_odds(np.array([prediction["probability"] for prediction in predictions]))
        line = rising_line(raw, label)
        share = self.config.capacity / max(self.portfolio.per_day, 1.0)
        chosen = Thresholds.choose(
            sigmoid(line(raw)), label, amount, review_cost=self.config.review_cost, share=min(share, 1.0)
        )
        return replace(
            self,
            calibration={"slope": line.slope, "intercept": line.intercept, **chosen.to_json()},
            student=teach(self.network, self.portfolio, self.config),
        )

    def save(self, path: Path) -> None:
        """The network with its calibration, and the student."""
        super().save(path)
        config = copy.copy(self.network.config)
        config.calibration = dict(self.calibration)
        config.save_pretrained(path)
        if self.student is not None:
            self.student.save(path / "student")

    # ---- answers -----------------------------------------------------------------------------------------------------

    def infer(self, batch: Batch) -> list[Prediction]:
        """The calibrated probability; for a file's rows also whether it is an alert, and why."""
        logits = self.network(*(batch[name] for name in INPUTS)).logits.double().cpu().numpy()
        line = PlattScaling(self.calibration["slope"], self.calibration["intercept"])
        answers: list[Prediction] = [{"probability": float(chance)} for chance in sigmoid(line(logits))]
        if batch["asked"]:
            return explained(self.network, batch, answers, threshold=self.calibration["cost"])
        return answers

    def reasons(self, rows: Dataset) -> list[list[str]]:
        """Up to three sentences for each of the rows, which have features: why it is suspicious."""
        batch = collate(list(Examples(block(rows, self.network.config))))
        return reasons_of(self.network, {name: batch[name].to(self.network.device) for name in INPUTS})


def load(source: Path, config: FraudConfig, data: TrainingData | None) -> FraudModel:
    """A finished run's model as it is; with training rows, one that reads their columns and knows their quantiles.

    Raises `SuiteError` for a folder without a network of this domain, and for rows that are not of both classes.
    """
    network = load_network(source)
    if data is None:
        return FraudModel(network, config, network.config.calibration)
    label = column(data.rows, "label").to_numpy()
    both_classes("train", label)
    network = fitted(network, data.rows, config)
    weights = [weight.detach().clone() for weight in network.parameters()]
    start = Start(weights, int((label == 1).sum()))
    return FraudModel(network, config, network.config.calibration, start, data.context)
