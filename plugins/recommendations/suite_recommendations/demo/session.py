"""What one visitor has picked and added, and where an added item ranks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from suite import Prediction, SuiteError
from suite_recommendations.data.catalogue import Catalogue
from suite_recommendations.data.history import History

if TYPE_CHECKING:
    from suite import Predictor
    from suite_recommendations.model.model import RecommenderModel


CHOICES = 5000
"""Most popular items the picker offers; more would make the page slow."""


LONGEST = 500
"""Characters of a description that are taken: the encoder reads some 128 tokens."""


MOST_ADDED = 20
"""New items a session may hold, which bounds its memory and time."""


TASTES = 3


FANS = 300
"""Popular items whose fans are asked whether a new item would reach them."""


SHOWN = 10
"""Cards of a list."""


NOTHING = "Pick at least one title you liked."


Added = list[dict[str, str]]
"""A session's new items: records with item, title and text."""


class Place(NamedTuple):
    """Where an item stands for a taste: its rank from 1, among how many that could be shown, and its score."""

    rank: int
    among: int
    score: float


class Session:
    """What the handlers share: the predictor, and its model grown by a visitor's items."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    @property
    def model(self) -> RecommenderModel:
        """The stored model, loaded."""
        model: Any = self.predictor.model
        return model

    def grown(self, added: Added) -> RecommenderModel:
        """A model that answers with the added items in its catalogue too; the stored one where there are none."""
        return self.model.with_items(Catalogue.of(added)) if added else self.model

    def answer(self, liked: Sequence[str], added: Added) -> tuple[RecommenderModel, Prediction]:
        """The list for somebody who liked these ids, oldest first, and the model that gave it.

        Raises `SuiteError` when nothing was picked.
        """
        if not liked:
            raise SuiteError(NOTHING)
        history = [History("you", list(liked), reasons=True)]
        model = self.grown(added)
        return model, self.predictor(history, model=model)[0]


def choices(model: RecommenderModel, added: Added) -> list[tuple[str, str]]:
    """(title, id) pairs for the picker: new items first, then the popular ones by title."""
    popular = model.network.popularity.argsort(descending=True, stable=True)[:CHOICES].tolist()
    new = {entry["item"] for entry in added}
    catalogue = model.catalogue
    known = sorted((catalogue.titles[n], catalogue.ids[n]) for n in popular if catalogue.ids[n] not in new)
    return [(f"{entry['title']} (yours)", entry["item"]) for entry in added] + known


def example_tastes(model: RecommenderModel) -> list[list[int]]:
    """Three tastes made of the data: a well-known item and two that resemble it among the well-known ones."""
    popular = model.network.popularity.argsort(descending=True, stable=True)[:FANS]
    vectors = model.network.text[popular] - model.network.centre
    vectors = vectors / vectors.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    likeness = vectors @ vectors.T
    tastes: list[list[int]] = []
    used: set[int] = set()
    for place in range(len(popular)):
        if place in used or len(tastes) == TASTES:
            continue
        near = [n for n in likeness[place].argsort(descending=True).tolist() if n not in used and n != place][:2]
        # What resembles an example already shown would make for the same example again.
        used |= {place, *likeness[place].topk(min(40, len(popular))).indices.tolist()}
        tastes.append([int(popular[n]) for n in (place, *near)])
    return tastes


def invented_item(title: str, text: str, added: Added) -> dict[str, str]:
    """A catalogue record of what was typed. Raises `SuiteError` where that is nothing, or too much."""
    title, text = title.strip(), text.strip()
    if len(text) > LONGEST:
        raise SuiteError(f"The description has {len(text)} characters and {LONGEST} are read; shorten it.")
    if not title or not text:
        raise SuiteError("Give your item a title and say in a few words what it is like.")
    if len(added) >= MOST_ADDED:
        raise SuiteError(f"A session holds {MOST_ADDED} new items; reload the page to start again.")
    return {"item": f"new-{len(added) + 1}", "title": title, "text": f"{title}. {text}"}


def places_of(model: RecommenderModel, liked: Sequence[str], numbers: Sequence[int]) -> dict[int, Place]:
    """The places of items for a taste, by their numbers."""
    if not numbers:
        return {}
    batch = model.collate([History("you", list(liked))])
    scores = model.all_scores(batch)[0]
    seen = batch["history"][0].numpy()
    if model.config.exclude_seen:
        scores[seen[seen >= 0]] = -np.inf
    among = int(np.isfinite(scores).sum())
    return {n: Place(int((scores > scores[n]).sum()) + 1, among, float(scores[n])) for n in numbers}


def reached(model: RecommenderModel, number: int) -> list[tuple[int, int]]:
    """(item, place): the three popular items after which a new one would be shown highest."""
    popular = model.network.popularity.argsort(descending=True, stable=True)[:FANS]
    popular = popular[popular != number]
    scores = model.all_scores({"history": popular[:, None], "end": popular.new_ones(len(popular))})
    places = (scores > scores[:, number : number + 1]).sum(1) + 1
    first = places.argsort(kind="stable")[:3]
    return [(int(popular[n]), int(places[n])) for n in first.tolist()]
