"""HTML of the demo: segments side by side, how sure they are, and which word came from which."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from suite_translation.strings.tokens import family, tokens

if TYPE_CHECKING:
    from suite_translation.formats import Segment
    from suite_translation.localize.run import Outcome

STYLE = """<style>
.tr-box { container-type: inline-size; color: var(--body-text-color); }
.tr-box small, .tr-box .tr-quiet { color: var(--body-text-color-subdued); }
.tr-card { border: 1px solid var(--border-color-primary); border-radius: 0.85rem; padding: 0.9rem 1.1rem;
  background: var(--block-background-fill); }
.tr-head { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; justify-content: space-between; align-items: baseline;
  margin: 0 0 0.6rem; line-height: 1.5; }
.tr-list { display: grid; gap: 0.5rem; max-height: 42rem; overflow-y: auto; padding: 2px; }
.tr-box button.tr-row { display: grid; grid-template-columns: 1fr 1fr; gap: 0.35rem 1.1rem; width: 100%;
  text-align: left; font: inherit; font-weight: 400; font-size: 1rem; line-height: 1.5; color: inherit; cursor: pointer;
  margin: 0; padding: 0.65rem 0.9rem; border: 1px solid var(--border-color-primary); border-radius: 0.75rem;
  background: var(--block-background-fill); white-space: pre-wrap; overflow-wrap: anywhere; }
.tr-box button.tr-row:hover, .tr-box button.tr-row:focus-visible { border-color: var(--color-accent);
  background: var(--block-background-fill) !important; }
.tr-box button.tr-row.tr-on { border-color: var(--color-accent); box-shadow: inset 4px 0 var(--color-accent); }
.tr-box .tr-source, .tr-box .tr-foot span:not(.tr-why) { color: var(--body-text-color-subdued); }
.tr-foot { grid-column: 2; display: flex; flex-wrap: wrap; gap: 0.2rem 0.6rem; align-items: center;
  font-size: 0.85rem; line-height: 1.4; color: var(--body-text-color-subdued); white-space: normal; }
.tr-meter { display: inline-block; width: 3.2rem; height: 0.35rem; border-radius: 0.2rem; overflow: hidden;
  background: var(--border-color-primary); }
.tr-meter i { display: block; height: 100%; background: #0f766e; }
.tr-meter.tr-low i { background: #b7791f; }
.tr-why { color: #8a5a00 !important; } .dark .tr-why { color: #f0c36d !important; }
.tr-box code.tr-slot { font-family: var(--font-mono); font-size: 0.88em; padding: 0.05em 0.3em; border: 0;
  border-radius: 0.3rem; background: var(--neutral-100); color: inherit; display: inline-block; max-width: 100%;
  line-height: 1.35; white-space: pre-wrap; overflow-wrap: anywhere; }
.dark .tr-box code.tr-slot { background: var(--neutral-700); }
.tr-line { font-size: 1.12rem; line-height: 1.75; margin: 0.15rem 0 0.55rem; white-space: pre-wrap;
  overflow-wrap: anywhere; }
.tr-line b { font-weight: 400; border-radius: 0.25rem; padding: 0.08em 0.12em; cursor: default;
  border-bottom: 2px solid var(--border-color-primary); }
.tr-line b.tr-lit { background: var(--primary-200); border-color: var(--color-accent); }
.dark .tr-line b.tr-lit { background: var(--primary-800); }
.tr-detail p { margin: 0; }
@container (max-width: 30rem) {
  .tr-box button.tr-row { grid-template-columns: 1fr; }
  .tr-foot { grid-column: 1; }
}
</style>"""
WELCOME = (
    f"{STYLE}<div class='suite-waiting'><b>The translation appears here</b>"
    "<p>Segment by segment, with how sure the model is. Pick one to see which word came from "
    "which, and to put it right.</p></div>"
)
ORIGINS = {
    "kept": "finished before",
    "memory": "from memory",
    "source": "left as it was",
    "person": "yours",
}
LOW = 0.5
"""Confidence below which the bar is amber: more of such translations need a change than not."""


def percent(share: float) -> str:
    """A probability in words that never promise certainty.

    >>> percent(0.9996), percent(0.5), percent(0.004)
    ('> 99 %', '50 %', '< 1 %')
    """
    if share >= 0.995:
        return "> 99 %"
    return "< 1 %" if share < 0.01 else f"{100 * share:.0f} %"


def page(
    segments: Sequence[Segment], outcomes: Mapping[str, Outcome], language: str, *, more: int = 0, picked: str = ""
) -> str:
    """HTML of the segments that are shown, in their order; `more` are not, `picked` is the key of the open one."""
    done = sum(segment.key in outcomes for segment in segments)
    doubtful = sum(outcome.fuzzy for outcome in outcomes.values())
    said = f"{done} of {len(segments)} segments" if done < len(segments) else f"{done} segment{'s' * (done != 1)}"
    marked = f"<span class='tr-quiet'>{doubtful} to look at</span>" if doubtful else ""
    rest = (
        f"<p class='tr-quiet'>{more:,} more segments stay as they are here; <code>suite translation localize</code> "
        "translates files of any length.</p>"
        if more
        else ""
    )
    rows = "".join(
        _row(place, segment, outcomes.get(segment.key), language, picked=segment.key == picked)
        for place, segment in enumerate(segments)
    )
    return (
        f"{STYLE}<div class='tr-box'><div class='tr-head' role='status'><b>{said}</b>{marked}</div>"
        f"<div class='tr-list'>{rows}</div>{rest}</div>"
    )


def _row(place: int, segment: Segment, outcome: Outcome | None, language: str, *, picked: bool) -> str:
    target = "<span class='tr-quiet'>…</span>" if outcome is None else shown(outcome.target, segment.style)
    code = html.escape(language, quote=True)
    return (
        f"<button type='button' class='tr-row{' tr-on' if picked else ''}' data-row='{place}'>"
        f"<span class='tr-source' dir='auto'>{shown(segment.source, segment.style)}</span>"
        f"<span class='tr-target' dir='auto' lang='{code}'>{target}</span>{'' if outcome is None else _foot(outcome)}"
        "</button>"
    )


def _foot(outcome: Outcome) -> str:
    """How sure, from where, and why to look."""
    if outcome.origin == "model":
        low = " tr-low" if outcome.confidence < LOW else ""
        width = max(2, round(100 * outcome.confidence))
        who = (
            f"<span class='tr-meter{low}' aria-hidden='true'><i style='width:{width}%'></i></span>"
            f"<span>{percent(outcome.confidence)} sure</span>"
        )
    else:
        who = f"<span>{ORIGINS[outcome.origin]}</span>"
    why = f"<span class='tr-why'>{html.escape(' '.join(outcome.why))}</span>" if outcome.why else ""
    return f"<span class='tr-foot'>{who}{why}</span>"


def shown(text: str, style: str | None) -> str:
    """HTML of a text with its placeholders marked."""
    pieces, at = [], 0
    for token in tokens(text, family(style)):
        if token.text.strip():
            pieces += [html.escape(text[at : token.start]), f"<code class='tr-slot'>{html.escape(token.text)}</code>"]
            at = token.end
    return "".join(pieces) + html.escape(text[at:])


def detail(segment: Segment, target: str, links: Sequence[tuple[str, str, float]], language: str) -> str:
    """HTML of one segment with its words linked: those that light up together came from each other."""
    sources, targets = linked(segment.source, target, links)
    hint = "Point at a word to see which word it came from." if links else ""
    facts = " ".join(part for part in (segment.context and f"Context: {segment.context}.", segment.note) if part)
    about = f"<p><small>{html.escape(facts)}</small></p>" if facts else ""
    code = html.escape(language, quote=True)
    return (
        f"<div class='tr-box'><div class='tr-card tr-detail'><small>Source</small>"
        f"<div class='tr-line tr-from' dir='auto'>{sources}</div><small>Translation</small>"
        f"<div class='tr-line tr-to' dir='auto' lang='{code}'>{targets}</div>{about}"
        f"<p><small>{hint}</small></p></div></div>"
    )


def linked(source: str, target: str, links: Sequence[tuple[str, str, float]]) -> tuple[str, str]:
    """HTML of both texts, each linked word a `b` with the number of its source word as `data-n`.

    `links` has, in the order of the target, a source word, a target word, and from 0 to 1 how sure the link is. Words
    not found in the texts as they are written stay unmarked; equal source words are taken in their order.
    """
    froms: dict[tuple[int, int], None] = {}
    used: Counter[str] = Counter()
    tos: list[tuple[int, int, tuple[int, int], float]] = []
    at = 0
    for said, word, share in links:
        place = target.find(word, at)
        spans = [match.span() for match in re.finditer(re.escape(said), source)] if said else []
        if not word or place < 0 or not spans:
            continue
        at, span = place + len(word), spans[min(used[said], len(spans) - 1)]
        used[said] += 1
        froms[span] = None
        tos.append((place, at, span, share))
    numbers = {span: number for number, span in enumerate(_apart(sorted(froms)))}
    return (
        _spanned(source, [(*span, number, "") for span, number in numbers.items()]),
        _spanned(
            target, [(a, b, numbers[span], f"{100 * share:.0f} %") for a, b, span, share in tos if span in numbers]
        ),
    )


def _apart(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those that do not overlap an earlier one."""
    kept: list[tuple[int, int]] = []
    for span in spans:
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    return kept


def _spanned(text: str, spans: Sequence[tuple[int, int, int, str]]) -> str:
    pieces, at = [], 0
    for start, end, number, title in spans:
        said = f" title='{title}'" if title else ""
        pieces += [html.escape(text[at:start]), f"<b data-n='{number}'{said}>{html.escape(text[start:end])}</b>"]
        at = end
    return "".join(pieces) + html.escape(text[at:])


def stored(count: int) -> str:
    """Markdown after a correction was kept."""
    word = "correction" if count == 1 else "corrections"
    return (
        f"Kept: {count} {word} so far. Equal texts get it from now on, here and in `suite translation localize`; to "
        "learn from them: `suite translation train --data corrections:`"
    )
