"""The domain: interactions of users and items in, ranked lists out. Heavy parts are imported where they are used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from suite import (
    Batch,
    Domain,
    Finding,
    Prediction,
    Predictor,
    Space,
    Splits,
    SuiteError,
    TrainConfig,
    column,
)
from suite_recommendations.config import RecommendationsConfig
from suite_recommendations.data import examples as histories
from suite_recommendations.data import tables
from suite_recommendations.data.catalogue import Catalogue
from suite_recommendations.data.columns import COLUMNS
from suite_recommendations.data.examples import History
from suite_recommendations.evaluation import ranking
from suite_recommendations.model.ranking import top
from suite_recommendations.starter.assets import STARTER

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

    from suite_recommendations.model.build import Shelf


class RecommendationsDomain(Domain):
    """Recommends what a user will want next. `shelf` is the loaded model with its catalogue, encoder and index."""

    name = "recommendations"
    title = "Recommendations"
    Config: ClassVar[type[TrainConfig]] = RecommendationsConfig
    columns = COLUMNS
    metric = "ndcg@10"
    starter = STARTER
    space = Space("Pick what you liked, get ten more, with reasons", "🎬", ("indigo", "pink"))
    limits = (
        "It learns what people did, not what is good for them: lists follow the log's habits and its biases of age, "
        "gender and popularity, and a user who was shown something will be shown more of it. Scores rank items for "
        "one user; they are neither probabilities nor comparable between users. An item known by text alone borrows "
        "the counts of items with similar texts and is guessed at best.\n\n"
        "Figures are for the protocol named beside them. With leave-one-out, counts and weights come from all "
        "training histories, some of which are later in time than a given user's test item; the temporal protocol "
        "has no such look ahead. The starter's films end in 1998, its log reflects the order "
        "in which a website listed them, and its licence forbids commercial use and redistribution."
    )

    def __init__(self, config: TrainConfig | None = None) -> None:
        super().__init__(config)
        self.shelf: Shelf | None = None

    @property
    def loaded(self) -> Shelf:
        """The shelf; only called once a model is loaded."""
        assert self.shelf is not None, "load_model comes first"
        return self.shelf

    # ---- data --------------------------------------------------------------------------------------------------------

    def read(self, path: Path) -> Dataset | None:
        """A folder with interactions.* and items.* (or RecBole's .inter and .item), joined by item."""
        table = tables.read_folder(path, self.columns) if path.is_dir() else None
        if path.suffix == ".inter":
            table = tables.read_table(path)
        if table is None:
            return None
        from datasets import Dataset

        return Dataset.from_pandas(table, preserve_index=False)

    def check(self, rows: Dataset) -> Iterable[Finding]:
        """One user only, times that are none, ties, short histories, items without words, an empty core."""
        if not {"user", "item"} <= set(rows.column_names) or not len(rows):
            return
        yield from self._check_times(rows)
        users = column(rows, "user").unique()
        if len(users) == 1:
            yield Finding("error", f"All rows are of one user ({users[0]}); recommending needs what others did.")
            return
        try:
            told = tables.findings(tables.interactions(rows, self.config))
        except SuiteError as error:
            yield Finding("error", str(error))
            return
        kept = f"k_core={self.config.k_core} and min_rating={self.config.min_rating}"
        sizes = f"{told['users']:,} users, {told['items']:,} items, {told['interactions']:,} interactions"
        yield Finding("note", f"After {kept}: {sizes}.")
        if ties := told["ties"]:
            share = f"{ties / told['users']:.0%}"
            yield Finding(
                "note", f"{ties:,} users ({share}) have equal times on their last two items: row order decides."
            )
        if told["short"]:
            yield Finding("warning", f"{told['short']:,} users have fewer than 3 interactions; they only train.")
        if not {"title", "text"} & set(rows.column_names):
            yield Finding(
                "warning", "The items have neither title nor text; add items.csv, or new ones can't be taken in."
            )

    def _check_times(self, rows: Dataset) -> Iterator[Finding]:
        if "time" not in rows.column_names:
            yield Finding("warning", "There is no time column; the order of the rows is taken for the order of time.")
            return
        times = tables.times(rows)
        for row in np.flatnonzero(np.isnan(times)):
            yield Finding("error", "time is missing or is neither a number nor an ISO 8601 date", int(row))
        if len(times) > 1 and np.nanmin(times) == np.nanmax(times):
            message = "All rows have the same time; the order of the rows is taken for the order of time."
            yield Finding("error" if self.config.protocol == "temporal" else "warning", message)

    def split(self, rows: Dataset) -> Splits:
        """By the config's `protocol`; each split has one row per user, see `tables.py`."""
        frame = tables.interactions(rows, self.config)
        items = tables.catalogue(frame)
        return {name: tables.dataset(part, items) for name, part in tables.split(frame, self.config).items()}

    def prepare(self, rows: Dataset, model: torch.nn.Module, *, training: bool) -> Sequence[History]:
        """Windows to train on, else one question per user. Rows that are still interactions ask for each last item."""
        if "history" not in rows.column_names:
            unfiltered = self.config.model_copy(update={"k_core": 1})
            rows = tables.dataset(tables.leave_one_out(tables.interactions(rows, unfiltered))["test"], [])
        if training:
            return histories.Windows(rows, self.loaded.catalogue, self.config.window)
        return histories.Histories(rows, self.loaded.catalogue)

    def augment(self, example: History, generator: np.random.Generator) -> History:
        """The window shifted along its history."""
        return histories.shifted(example, self.config.window, generator)

    def inputs(self, argument: str) -> list[History]:
        """One example per user in a table of histories: user, item by id or title, and time if there is one."""
        return histories.read_users(Path(argument), self.columns)

    # ---- the model ---------------------------------------------------------------------------------------------------

    def load_model(self, source: Path, data: Dataset | None) -> torch.nn.Module:
        """A finished run's model as it is, or one made of a text encoder and the training rows.

        Where the config names the run as the model to start from, it trains on: what it learned goes to the
        catalogue and counts of `data`. A model that only answers keeps its own.
        """
        from suite_recommendations.model.build import Shelf, continued, is_saved

        if is_saved(source):
            self.shelf = Shelf.load(source)
            if data is not None and self.config.model:
                self.shelf = continued(self.shelf, self._built(source / "encoder", data))
        elif data is None:
            raise SuiteError(f"{source} holds no recommender: catalogue.parquet is missing. Give a finished run.")
        else:
            self.shelf = self._built(source, data)
        return self.shelf.model

    def _built(self, encoder: Path, data: Dataset) -> Shelf:
        from suite_recommendations.data.text import TextEncoder
        from suite_recommendations.model.build import build

        catalogue = Catalogue.of(data[0]["catalogue"])
        numbered = histories.Numbered(column(data, "history"), catalogue)
        return build(numbered, catalogue, TextEncoder(encoder), self.config)

    def collate(self, examples: Sequence[History]) -> Batch:
        """See `examples.collate`."""
        return histories.collate(examples, self.loaded.catalogue, self.config.window)

    def loss(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """By `objective`; the mean over targets."""
        return model(**{name: batch[name] for name in ("history", "end", "own", "labels")}).loss

    def optimizer_groups(self, model: torch.nn.Module) -> list[dict[str, Any]]:
        """Matrices decay; the gates, a few numbers each of which matters, neither decay nor learn slowly."""
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        gates = [p for name, p in named if name.startswith("gates.")]
        others = [p for name, p in named if not name.startswith("gates.")]
        groups = [
            {"params": [p for p in others if p.ndim > 1], "weight_decay": self.config.weight_decay},
            {"params": [p for p in others if p.ndim <= 1], "weight_decay": 0.0},
            {"params": gates, "weight_decay": 0.0, "lr": self.config.gate_learning_rate},
        ]
        return [group for group in groups if group["params"]]

    def before_evaluate(self, model: torch.nn.Module) -> None:
        """Rebuilds the index if training has moved the item vectors."""
        self.loaded.refresh()

    def save_model(self, model: torch.nn.Module, path: Path) -> None:
        """Weights and counts, catalogue, text encoder, index."""
        self.loaded.save(path)

    # ---- answers -----------------------------------------------------------------------------------------------------

    def infer(self, model: torch.nn.Module, batch: Batch) -> list[Prediction]:
        """Twenty items for each history, with reasons where they were asked for."""
        from suite_recommendations.model import inference

        shelf, history, end = self.loaded, batch["history"], batch["end"]
        numbers, scores = inference.rank(shelf, history, end, exclude_seen=self.config.exclude_seen)
        recalls: Iterable[tuple[float, float]] = [(1.0, 1.0)] * len(numbers)
        if any(asked["scored"] for asked in batch["asked"]):
            recalls = zip(*inference.recalls(shelf, history, end, numbers), strict=True)
        found = []
        for row, (asked, (by_index, within)) in enumerate(zip(batch["asked"], recalls, strict=True)):
            kept = [int(number) for number in numbers[row] if number >= 0]
            prediction = self._listed(kept, scores[row]) | {"user": asked["user"]}
            if asked["reasons"]:
                past = history[row, : int(end[row])]
                causes = inference.reasons(shelf, past, kept[: inference.EXPLAINED])
                prediction["reasons"] = [self._reason(past, cause) for cause in causes]
            if asked["unknown"]:
                prediction["unknown"] = asked["unknown"]
            if asked["scored"]:
                prediction |= {"index_recall": float(by_index), "candidate_recall": float(within)}
            found.append(prediction)
        return found

    def _listed(self, numbers: Sequence[int], scores: Sequence[float]) -> Prediction:
        catalogue = self.loaded.catalogue
        return {
            "items": [catalogue.ids[number] for number in numbers],
            "titles": [catalogue.titles[number] for number in numbers],
            "scores": [round(float(score), 4) for score in scores[: len(numbers)]],
            "reasons": [],
        }

    def _reason(self, past: torch.Tensor, place: int | None) -> str:
        if place is None:
            return "" if len(past) else "popular with everybody"
        return f"because of {self.loaded.catalogue.titles[int(past[place])]}"

    def reference(self, example: History) -> str:
        """The id of the item that came next."""
        return example.target

    def score(self, prediction: Prediction, reference: str) -> dict[str, float | Sequence[float]]:
        """Rank of the target, what was shown and how surprising it is, and the index's recalls (1 for exact search)."""
        catalogue = self.loaded.catalogue
        numbers = [catalogue.numbers[item] for item in prediction["items"]]
        surprise = self._surprise()
        return ranking.score_list(prediction["items"], numbers, [surprise[n] for n in numbers], reference) | {
            "index_recall": prediction.get("index_recall", 1.0),
            "candidate_recall": prediction.get("candidate_recall", 1.0),
            "catalogue": float(len(catalogue)),
        }

    def _surprise(self) -> np.ndarray:
        """(items,) bits, kept with the shelf it belongs to."""
        from suite_recommendations.model.inference import surprises

        held = self.__dict__.get("_surprise_of")
        if held is None or held[0] is not self.shelf:
            held = self.__dict__["_surprise_of"] = (self.shelf, surprises(self.loaded))
        return held[1]

    def metrics(self, scores: Mapping[str, np.ndarray]) -> dict[str, float]:
        """HR, NDCG and MRR at 5, 10, 20; coverage and novelty at 10; recall at 20 of index and candidates."""
        size = int(scores["catalogue"][0]) if len(scores["catalogue"]) else 1
        return ranking.metrics(scores, size) | {
            "index_recall@20": float(scores["index_recall"].mean()),
            "candidate_recall@20": float(scores["candidate_recall"].mean()),
        }

    def baselines(self, splits: Splits, examples: Sequence[History]) -> dict[str, list[Prediction]]:
        """Popularity, ItemKNN, EASE and decayed co-visitation, fitted to the training histories, same filter."""
        from suite_recommendations.evaluation.baselines import fit_all

        catalogue = self.loaded.catalogue
        train = histories.Numbered(column(splits["train"], "history"), catalogue)
        asked = [example.numbers for example in examples if example.numbers is not None]
        found: dict[str, list[Prediction]] = {}
        for name, scorer in fit_all(train, len(catalogue)).items():
            found[name] = [prediction for part in _chunks(asked) for prediction in self._baseline(scorer, part)]
        return found

    def _baseline(self, scorer: Any, asked: Sequence[np.ndarray]) -> Iterator[Prediction]:
        scores = np.asarray(scorer(asked))
        numbers = top(scores, asked, exclude_seen=self.config.exclude_seen)
        for row, shown in enumerate(numbers):
            kept = [int(number) for number in shown if number >= 0]
            yield self._listed(kept, scores[row][kept])

    # ---- showing -----------------------------------------------------------------------------------------------------

    def render(self, prediction: Prediction) -> str:
        """Ten lines for a user: place, title and reason."""
        reasons = prediction["reasons"] + [""] * len(prediction["items"])
        lines = [
            f"{place:3}. {title}{f'  ({reason})' if reason else ''}"
            for place, (title, reason) in enumerate(zip(prediction["titles"][:10], reasons, strict=False), start=1)
        ]
        unknown = prediction.get("unknown", [])
        note = [f"     not in the catalogue: {', '.join(unknown)}"] if unknown else []
        return "\n".join([f"User {prediction['user']}:", *lines, *note])

    def write(self, predictions: Sequence[tuple[str, Prediction]], path: Path) -> None:
        """json and jsonl keep a record per user; csv gets a line per recommended item."""
        if path.suffix != ".csv":
            return super().write(predictions, path)
        lines = [(name, line) for name, prediction in predictions for line in _lines(prediction)]
        return super().write(lines, path)

    def same(self, expected: Prediction, found: Prediction) -> bool:
        """Whether items and scores are reproduced; the index's recall may differ between machines."""
        keys = ("user", "items", "scores")
        return super().same({k: expected.get(k) for k in keys}, {k: found.get(k) for k in keys})

    def demo(self, predictor: Predictor) -> None:
        """Pick films, get ten with reasons; type one that does not exist and see where it ranks."""
        from suite_recommendations.demo.page import build_demo

        build_demo(self, predictor)

    def demo_call(self, predictor: Predictor) -> tuple[str, Sequence[Any]]:
        """Three items for somebody who liked the most popular one of the model's own catalogue."""
        model: Any = predictor.model
        domain: Any = predictor.domain
        return "recommendations_recommend", [[domain.loaded.catalogue.ids[int(model.popularity.argmax())]], 3]


def _lines(prediction: Prediction) -> Iterator[dict[str, Any]]:
    user, reasons = prediction["user"], prediction["reasons"] + [""] * len(prediction["items"])
    columns = zip(prediction["items"], prediction["titles"], prediction["scores"], reasons, strict=False)
    for rank, (item, title, score, reason) in enumerate(columns, start=1):
        yield {"user": user, "rank": rank, "item": item, "title": title, "score": score, "reason": reason}


def _chunks(values: Sequence[np.ndarray], size: int = 256) -> Iterator[Sequence[np.ndarray]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
