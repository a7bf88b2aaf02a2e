"""The Demo tab: pick what you liked, get ten with reasons; describe something new and see who would be shown it.

What is typed lives in the visitor's session: the stored model never changes. torch is imported by the handlers' first
use of the model, not when the page is built.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

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
SHOWN = 10
"""Cards of a list."""

WELCOME = (
    "<div class='suite-waiting'><b>Your list appears here</b>"
    "<p>Say what you liked, or try one of the examples: ten titles, each with the reason why.</p></div>"
)
NOTHING = "Pick at least one title you liked."

Added = list[dict[str, str]]
"""A session's new items: records with item, title and text."""

STYLE = """<style>
.rec-box { container-type: inline-size; }
.rec-list { display: grid; gap: 0.6rem; }
.rec-box .rec-card { display: grid; grid-template-columns: 2.6rem 1fr 7rem; gap: 0.75rem; align-items: center;
  margin: 0; padding: 0.7rem 0.9rem; border: 1px solid var(--border-color-primary); border-radius: 0.75rem;
  background: var(--block-background-fill); color: var(--body-text-color); }
.rec-box .rec-card.rec-new { border: 2px solid var(--color-accent); }
.rec-box .rec-said { display: block; }
.rec-rank { font-size: 1.15rem; font-weight: 700; text-align: right; color: var(--body-text-color-subdued); }
.rec-new .rec-rank { color: var(--color-accent); }
.rec-card b { font-weight: 700; } .rec-card small { color: var(--body-text-color-subdued); line-height: 1.4; }
.rec-card p { margin: 0.1rem 0 0; line-height: 1.35; } .rec-said .rec-first { font-size: 1.15rem; }
.rec-box .rec-gap { margin: 0; text-align: center; color: var(--body-text-color-subdued); }
.rec-bar { height: 0.4rem; border-radius: 0.2rem; background: var(--border-color-primary); overflow: hidden; }
.rec-bar i { display: block; height: 100%; background: var(--color-accent); }
@container (max-width: 30rem) {
  .rec-box .rec-card { grid-template-columns: 2.2rem 1fr; gap: 0.35rem 0.6rem; padding: 0.6rem 0.7rem; }
  .rec-meter { grid-column: 2; display: flex; gap: 0.6rem; align-items: center; }
  .rec-meter .rec-bar { flex: 1; }
}
</style>"""


class Place(NamedTuple):
    """Where an item stands for a taste: its rank from 1, among how many that could be shown, and its score."""

    rank: int
    among: int
    score: float


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
            raise SuiteError(NOTHING)
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
        with gr.Column(scale=3, min_width=320):
            placed = gr.HTML(WELCOME, elem_id="recommendations-placed", elem_classes="suite-flush")
            shown = gr.HTML(elem_id="recommendations-list", elem_classes="suite-flush")

    def start() -> list[Any]:
        shelf = session.domain.loaded
        chosen = example_tastes(shelf)
        names = [f"Try: {shelf.catalogue.titles[taste[0]]} and alike" for taste in chosen]
        labels = [gr.Button(name, visible=True) for name in names]
        labels += [gr.Button(visible=False)] * (TASTES - len(labels))
        invented = gr.Textbox(value="Steel Comet")
        story = gr.Textbox(value="Space adventure: a young pilot and a stubborn robot race to save a rebel planet")
        return [gr.Dropdown(choices=choices(shelf, [])), chosen, invented, story, *labels]

    def recommend(picked: list[str], new: Added) -> Any:
        if not picked:
            gr.Info(NOTHING, title="")  # an error would be written over the list as well
            return gr.skip()
        return page(*session.answer(picked, new), picked, new)

    def pick(chosen: list[list[int]], new: Added, which: int) -> tuple[list[str], str, str]:
        ids = [session.domain.loaded.catalogue.ids[number] for number in chosen[which]]
        return ids, *recommend(ids, new)

    def invent(picked: list[str], new: Added, name: str, text: str) -> Any:
        if not picked:
            gr.Info(NOTHING, title="")
            return gr.skip()
        new = [*new, invented_item(name, text, new)]
        answering, prediction = session.answer(picked, new)
        options = gr.Dropdown(choices=choices(answering.loaded, new))
        return options, new, *page(answering, prediction, picked, new)

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
    go.click(recommend, [liked, added], [placed, shown], api_visibility="private")
    for number, button in enumerate(buttons):
        index = gr.State(number)
        button.click(pick, [tastes, added, index], [liked, placed, shown], api_visibility="private")
    add.click(invent, [liked, added, title, about], [liked, added, placed, shown], api_visibility="private")
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


def page(domain: RecommendationsDomain, found: Prediction, liked: Sequence[str], added: Added) -> tuple[str, str]:
    """HTML: what to say of the newest item, and the list with the session's items in their places."""
    asked = [domain.loaded.catalogue.numbers[entry["item"]] for entry in added if entry["item"] not in liked]
    places = places_of(domain, liked, asked)
    newest = max(places, default=None)
    said = "" if newest is None else placement(domain.loaded, newest, places[newest])
    return said, cards(domain.loaded, found, places)


def placement(shelf: Shelf, number: int, place: Place) -> str:
    """HTML: where a new item ranks for this taste, what it resembles, and whose fans would be shown it first."""
    from suite_recommendations.inference import neighbours

    titles = [html.escape(title) for title in shelf.catalogue.titles]
    near = ", ".join(titles[n] for n, _ in neighbours(shelf, number, 5))
    fans = "; ".join(f"{titles[n]} (number {rank:,})" for n, rank in reached(shelf, number))
    verdict = "is recommended: number" if place.rank <= SHOWN else "would be number"
    verdict = f"<b>{titles[number]}</b> {verdict} <b>{place.rank:,} of {place.among:,}</b> for you."
    paragraphs = (
        f"<span class='rec-first'>{verdict}</span>",
        f"<small>Most like it: {near}.</small>",
        f"<small>Shown highest to people who just liked {fans}.</small>",
        "<small>Known by its text alone: until it has a history it borrows counts from what it resembles.</small>",
    )
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return f"{STYLE}<div class='rec-box'><div class='rec-card rec-new rec-said'>{body}</div></div>"


def places_of(domain: RecommendationsDomain, liked: Sequence[str], numbers: Sequence[int]) -> dict[int, Place]:
    """The places of items for a taste, by their numbers."""
    import numpy as np

    from suite_recommendations.inference import all_scores

    if not numbers:
        return {}
    batch = domain.collate([History("you", list(liked))])
    scores = all_scores(domain.loaded, batch["history"], batch["end"])[0]
    seen = batch["history"][0].numpy()
    if domain.config.exclude_seen:
        scores[seen[seen >= 0]] = -np.inf
    among = int(np.isfinite(scores).sum())
    return {n: Place(int((scores > scores[n]).sum()) + 1, among, float(scores[n])) for n in numbers}


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


def cards(shelf: Shelf, prediction: Prediction, new: Mapping[int, Place]) -> str:
    """HTML of the first ten, with reason, score and popularity; then the new items below them, in their places."""
    scores = prediction["scores"][:SHOWN]
    if not scores:
        return f"{STYLE}<p>Nothing is left to recommend: everything has been seen.</p>"
    shown = [shelf.catalogue.numbers[item] for item in prediction["items"][:SHOWN]]
    lines = [
        _card(shelf, number, Place(rank, 0, score), scores, prediction["reasons"][rank - 1], new=number in new)
        for rank, (number, score) in enumerate(zip(shown, scores, strict=True), start=1)
    ]
    last = len(shown)
    for number, place in sorted(new.items(), key=lambda entry: entry[1].rank):
        if number not in shown:
            between = place.rank - last - 1
            lines += [f"<div class='rec-gap'>… {between:,} more …</div>"] * (between > 0)
            lines.append(_card(shelf, number, place, scores, "yours, known by its text alone", new=True))
            last = place.rank
    return f"{STYLE}<div class='rec-box'><div role='list' class='rec-list'>{''.join(lines)}</div></div>"


def _card(shelf: Shelf, number: int, place: Place, scores: Sequence[float], reason: str, *, new: bool) -> str:
    """HTML of one item; its bar is measured by the scores of the ten, the lowest of which has 30 % of the width."""
    share = float(shelf.model.popularity[number]) / max(float(shelf.model.popularity.max()), 1.0)
    width = max(3.0, 30 + 70 * (place.score - min(scores)) / max(max(scores) - min(scores), 1e-9))
    title = shelf.catalogue.titles[number]
    text = shelf.catalogue.texts[number].removeprefix(title).lstrip(". ")
    return (
        f"<div role='listitem' class='rec-card{' rec-new' if new else ''}'><span class='rec-rank'>{place.rank:,}</span>"
        f"<div><b>{html.escape(title)}</b> <small>{html.escape(text)}</small>"
        f"<p><small>{html.escape(reason) or 'by the whole history'}</small></p></div>"
        f"<div class='rec-meter' title='score {place.score:.2f}'>"
        f"<div class='rec-bar'><i style='width:{width:.0f}%'></i></div>"
        f"<small>{'new' if new else popularity_word(share)}</small></div></div>"
    )


def popularity_word(share: float) -> str:
    """How popular, in a word; `share` is relative to the most popular item."""
    return "a favourite of many" if share > 0.5 else "well known" if share > 0.15 else "little known"
