"""What the page shows of a list, as HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from suite import Prediction
from suite_recommendations.demo.session import SHOWN, Place, reached

if TYPE_CHECKING:
    from suite_recommendations.model.build import Shelf


WELCOME = (
    "<div class='suite-waiting'><b>Your list appears here</b>"
    "<p>Say what you liked, or try one of the examples: ten titles, each with the reason why.</p></div>"
)


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


def placement(shelf: Shelf, number: int, place: Place) -> str:
    """HTML: where a new item ranks for this taste, what it resembles, and whose fans would be shown it first."""
    from suite_recommendations.model.inference import neighbours

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
