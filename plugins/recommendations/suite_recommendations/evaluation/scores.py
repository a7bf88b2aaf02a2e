"""What a list is worth beside the item that came next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from suite import Prediction, Scores
from suite_recommendations.config import RecommendationsConfig
from suite_recommendations.data.history import History
from suite_recommendations.evaluation import ranking
from suite_recommendations.model.model import RecommenderModel
from suite_recommendations.model.ranking import surprise


class RecommendationsScores(Scores):
    """Rank of the target, novelty by the model's training counts, coverage of its catalogue."""

    def __init__(self, config: RecommendationsConfig, model: RecommenderModel) -> None:
        super().__init__(config, model)
        self.catalogue = model.catalogue
        self.surprise = surprise(model.network.popularity.cpu().numpy())

    def reference(self, example: History) -> str:
        """The id of the item that came next."""
        return example.target

    def score(self, prediction: Prediction, reference: str) -> dict[str, float | Sequence[float]]:
        """Rank of the target, what was shown and how surprising it is, and the index's recalls (1 for exact search)."""
        numbers = [self.catalogue.numbers[item] for item in prediction["items"]]
        bits = [self.surprise[number] for number in numbers]
        return ranking.score_list(prediction["items"], numbers, bits, reference) | {
            "index_recall": prediction.get("index_recall", 1.0),
            "candidate_recall": prediction.get("candidate_recall", 1.0),
            "catalogue": float(len(self.catalogue)),
        }

    def metrics(self, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        """HR, NDCG and MRR at 5, 10, 20; coverage and novelty at 10; recall at 20 of index and candidates."""
        size = int(scores["catalogue"][0]) if len(scores["catalogue"]) else 1
        return ranking.metrics(scores, size) | {
            "index_recall@20": float(scores["index_recall"].mean()),
            "candidate_recall@20": float(scores["candidate_recall"].mean()),
        }

    def belongs(self, example: History) -> dict[str, str]:
        """Whose list it is; each user is asked once."""
        return {"user": example.user}

    def watched(self) -> dict[str, bool]:
        """What a better order may cost: lists of fewer different items, and of better known ones."""
        return {"coverage@10": True, "novelty@10": True}
