"""What the demo shows: segments side by side, how sure they are, and which word came from which."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from suite.demo import (
    Content,
    Mark,
    Markup,
    PickList,
    Row,
    card,
    code,
    counted,
    heading,
    join,
    marked,
    meter,
    number,
    paragraph,
    passage,
    percent,
    tag,
    tinted,
    waiting,
)
from suite_translation.strings.tokens import family, tokens

if TYPE_CHECKING:
    from suite_translation.formats import Segment
    from suite_translation.localize.run import Outcome

WELCOME = waiting(
    "The translation appears here",
    "Segment by segment, with how sure the model is. Pick one to see which word came from which, and to put it right.",
)
ORIGINS = {
    "kept": "finished before",
    "memory": "from memory",
    "source": "left as it was",
    "person": "yours",
}
LOW = 0.5
"""Confidence below which the bar is amber: more of such translations need a change than not."""


def page(
    segments: Sequence[Segment], outcomes: Mapping[str, Outcome], language: str, *, more: int = 0, picked: str = ""
) -> Markup:
    """The segments that are shown, in their order; `more` are not, `picked` is the key of the open one."""
    done = sum(segment.key in outcomes for segment in segments)
    doubtful = sum(outcome.fuzzy for outcome in outcomes.values())
    said = f"{done} of {len(segments)} segments" if done < len(segments) else counted(done, "segment")
    rest = paragraph(
        f"{number(more)} more segments stay as they are here; ",
        code("suite translation localize"),
        " translates files of any length.",
        tone="quiet",
    )
    return PickList.rows(
        [_row(segment, outcomes.get(segment.key), language, picked=segment.key == picked) for segment in segments],
        head=heading(tag("b", said), f"{doubtful} to look at" if doubtful else "", live=True),
        foot=rest if more else "",
        halves=True,
        most_height="42rem",
    )


def _row(segment: Segment, outcome: Outcome | None, language: str, *, picked: bool) -> Row:
    target = "…" if outcome is None else tag("span", shown(outcome.target, segment.style), lang=language)
    below = "" if outcome is None else _foot(outcome)
    return Row(shown(segment.source, segment.style), end=target, below=below, strong=picked)


def _foot(outcome: Outcome) -> Markup:
    """How sure, from where, and why to look."""
    bar: Content = ""
    said = ORIGINS.get(outcome.origin, "")
    if outcome.origin == "model":
        bar = meter(outcome.confidence, tone="warn" if outcome.confidence < LOW else "good")
        said = f"{percent(outcome.confidence)} sure"
    why = tinted(" ".join(outcome.why), "warn") if outcome.why else ""
    return join([bar, tinted(said, "quiet"), why])


def shown(text: str, style: str | None) -> Markup:
    """A text with its placeholders marked."""
    slots = [token for token in tokens(text, family(style)) if token.text.strip()]
    return marked(text, [Mark(token.start, token.end, code=True) for token in slots])


def detail(segment: Segment, target: str, links: Sequence[tuple[str, str, float]], language: str) -> Markup:
    """One segment with its words linked: those that light up together came from each other."""
    sources, targets = linked(segment.source, target, links)
    hint = "Point at a word to see which word it came from." if links else ""
    facts = " ".join(part for part in (segment.context and f"Context: {segment.context}.", segment.note) if part)
    return card(
        tag("small", "Source"),
        passage(sources),
        tag("small", "Translation"),
        passage(targets, lang=language),
        *(tag("small", words) for words in (facts, hint) if words),
    )


def linked(source: str, target: str, links: Sequence[tuple[str, str, float]]) -> tuple[Markup, Markup]:
    """Both texts, each linked word a mark of the group that has the number of its source word.

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
    sources = [Mark(*span, group=number) for span, number in numbers.items()]
    targets = [Mark(a, b, "", percent(share), numbers[span]) for a, b, span, share in tos if span in numbers]
    return marked(source, sources), marked(target, targets)


def _apart(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those that do not overlap an earlier one."""
    kept: list[tuple[int, int]] = []
    for span in spans:
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    return kept
