"""What the page shows of a list, as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from suite import Prediction
from suite.demo import Content, Markup, Row, card, join, meter, number, passage, rows, tag, waiting
from suite_recommendations.demo.session import SHOWN, Place, reached

if TYPE_CHECKING:
    from suite_recommendations.model.model import RecommenderModel

WELCOME = waiting(
    "Your list appears here", "Say what you liked, or try one of the examples: ten titles, each with the reason why."
)


def placement(model: RecommenderModel, item: int, place: Place) -> Markup:
    """Where a new item ranks for this taste, what it resembles, and whose fans would be shown it first."""
    titles = model.catalogue.titles
    near = ", ".join(titles[n] for n, _ in model.neighbours(item, 5))
    fans = "; ".join(f"{titles[n]} (number {number(rank)})" for n, rank in reached(model, item))
    verdict = "is recommended: number" if place.rank <= SHOWN else "would be number"
    rank = tag("b", f"{number(place.rank)} of {number(place.among)}")
    return card(
        passage(join([tag("b", titles[item]), f" {verdict} ", rank, " for you."])),
        tag("small", f"Most like it: {near}."),
        tag("small", f"Shown highest to people who just liked {fans}."),
        tag("small", "Known by its text alone: until it has a history it borrows counts from what it resembles."),
        tone="accent",
    )


def cards(model: RecommenderModel, prediction: Prediction, new: Mapping[int, Place]) -> Markup:
    """The first ten, with reason, score and popularity; then the new items below them, in their places."""
    scores = prediction["scores"][:SHOWN]
    if not scores:
        return waiting("Nothing is left to recommend", "Everything has been seen.")
    shown = [model.catalogue.numbers[item] for item in prediction["items"][:SHOWN]]
    lines: list[Row | Content] = [
        _row(model, item, Place(rank, 0, score), scores, prediction["reasons"][rank - 1], new=item in new)
        for rank, (item, score) in enumerate(zip(shown, scores, strict=True), start=1)
    ]
    last = len(shown)
    for item, place in sorted(new.items(), key=lambda entry: entry[1].rank):
        if item not in shown:
            between = place.rank - last - 1
            lines += [f"… {number(between)} more …"] * (between > 0)
            lines.append(_row(model, item, place, scores, "yours, known by its text alone", new=True))
            last = place.rank
    return rows(lines, label="Recommendations", lead="2.2rem", end="8rem")


def _row(model: RecommenderModel, item: int, place: Place, scores: Sequence[float], reason: str, *, new: bool) -> Row:
    """One item; its meter is measured by the scores of the ten, the lowest of which has 30 % of the width."""
    popularity = float(model.network.popularity[item]) / max(float(model.network.popularity.max()), 1.0)
    share = max(0.03, 0.3 + 0.7 * (place.score - min(scores)) / max(max(scores) - min(scores), 1e-9))
    title = model.catalogue.titles[item]
    text = model.catalogue.texts[item].removeprefix(title).lstrip(". ")
    why = tag("small", reason or "by the whole history")
    word = tag("small", "new" if new else popularity_word(popularity))
    return Row(
        join([tag("b", title), " ", tag("small", text), tag("br"), why]),
        lead=tag("b", number(place.rank)),
        end=tag("span", meter(share), word, title=f"score {number(place.score, 2)}"),
        strong=new,
    )


def popularity_word(share: float) -> str:
    """How popular, in a word; `share` is relative to the most popular item."""
    return "a favourite of many" if share > 0.5 else "well known" if share > 0.15 else "little known"
