"""The loaded model: the network with what it is about, and everything training and answering ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from datasets import Dataset

from suite import Batch, Model, Prediction, Stage
from suite_recommendations.config import RecommendationsConfig
from suite_recommendations.data import examples as histories
from suite_recommendations.data import tables
from suite_recommendations.data.catalogue import Catalogue
from suite_recommendations.data.columns import COLUMNS
from suite_recommendations.data.history import History
from suite_recommendations.data.text import TextEncoder
from suite_recommendations.model import inference
from suite_recommendations.model.build import grown_network
from suite_recommendations.model.index import ItemIndex
from suite_recommendations.model.recommender import Recommender

ENCODER = "encoder"
"""Folder of the text encoder within a model folder."""


@dataclass(eq=False)
class RecommenderModel(Model):
    """A network with its catalogue, the encoder for new texts, and the index over its item vectors."""

    network: Recommender
    config: RecommendationsConfig
    catalogue: Catalogue
    encoder: TextEncoder
    index: ItemIndex

    # ---- examples ----------------------------------------------------------------------------------------------------

    def prepare(self, rows: Dataset, stage: Stage) -> Sequence[History]:
        """Windows to train on, else one question per user. Rows that are still interactions ask for each last item."""
        if "history" not in rows.column_names:
            unfiltered = self.config.model_copy(update={"k_core": 1})
            rows = tables.dataset(tables.leave_one_out(tables.interactions(rows, unfiltered))["test"])
        if stage == "train":
            return histories.Windows(rows, self.catalogue, self.config.window)
        return histories.Histories(rows, self.catalogue)

    def augment(self, example: History, generator: np.random.Generator) -> History:
        """The window shifted along its history."""
        return histories.shifted(example, self.config.window, generator)

    def inputs(self, argument: str) -> list[History]:
        """One example per user in a table of histories: user, item by id or title, and time if there is one."""
        return histories.read_users(Path(argument), COLUMNS)

    def collate(self, examples: Sequence[History]) -> Batch:
        """See `examples.collate`."""
        return histories.collate(examples, self.catalogue, self.config.window)

    # ---- training ----------------------------------------------------------------------------------------------------

    def loss(self, network: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """By `objective`; the mean over targets."""
        return network(**{name: batch[name] for name in ("history", "end", "own", "labels")}).loss

    def optimizer_groups(self, network: torch.nn.Module) -> list[dict[str, Any]]:
        """Matrices decay; the gates, a few numbers each of which matters, neither decay nor learn slowly."""
        named = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
        gates = [p for name, p in named if name.startswith("gates.")]
        others = [p for name, p in named if not name.startswith("gates.")]
        groups = [
            {"params": [p for p in others if p.ndim > 1], "weight_decay": self.config.weight_decay},
            {"params": [p for p in others if p.ndim <= 1], "weight_decay": 0.0},
            {"params": gates, "weight_decay": 0.0, "lr": self.config.gate_learning_rate},
        ]
        return [group for group in groups if group["params"]]

    def refreshed(self) -> Self:
        """This model, or one with a new index where training has moved the item vectors."""
        vectors = inference.item_vectors(self.network)
        return self if np.array_equal(self.index.vectors, vectors) else replace(self, index=ItemIndex.build(vectors))

    def save(self, path: Path) -> None:
        """Writes weights and counts, catalogue, encoder, and the index of the vectors as they are."""
        path.mkdir(parents=True, exist_ok=True)
        self.network.save_pretrained(path)
        self.catalogue.save(path)
        self.encoder.save(path / ENCODER)
        self.refreshed().index.save(path)

    # ---- answers -----------------------------------------------------------------------------------------------------

    def infer(self, batch: Batch) -> list[Prediction]:
        """Twenty items for each history, with reasons where they were asked for. Computes no gradients."""
        history, end = (batch[name].to(self.network.device) for name in ("history", "end"))
        numbers, scores = inference.rank(self.network, self.index, history, end, exclude_seen=self.config.exclude_seen)
        recalls: Iterable[tuple[float, float]] = [(1.0, 1.0)] * len(numbers)
        if any(request["scored"] for request in batch["requests"]):
            recalls = zip(*inference.recalls(self.network, self.index, history, end, numbers), strict=True)
        predictions = []
        for row, (request, (by_index, within)) in enumerate(zip(batch["requests"], recalls, strict=True)):
            kept = [int(number) for number in numbers[row] if number >= 0]
            prediction = self.ranked(kept, scores[row]) | {"user": request["user"]}
            if request["reasons"]:
                past = history[row, : int(end[row])]
                causes = inference.reasons(self.network, past, kept[: inference.EXPLAINED])
                prediction["reasons"] = [self._reason(past, cause) for cause in causes]
            if request["unknown"]:
                prediction["unknown"] = request["unknown"]
            if request["scored"]:
                prediction |= {"index_recall": float(by_index), "candidate_recall": float(within)}
            predictions.append(prediction)
        return predictions

    def ranked(self, numbers: Sequence[int], scores: Sequence[float]) -> Prediction:
        """A list of the items `numbers`, best first, without reasons."""
        return {
            "items": [self.catalogue.ids[number] for number in numbers],
            "titles": [self.catalogue.titles[number] for number in numbers],
            "scores": [round(float(score), 4) for score in scores[: len(numbers)]],
            "reasons": [],
        }

    def _reason(self, past: torch.Tensor, place: int | None) -> str:
        if place is None:
            return "" if len(past) else "popular with everybody"
        return f"because of {self.catalogue.titles[int(past[place])]}"

    def all_scores(self, batch: Batch) -> np.ndarray:
        """(B, items) float64 scores of every item after each history of a batch."""
        history, end = (batch[name].to(self.network.device) for name in ("history", "end"))
        return inference.all_scores(self.network, history, end)

    def neighbours(self, number: int, count: int) -> list[tuple[int, float]]:
        """The `count` items most like the item `number`, by text and by what was learned, with their cosines."""
        return inference.neighbours(self.network, number, count)

    def with_items(self, items: Catalogue) -> Self:
        """A model with further items known by text alone; this one stays as it is."""
        network = grown_network(self.network, self.encoder(items.texts))
        index = ItemIndex.build(inference.item_vectors(network))
        return replace(self, network=network, catalogue=self.catalogue + items, index=index)
