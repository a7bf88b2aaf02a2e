"""The Demo tab: pick what you liked, get ten with reasons; describe something new and see who would be shown it.

What is typed lives in the visitor's session: the stored model never changes. torch is imported by the handlers' first
use of the model, not when the page is built.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from suite import Prediction, Predictor, SuiteError
from suite_recommendations.catalogue import Catalogue
from suite_recommendations.examples import History

if TYPE_CHECKING:
    from suite_recommendations.build import Shelf
    from suite_recommendations.domain import RecommendationsDomain

CHOICES = 5000
"""Most popular items the picker offers; more would make the page slow."""
LONGEST = 500
"""Characters of a description that are taken: the encoder reads some 128 tokens."""
MOST_ADDED = 20
"""New items a session may hold, which bounds its memory and time."""
TASTES = 3
FANS = 300
"""Popular items whose fans are asked whether a new item would reach them."""

Added = list[dict[str, str]]
"""A session's new items: records with item, title and text."""

STYLE = """<style>
.rec-list { display: grid; gap: 0.6rem; margin: 0.25rem 0; padding: 0; list-style: none; }
.rec-card { display: grid; grid-template-columns: 2.2rem 1fr 7rem; gap: 0.75rem; align-items: center; margin: 0;
  padding: 0.7rem 0.9rem; border: 1px solid var(--border-color-primary); border-radius: 0.75rem;
  background: var(--block-background-fill); color: var(--body-text-color); }
.rec-card.rec-new { border: 2px solid var(--color-accent); }
.rec-rank { font-size: 1.15rem; font-weight: 700; text-align: right; color: var(--body-text-color-subdued); }
.rec-card b { font-weight: 700; } .rec-card small { color: var(--body-text-color-subdued); line-height: 1.4; }
.rec-card p { margin: 0.1rem 0 0; line-height: 1.35; }
.rec-bar { height: 0.4rem; border-radius: 0.2rem; background: var(--border-color-primary); overflow: hidden; }
.rec-bar i { display: block; height: 100%; background: var(--color-accent); }
</style>"""


class Session:
    """What the handlers share: the predictor, and the shelf grown by a visitor's items."""

    def __init__(self, domain: RecommendationsDomain, predictor: Predictor) -> None:
        self.given, self.predictor = domain, predictor

    @property
    def domain(self) -> RecommendationsDomain:
        """The domain with its model loaded."""
        _ = self.predictor.model
        loaded: Any = self.predictor.domain
        return loaded

    def grown(self, added: Added) -> RecommendationsDomain:
        """A domain that answers with the added items in its catalogue too."""
        if not added:
            return self.domain
        from suite_recommendations.build import with_items

        domain = type(self.domain)(self.domain.config)
        domain.shelf = with_items(self.domain.loaded, Catalogue.of(added))
        return domain

    def answer(self, liked: Sequence[str], added: Added) -> tuple[RecommendationsDomain, Prediction]:
        """The list for somebody who liked these ids, oldest first. Raises `SuiteError` when nothing was picked."""
        if not liked:
            raise SuiteError("Pick at least one title you liked.")
        history = [History("you", list(liked), reasons=True)]
        domain = self.grown(added)
        if domain is self.domain:
            return domain, self.predictor(history)[0]
        import torch

        with torch.no_grad():
            return domain, domain.infer(domain.loaded.model, domain.collate(history))[0]


def build_demo(domain: RecommendationsDomain, predictor: Predictor) -> None:
    """Draws the tab inside an open Blocks."""
    import gradio as gr

    session = Session(domain, predictor)
    added, tastes = gr.State([]), gr.State([])
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            liked = gr.Dropdown(
                label="What did you like? Type to search",
                info="In the order you met them, latest last.",
                choices=[],
                multiselect=True,
                filterable=True,
                elem_id="recommendations-liked",
            )
            buttons = [gr.Button("…", size="sm", visible=False) for _ in range(TASTES)]
            go = gr.Button("Recommend", variant="primary")
            with gr.Group():
                title = gr.Textbox(label="A title that does not exist", max_length=120)
                about = gr.Textbox(label="What is it like? Genres, plot, anything", lines=2, max_length=LONGEST)
            add = gr.Button("Add it to the catalogue and see")
        with gr.Column(scale=3, min_width=360):
            placed = gr.HTML(elem_id="recommendations-placed")
            shown = gr.HTML(elem_id="recommendations-list")

    def start() -> list[Any]:
        shelf = session.domain.loaded
        chosen = example_tastes(shelf)
        names = [f"Try: {shelf.catalogue.titles[taste[0]]} and alike" for taste in chosen]
        labels = [gr.Button(name, visible=True) for name in names]
        labels += [gr.Button(visible=False)] * (TASTES - len(labels))
        invented = gr.Textbox(value="Steel Comet")
        story = gr.Textbox(value="Space adventure: a young pilot and a stubborn robot race to save a rebel planet")
        return [gr.Dropdown(choices=choices(shelf, [])), chosen, invented, story, *labels]

    def recommend(picked: list[str], new: Added) -> str:
        answering, prediction = session.answer(picked, new)
        return cards(answering.loaded, prediction, {entry["item"] for entry in new})

    def pick(chosen: list[list[int]], new: Added, which: int) -> tuple[list[str], str]:
        ids = [session.domain.loaded.catalogue.ids[number] for number in chosen[which]]
        return ids, recommend(ids, new)

    def invent(picked: list[str], new: Added, name: str, text: str) -> tuple[Any, Added, str, str]:
        entry = invented_item(name, text, new)
        new = [*new, entry]
        answering, prediction = session.answer(picked, new)
        page = cards(answering.loaded, prediction, {item["item"] for item in new})
        where = placement(answering, picked, entry["item"])
        return gr.Dropdown(choices=choices(answering.loaded, new)), new, page, where

    def recommend_api(items: list[str], count: int = 10) -> list[dict[str, Any]]:
        """Recommends for somebody who liked these items (ids or titles, oldest first)."""
        _, prediction = session.answer(items, [])
        columns = zip(prediction["items"], prediction["titles"], prediction["scores"], strict=True)
        reasons = prediction["reasons"] + [""] * len(prediction["items"])
        return [
            {"item": item, "title": name, "score": score, "reason": reason}
            for (item, name, score), reason in zip(columns, reasons, strict=False)
        ][: max(0, count)]

    gr.on(None, start, None, [liked, tastes, title, about, *buttons], api_visibility="private", show_progress="minimal")
    go.click(recommend, [liked, added], shown, api_visibility="private")
    for number, button in enumerate(buttons):
        index = gr.State(number)
        button.click(pick, [tastes, added, index], [liked, shown], api_visibility="private")
    add.click(invent, [liked, added, title, about], [liked, added, shown, placed], api_visibility="private")
    gr.api(recommend_api, api_name="recommendations_recommend")


def choices(shelf: Shelf, added: Added) -> list[tuple[str, str]]:
    """(title, id) pairs for the picker: new items first, then the popular ones by title."""
    popular = shelf.model.popularity.argsort(descending=True, stable=True)[:CHOICES].tolist()
    new = {entry["item"] for entry in added}
    catalogue = shelf.catalogue
    known = sorted((catalogue.titles[n], catalogue.ids[n]) for n in popular if catalogue.ids[n] not in new)
    return [(f"{entry['title']} (yours)", entry["item"]) for entry in added] + known


def example_tastes(shelf: Shelf) -> list[list[int]]:
    """Three tastes made of the data: a well-known item and two that resemble it among the well-known ones."""
    import torch

    popular = shelf.model.popularity.argsort(descending=True, stable=True)[:FANS]
    vectors = torch.nn.functional.normalize(shelf.model.text[popular] - shelf.model.centre, dim=-1)
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
    title, text = title.strip(), text.strip()[:LONGEST]
    if not title or not text:
        raise SuiteError("Give your item a title and say in a few words what it is like.")
    if len(added) >= MOST_ADDED:
        raise SuiteError(f"A session holds {MOST_ADDED} new items; reload the page to start again.")
    return {"item": f"new-{len(added) + 1}", "title": title, "text": f"{title}. {text}"}


def placement(domain: RecommendationsDomain, liked: Sequence[str], item: str) -> str:
    """HTML: where a new item ranks for this taste, what it resembles, and whose fans would be shown it first."""
    from suite_recommendations.inference import neighbours

    shelf = domain.loaded
    catalogue, number = shelf.catalogue, shelf.catalogue.numbers[item]
    rank, among = rank_of(domain, liked, number)
    near = ", ".join(html.escape(catalogue.titles[n]) for n, _ in neighbours(shelf, number, 5))
    fans = "; ".join(f"{html.escape(catalogue.titles[n])} (place {place})" for n, place in reached(shelf, number))
    paragraphs = (
        f"<b>{html.escape(catalogue.titles[number])}</b> is place <b>{rank:,}</b> of {among:,} for this taste.",
        f"<small>Most like it: {near}.</small>",
        f"<small>Who would be shown it first: people who just liked {fans}.</small>",
        "<small>Known by its text alone: until it has a history it borrows counts from what it resembles.</small>",
    )
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return f"{STYLE}<div class='rec-card rec-new' style='display:block'>{body}</div>"


def rank_of(domain: RecommendationsDomain, liked: Sequence[str], number: int) -> tuple[int, int]:
    """An item's place for a taste, and among how many that could be shown."""
    import numpy as np

    from suite_recommendations.inference import all_scores

    batch = domain.collate([History("you", list(liked))])
    scores = all_scores(domain.loaded, batch["history"], batch["end"])[0]
    seen = batch["history"][0].numpy()
    if domain.config.exclude_seen:
        scores[seen[seen >= 0]] = -np.inf
    return int((scores > scores[number]).sum()) + 1, int(np.isfinite(scores).sum())


def reached(shelf: Shelf, number: int) -> list[tuple[int, int]]:
    """(item, place): the three popular items after which a new one would be shown highest."""
    import torch

    from suite_recommendations.inference import all_scores

    popular = shelf.model.popularity.argsort(descending=True, stable=True)[:FANS]
    popular = popular[popular != number]
    scores = torch.from_numpy(all_scores(shelf, popular[:, None], torch.ones_like(popular)))
    places = (scores > scores[:, number : number + 1]).sum(1) + 1
    first = places.argsort(stable=True)[:3]
    return [(int(popular[n]), int(places[n])) for n in first]


def cards(shelf: Shelf, prediction: Prediction, new: set[str]) -> str:
    """HTML of the first ten, with score, reason and how popular each is."""
    scores = prediction["scores"][:10]
    if not scores:
        return f"{STYLE}<p>Nothing is left to recommend: everything has been seen.</p>"
    low, high = min(scores), max(scores)
    most = max(float(shelf.model.popularity.max()), 1.0)
    lines = []
    for place, item in enumerate(prediction["items"][:10]):
        number = shelf.catalogue.numbers[item]
        share = float(shelf.model.popularity[number]) / most
        width = 30 + 70 * (scores[place] - low) / max(high - low, 1e-9)
        text = shelf.catalogue.texts[number].removeprefix(shelf.catalogue.titles[number]).lstrip(". ")
        lines.append(
            f"<li class='rec-card{' rec-new' if item in new else ''}'><span class='rec-rank'>{place + 1}</span><div>"
            f"<b>{html.escape(prediction['titles'][place])}</b> <small>{html.escape(text)}</small>"
            f"<p><small>{html.escape(prediction['reasons'][place]) or 'by the whole history'}</small></p></div>"
            f"<div title='score {scores[place]:.2f}'><div class='rec-bar'><i style='width:{width:.0f}%'></i></div>"
            f"<small>{popularity_word(share)}</small></div></li>"
        )
    return f"{STYLE}<ol class='rec-list'>{''.join(lines)}</ol>"


def popularity_word(share: float) -> str:
    """How popular, in a word; `share` is relative to the most popular item."""
    return "a favourite of many" if share > 0.5 else "well known" if share > 0.15 else "little known"
