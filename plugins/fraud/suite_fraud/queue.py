"""What an analyst's queue holds, without a page around it: scored transactions, and what looking at some would do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from suite import Corrections, Predictor, column
from suite_fraud import decisions

if TYPE_CHECKING:
    from datasets import Dataset

LONGEST = 200
"""Alerts a page lists: nobody reads further, and each one's reasons take a pass of the network per feature."""


@dataclass(frozen=True)
class Queue:
    """Scored transactions; `rows` are theirs, with features."""

    rows: Dataset
    source: str
    probability: np.ndarray

    def known(self) -> np.ndarray:
        """Which labels are known, bool (n,)."""
        return np.asarray(column(self.rows, "label").to_numpy() >= 0)

    def first(self, capacity: int) -> np.ndarray:
        """The most suspicious `capacity` rows of each day, the most suspicious of all first."""
        places = decisions.ranks(self.probability, column(self.rows, "day").to_numpy())
        chosen = np.flatnonzero(places < capacity)
        return chosen[np.argsort(-self.probability[chosen], kind="stable")]

    def outcome(self, capacity: int, *, review_cost: float) -> decisions.Outcome | None:
        """What looking at so many a day would have done; None where no label is known."""
        known = self.known()
        if not known.any():
            return None
        label, amount, day = (column(self.rows, name).to_numpy()[known] for name in ("label", "amount", "day"))
        found = decisions.curve(
            self.probability[known], label, amount, day, review_cost=review_cost, capacities=(capacity,)
        )
        return found[capacity]

    def record(self, row: int) -> dict[str, Any]:
        """A transaction in the domain's columns, its label left out."""
        kept = self.rows[int(row)]
        time = datetime.fromtimestamp(kept["time"], UTC).replace(tzinfo=None).isoformat(timespec="seconds")
        found = {"time": time, "entity": kept["entity"], "amount": round(float(kept["amount"]), 2)}
        return found | ({"counterparty": kept["counterparty"]} if "counterparty" in kept else {})


def example(predictor: Predictor) -> Queue:
    """The test days of the starter's portfolio, simulated anew: the newest week of a bank that does not exist."""
    from datasets import Dataset

    from suite_fraud import rows as parts
    from suite_fraud.simulate import simulate
    from suite_fraud.starter import SMALL

    table = simulate(SMALL).rename_columns(["transaction", "time", "entity", "counterparty", "amount", "label"])
    _ = predictor.model
    config = predictor.domain.config.model_copy(update={"test_end": None, "windows": _windows(predictor)})
    return scored(predictor, parts.split(Dataset(table), config).splits["test"], "simulated portfolio")


def opened(predictor: Predictor, path: Path) -> Queue:
    """All transactions of a file. Raises `SuiteError` if it can't be read."""
    from suite_fraud.blocks import read
    from suite_fraud.rows import featured

    _ = predictor.model
    config = predictor.domain.config.model_copy(update={"windows": _windows(predictor)})
    return scored(predictor, featured(read(path, config), config), path.name)


def scored(predictor: Predictor, rows: Dataset, source: str) -> Queue:
    """Rows with features, and the model's answers to them."""
    examples = predictor.domain.prepare(rows, predictor.model, training=False)
    answers = predictor(examples)
    return Queue(rows, source, np.array([answer["probability"] for answer in answers]))


def reasons(predictor: Predictor, queue: Queue, chosen: np.ndarray) -> list[list[str]]:
    """Three sentences for each of the chosen rows."""
    from suite_fraud.blocks import Examples, block, collate
    from suite_fraud.explain import contributions
    from suite_fraud.student import reasons as told

    if not len(chosen):
        return []
    network: Any = predictor.model
    batch = collate(list(Examples(block(queue.rows.select(chosen), network.config))))
    batch = {name: batch[name].to(network.device) for name in ("features", "extras", "texts")}
    return told(network.config.features, batch["features"].cpu().numpy(), contributions(network, batch))


def decide(predictor: Predictor, queue: Queue, row: int, *, fraud: bool) -> None:
    """Stores what an analyst says of a transaction, for `suite fraud train --data corrections:` and for the record."""
    domain = predictor.domain
    label = int(column(queue.rows, "label")[int(row)].as_py())
    Corrections(domain.name, domain.config.output).add(
        queue.record(row),
        source=queue.source,
        model=predictor.run.path.name if predictor.run else domain.starter.model,
        before={"label": label if label >= 0 else None, "probability": float(queue.probability[row])},
        after={"label": int(fraud)},
    )


def _windows(predictor: Predictor) -> list[float]:
    network: Any = predictor.model
    return list(network.config.windows)
