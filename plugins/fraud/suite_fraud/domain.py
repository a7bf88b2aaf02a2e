"""The domain: transactions in, the chance of fraud out. Heavy parts are imported where they are used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from suite import Batch, Domain, Finding, Prediction, Predictor, Section, Space, Splits, SuiteError, TrainConfig, column
from suite_fraud.config import FraudConfig
from suite_fraud.data import measures
from suite_fraud.data.columns import COLUMNS
from suite_fraud.model.decisions import Platt, Thresholds, log_odds, sigmoid
from suite_fraud.model.inputs import Example, Examples
from suite_fraud.starter.assets import STARTER

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

    from suite_fraud.data.rows import Portfolio
    from suite_fraud.evaluation.champion import Contest
    from suite_fraud.model.loading import Network
    from suite_fraud.serving.student import Student

    Scored = Any


class FraudDomain(Domain):
    """Ranks transactions by how likely they are fraud. `network` is the loaded model."""

    name = "fraud"
    title = "Fraud detection"
    pipeline_tag = "tabular-classification"
    Config: ClassVar[type[TrainConfig]] = FraudConfig
    columns = COLUMNS
    metric = "average_precision"
    starter = STARTER
    space = Space("An analyst's queue of alerts, with reasons and costs", "🔎", ("indigo", "red"))
    limits = (
        "It ranks transactions for people to look at; it must not be the only ground on which somebody is refused "
        "service. It learns the frauds that were found: those nobody reported teach it that they are fine, and "
        "fraudsters change what they do, so that scores age; the weekly drift says how fast.\n\n"
        "The starter has only ever seen simulated portfolios with three kinds of fraud, each of which leaves a trace "
        "in amounts, habits or terminals. Its figures on simulated data say how methods compare, not what to expect "
        "of yours. Amounts must be in one currency, and the order of time must be right: features of a transaction "
        "are made of what came before it."
    )

    def __init__(self, config: TrainConfig | None = None) -> None:
        super().__init__(config)
        self.network: Network | None = None
        self.contest: Contest | None = None
        self.optimism: tuple[str, float, float] | None = None
        self._anchor: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._strength = 0.0
        self.portfolio: Portfolio | None = None
        self.student: Student | None = None

    @property
    def loaded(self) -> Network:
        """The network; only called once a model is loaded."""
        assert self.network is not None, "load_model comes first"
        return self.network

    # ---- data --------------------------------------------------------------------------------------------------------

    def read(self, path: Path) -> Dataset | None:
        """A folder with `transactions.parquet`, as the starters are kept; the core reads everything else."""
        found = path / "transactions.parquet"
        if not path.is_dir() or not found.is_file():
            return None
        import pyarrow.parquet
        from datasets import Dataset

        return Dataset(pyarrow.parquet.read_table(found))

    def check(self, rows: Dataset) -> Iterable[Finding]:
        """See `checks.findings`."""
        from suite_fraud.data.checks import findings
        from suite_fraud.data.tables import from_table

        try:
            return list(findings(from_table(rows, time_unit=self.config.time_unit)))
        except SuiteError as error:
            return [Finding("error", str(error))]

    def split(self, rows: Dataset) -> Splits:
        """By time, with the delay of labels and without known cards; see `rows.split`."""
        from suite_fraud.data import rows as parts

        self.portfolio = parts.split(rows, self.config)
        return self.portfolio.splits

    def prepare(self, rows: Dataset, model: torch.nn.Module, *, training: bool) -> Sequence[Example]:
        """Arrays of the features the network reads; rows of another data set get theirs here."""
        from suite_fraud.data.rows import featured
        from suite_fraud.model.inputs import block

        network = self.loaded
        if not set(network.config.features) <= set(rows.column_names):
            found = featured(rows, self.config.model_copy(update={"windows": network.config.windows}))
            rows = found.select(np.argsort(column(found, "row").to_numpy()))  # whoever asks pairs answers by position
        return Examples(block(rows, network.config))

    def inputs(self, argument: str) -> list[Example]:
        """The transactions of a file, each with its answer and, for alerts, the reasons."""
        from suite_fraud.model.inputs import Waiting, read

        rows = read(Path(argument), self.config)
        waiting: Any = Waiting(rows)
        return [Example(waiting, row) for row in range(len(rows))]

    # ---- the model ---------------------------------------------------------------------------------------------------

    def load_model(self, source: Path, data: Dataset | None) -> torch.nn.Module:
        """A finished run's network as it is; with training rows, one that reads their columns and quantiles."""
        from suite_fraud.data.rows import both_classes
        from suite_fraud.model import loading
        from suite_fraud.model.inputs import fitted

        model = loading.load(source)
        if data is not None:
            label = np.asarray(data.with_format("numpy")["label"])
            both_classes("train", label)
            model = fitted(model, data, self.config)
            frauds = int((label == 1).sum())
            self._anchor = [(weight, weight.detach().clone()) for weight in model.parameters()]
            self._strength = self.config.anchor / frauds
        self.network = model
        return model

    def collate(self, examples: Sequence[Example]) -> Batch:
        """Tensors of the features, and `labels` where all are known."""
        from suite_fraud.model.inputs import Waiting, collate

        network = self.loaded.config
        blocks = {id(one.block): one.block for one in examples}
        ready = {
            key: found.block(network, self.config) if isinstance(found, Waiting) else found
            for key, found in blocks.items()
        }
        return collate([Example(ready[id(one.block)], one.row) for one in examples])

    def loss(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Cross-entropy and the distance from the pretrained weights (L2-SP, https://arxiv.org/abs/1802.01483).

        The fewer frauds there are to learn from, the more the distance weighs.
        """
        from torch.distributed.tensor import DTensor

        inputs = ("features", "extras", "texts", "labels", "days")
        loss: torch.Tensor = model(**{name: batch[name] for name in inputs}).loss
        if self._strength and model.training:
            if any(isinstance(weight, DTensor) for weight in model.parameters()):
                raise SuiteError("The pull towards the starter needs whole weights: --set anchor=0, or do not shard.")
            far = [(weight - start.to(weight.device)).square().sum() for weight, start in self._anchor]
            loss = loss + self._strength * sum(far[1:], far[0])
        return loss

    def calibrate(self, model: torch.nn.Module, predictions: Sequence[Prediction], references: Sequence[Any]) -> None:
        """A line through the log-odds and the thresholds, kept in the model's config; and the champion's student."""
        assert self.portfolio is not None, "split comes first"
        label, amount = (np.array([reference[name] for reference in references]) for name in ("label", "amount"))
        raw = log_odds(np.array([prediction["probability"] for prediction in predictions]))
        line = Platt.fit(raw, label)
        share = self.config.capacity / max(self.portfolio.per_day, 1.0)
        chosen = Thresholds.choose(
            sigmoid(line(raw)), label, amount, review_cost=self.config.review_cost, share=min(share, 1.0)
        )
        self.loaded.config.calibration = {"slope": line.slope, "intercept": line.intercept, **chosen.to_json()}
        from suite_fraud.serving.teach import teach

        self.student = teach(self.loaded, self.portfolio, self.config)

    def save_model(self, model: torch.nn.Module, path: Path) -> None:
        """The network, and the student that `suite fraud score` reads."""
        super().save_model(model, path)
        if self.student is not None:
            self.student.save(path / "student")

    # ---- answers -----------------------------------------------------------------------------------------------------

    def infer(self, model: torch.nn.Module, batch: Batch) -> list[Prediction]:
        """The calibrated probability; for a file's rows also whether it is an alert, and why."""
        kept = self.loaded.config.calibration
        logits = model(batch["features"], batch["extras"], batch["texts"]).logits.double().cpu().numpy()
        probabilities = sigmoid(Platt(kept["slope"], kept["intercept"])(logits))
        answers: list[Prediction] = [{"probability": float(value)} for value in probabilities]
        if batch["asked"]:
            from suite_fraud.model.explain import explained

            return explained(self.loaded, batch, answers)
        return answers

    def reference(self, example: Example) -> dict[str, float]:
        """Label, and what the metrics weigh it by."""
        block, row = example
        return {
            "label": int(block.label[row]),
            "amount": float(block.amount[row]),
            "day": int(block.day[row]),
            "entity": int(block.entity[row]),
        }

    def score(self, prediction: Prediction, reference: Any) -> dict[str, float | Sequence[float]]:
        """The probability beside the reference."""
        return {"probability": prediction["probability"], **reference}

    def metrics(self, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Average precision and the measures beside it; see `measures.measure`."""
        known = scores["label"] >= 0
        one = {name: values[known] for name, values in scores.items()}
        return measures.measure(
            one["probability"], one["label"], amount=one["amount"], day=one["day"], entity=one["entity"],
            k=self.config.capacity,
        )  # fmt: skip

    # ---- the report --------------------------------------------------------------------------------------------------

    def baselines(self, splits: Splits, examples: Sequence[Example]) -> dict[str, list[Prediction]]:
        """Classical models on the same features and rows, and ensembles, all calibrated on the validation rows."""
        from suite_fraud.evaluation.report import compete

        self.contest, self.optimism = compete(self.loaded, splits, self.config)
        names = [name for name in self.contest.answers if name != "fine-tuned"]
        return {name: [{"probability": float(p)} for p in self.contest.test(name)] for name in names}

    def analyse(self, systems: Mapping[str, Scored], rows: Dataset) -> Iterable[Section]:
        """Who won, what decisions would have saved, and what a random split would have made believe."""
        from suite_fraud.evaluation.report import sections

        contest = self.contest if self.contest is not None and set(self.contest.answers) <= set(systems) else None
        meter = self.optimism if contest is not None else None  # it is of the test rows, not of another data set
        return sections(self.loaded.config.calibration, systems, contest, meter, self.config)

    def same(self, expected: Prediction, found: Prediction) -> bool:
        """Probabilities within a thousandth; reasons may swap places."""
        return abs(float(expected["probability"]) - float(found["probability"])) < 1e-3

    def render(self, prediction: Prediction) -> str:
        """One line per transaction; only alerts say more."""
        from suite_fraud.model.explain import line

        return line(prediction)

    def demo(self, predictor: Predictor) -> None:
        """The analyst's queue."""
        from suite_fraud.demo.page import build

        build(self, predictor)

    def demo_call(self, predictor: Predictor) -> tuple[str, Sequence[Any]]:
        """A customer's usual purchase, then one fifty times as large at night."""
        habit = {"entity": "customer-1", "counterparty": "shop-1", "amount": 20.0, "time": "2026-03-02T12:00:00"}
        return "fraud_score", [[habit, habit | {"amount": 1000.0, "time": "2026-03-03T03:00:00"}]]
