"""HTML of the queue: figures, the curve of what a capacity saves, alerts, and one transaction in detail."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from suite_fraud.serving.queue import Key, Queue, Savings, key

STYLE = """<style>
.fraud-box { container-type: inline-size; color: var(--body-text-color); }
.fraud-box small, .fraud-box .fraud-quiet { color: var(--body-text-color-subdued); }
.fraud-card { border: 1px solid var(--border-color-primary); border-radius: 0.85rem; padding: 0.9rem 1.1rem;
  background: var(--block-background-fill); }
.fraud-tiles { display: grid; grid-template-columns: repeat(5, 1fr); gap: 0.6rem; }
.fraud-tiles > div { padding: 0.7rem 0.9rem; }
.fraud-tiles b { display: block; font-size: 1.4rem; line-height: 1.25; font-weight: 700;
  font-variant-numeric: tabular-nums; }
.fraud-box small { font-size: 0.85rem !important; }
.fraud-tiles .fraud-good b { color: #0f766e !important; }
.dark .fraud-tiles .fraud-good b { color: #5eead4 !important; }
.fraud-tiles .fraud-bad b { color: #b42318 !important; }
.dark .fraud-tiles .fraud-bad b { color: #fda29b !important; }
.fraud-plots { display: grid; grid-template-columns: 1fr 1fr; gap: 0.6rem; margin-top: 0.6rem; }
.fraud-plots figure { margin: 0 !important; display: flex; flex-direction: column; justify-content: space-between; }
.fraud-plots figcaption { font-size: 0.9rem; line-height: 1.45; }
.fraud-plots svg { display: block; width: 100%; height: auto; margin-top: 0.4rem; overflow: visible; }
.fraud-plots text { font-size: 12px; fill: var(--body-text-color-subdued); }
.fraud-line { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
.fraud-axis { stroke: var(--border-color-primary); stroke-width: 1; }
.fraud-mark { stroke: var(--body-text-color); stroke-width: 1.5; stroke-dasharray: 4 3; }
.fraud-head { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; justify-content: space-between; align-items: baseline;
  margin: 0 0 0.6rem; line-height: 1.5; }
.fraud-list { display: grid; gap: 0.5rem; }
.fraud-box button.fraud-alert { display: grid; grid-template-columns: 4.6rem 1fr auto; gap: 0.25rem 0.9rem; width: 100%;
  align-items: center; text-align: left; font: inherit; font-weight: 400; font-size: 1rem; color: inherit;
  cursor: pointer; margin: 0;
  padding: 0.65rem 0.9rem; border: 1px solid var(--border-color-primary); border-radius: 0.75rem;
  background: var(--block-background-fill); line-height: 1.4; }
.fraud-box button.fraud-alert:hover, .fraud-box button.fraud-alert:focus-visible { border-color: var(--color-accent);
  background: var(--block-background-fill) !important; }
.fraud-box button.fraud-alert.fraud-on { border-color: var(--color-accent);
  box-shadow: inset 4px 0 var(--color-accent); }
.fraud-odds b { display: block; font-variant-numeric: tabular-nums; }
.fraud-bar { display: block; height: 0.35rem; border-radius: 0.2rem; background: var(--border-color-primary);
  overflow: hidden; }
.fraud-bar i { display: block; height: 100%; background: #d14343; }
.fraud-amount { font-weight: 700; text-align: right; font-variant-numeric: tabular-nums; }
.fraud-who { overflow-wrap: anywhere; }
.fraud-chips { grid-column: 2 / -1; display: flex; flex-wrap: wrap; gap: 0.3rem; }
.fraud-chip { font-size: 0.82rem; line-height: 1.35; padding: 0.1rem 0.55rem; border-radius: 0.6rem;
  background: var(--background-fill-secondary); border: 1px solid var(--border-color-primary);
  overflow-wrap: anywhere; }
.fraud-badge { font-size: 0.82rem; font-weight: 700; padding: 0.05rem 0.5rem; border-radius: 0.6rem;
  color: white !important;
  white-space: nowrap; }
.fraud-badge-1 { background: #b42318; } .fraud-badge-0 { background: #0f766e; }
.fraud-detail h3 { margin: 0 0 0.2rem !important; font-size: 1.15rem; overflow-wrap: anywhere; }
.fraud-detail p { margin: 0 0 0.6rem; line-height: 1.5; }
.fraud-detail .fraud-chips { margin-bottom: 0.9rem; }
.fraud-past { display: grid; grid-template-columns: auto minmax(2rem, 1fr) auto; gap: 0.3rem 0.7rem;
  font-size: 0.88rem; line-height: 1.4; align-items: center; margin-top: 0.4rem; }
.fraud-past span { font-variant-numeric: tabular-nums; }
.fraud-past .fraud-bar i { background: var(--body-text-color-subdued); }
.fraud-past .fraud-this { font-weight: 700; color: #b42318; } .dark .fraud-past .fraud-this { color: #fda29b; }
.fraud-past .fraud-this i { background: #d14343; }
#fraud-side { position: sticky; top: 1rem; align-self: flex-start; }
@container (max-width: 36rem) {
  .fraud-tiles { grid-template-columns: repeat(2, 1fr); }
  .fraud-tiles > :last-child:nth-child(odd) { grid-column: 1 / -1; }
  .fraud-plots { grid-template-columns: 1fr; }
  .fraud-chips { grid-column: 1 / -1; }
}
@media (max-width: 820px) {
  #fraud-side { position: static; order: -1; }
  #fraud-detail .suite-waiting { display: none; }
}
</style>"""
WAITING = (
    f"{STYLE}<div class='suite-waiting'><b>Opening the example week …</b>"
    "<p>A bank that does not exist: its portfolio is being made up and scored.</p></div>"
)
PICK = (
    "<div class='suite-waiting'><b>Pick an alert</b>"
    "<p>Its reasons and the customer's last transactions appear here, and you say what it is.</p></div>"
)
SAID = {1: "fraud", 0: "fine"}
_WIDTH, _HEIGHT, _LEFT, _FOOT = 430, 140, 8, 22
"""Of a curve, in pixels of a screen on which two fit beside each other."""


def percent(share: float) -> str:
    """A probability in words that never promise certainty.

    >>> percent(0.9996), percent(0.5), percent(0.004)
    ('> 99 %', '50 %', '< 1 %')
    """
    if share >= 0.995:
        return "> 99 %"
    return "< 1 %" if share < 0.01 else f"{100 * share:.0f} %"


def money(amount: float) -> str:
    """Whole units, thousands separated; the currency is the table's."""
    return f"{amount:,.0f}".replace("-", "−")


def figures(queue: Queue, found: Savings | None, capacity: int, review_cost: float) -> str:
    """Tiles of what the slider's place means, and the curves around it; without labels nobody knows."""
    alerts = len(queue.first(capacity))
    if found is None:
        cost = _tile(money(alerts * review_cost), "review cost")
        note = (
            "<p class='fraud-quiet'>What they save is unknown: no transaction of this file has a label. Give it a "
            "column <i>label</i> (1 fraud, 0 legitimate) to see money saved and frauds missed.</p>"
        )
        return (
            f"<div class='fraud-box'><div class='fraud-tiles'>{_tile(f'{alerts:,}', 'alerts')}{cost}</div>{note}</div>"
        )
    at = capacity - 1
    precision = found.found[at] / max(found.alerts[at], 1)
    tiles = [
        _tile(money(found.saved[at]), "money saved", "fraud-good" if found.saved[at] >= 0 else "fraud-bad"),
        _tile(f"{found.found[at]:,}", "frauds found"),
        _tile(f"{found.missed[at]:,}", f"missed, worth {money(found.money_missed[at])}", "fraud-bad"),
        _tile(percent(precision), f"precision of {found.alerts[at]:,} alerts"),
        _tile(money(found.alerts[at] * review_cost), f"review cost at {review_cost:g} each"),
    ]
    known, every = int(queue.known.sum()), len(queue.where)
    partly = f"<small>Labels are known of {known:,} among {every:,} transactions.</small>" if known < every else ""
    plots = f"<div class='fraud-plots'>{_saved(found, capacity)}{_missed(found, capacity)}</div>"
    return f"<div class='fraud-box'><div class='fraud-tiles'>{''.join(tiles)}</div>{partly}{plots}</div>"


def _tile(value: str, what: str, tone: str = "") -> str:
    return f"<div class='fraud-card {tone}'><b>{value}</b><small>{what}</small></div>"


def _saved(found: Savings, capacity: int) -> str:
    best, at = found.best, capacity - 1
    if capacity > best:
        said = f"{capacity - best:,} fewer a day would save {money(found.saved[best - 1] - found.saved[at])} more."
    elif capacity < best:
        said = f"{best - capacity:,} more a day would save {money(found.saved[best - 1] - found.saved[at])} more."
    else:
        said = "This is that place."
    caption = f"<b>Money saved</b> by alerts a day. One more stops paying at <b>{best:,}</b>. {said}"
    return _plot(caption, found.saved, capacity, "#0f9488", best=best)


def _missed(found: Savings, capacity: int) -> str:
    caption = f"<b>Frauds missed</b> by alerts a day: {found.missed[capacity - 1]:,} at {capacity:,}."
    return _plot(caption, found.missed, capacity, "#d14343")


def _plot(caption: str, values: Sequence[float] | Any, capacity: int, colour: str, *, best: int = 0) -> str:
    """A figure with a line over 1, 2, ... alerts a day, the slider's place marked, and the best one with a ring."""
    low, high = min(0.0, float(min(values))), max(float(max(values)), 1.0)
    count, inner = len(values), _WIDTH - 2 * _LEFT

    def x(k: int) -> float:
        return _LEFT + inner * (k - 1) / max(count - 1, 1)

    def y(value: float) -> float:
        return 14 + (_HEIGHT - 14 - _FOOT) * (high - value) / (high - low)

    line = " ".join(f"{x(k):.1f},{y(value):.1f}" for k, value in enumerate(values, 1))
    here, floor = float(values[capacity - 1]), _HEIGHT - _FOOT
    side = "end" if x(capacity) > _WIDTH * 0.7 else "start"
    ring = (
        f"<circle cx='{x(best):.1f}' cy='{y(values[best - 1]):.1f}' r='5.5' fill='none' stroke='{colour}' \
stroke-width='2'/>"
        if best
        else ""
    )
    return (
        f"<figure class='fraud-card'><figcaption>{caption}</figcaption>"
        f"<svg viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img' aria-label='Curve over alerts a day'>"
        f"<line class='fraud-axis' x1='{_LEFT}' x2='{_WIDTH - _LEFT}' y1='{y(0):.1f}' y2='{y(0):.1f}'/>"
        f"<polyline class='fraud-line' style='stroke:{colour}' points='{line}'/>{ring}"
        f"<line class='fraud-mark' x1='{x(capacity):.1f}' x2='{x(capacity):.1f}' y1='6' y2='{floor}'/>"
        f"<circle cx='{x(capacity):.1f}' cy='{y(here):.1f}' r='4.5' fill='{colour}'/>"
        f"<text x='{x(capacity) + (-7 if side == 'end' else 7):.1f}' y='{floor - 8}' text-anchor='{side}'>"
        f"{capacity:,} a day: {money(here)}</text>"
        f"<text x='{_LEFT}' y='{_HEIGHT - 5}'>1</text>"
        f"<text x='{_WIDTH - _LEFT}' y='{_HEIGHT - 5}' text-anchor='end'>{count:,} a day</text></svg></figure>"
    )


def alerts(
    queue: Queue, rows: Sequence[int], told: Sequence[Sequence[str]], known: Mapping[Key, int], *, of: int, picked: int
) -> str:
    """The list of rows, most suspicious first, with what was decided; `of` is how many the capacity allows."""
    cards = "".join(
        _alert(queue, row, why, known.get(key(queue.record(row))), on=row == picked)
        for row, why in zip(rows, told, strict=True)
    )
    done = sum(one in queue.keys for one in known)
    source = html.escape(queue.source)
    head = (
        f"<p class='fraud-head'><span><b>{len(rows):,} of {of:,} alerts</b>, most suspicious first</span>"
        f"<span class='fraud-quiet'>{source}: {len(queue.where):,} transactions, {done:,} decided</span></p>"
    )
    return f"<div class='fraud-box'>{head}<div class='fraud-list'>{cards}</div></div>"


def _alert(queue: Queue, row: int, why: Sequence[str], said: int | None, *, on: bool) -> str:
    record, chance = queue.record(row), float(queue.probability[row])
    marks = f"{' fraud-on' if on else ''}{' fraud-told' if said is not None else ''}"
    return (
        f"<button type='button' class='fraud-alert{marks}' data-row='{row}'>"
        f"<span class='fraud-odds'><b>{percent(chance)}</b>{_bar(chance)}</span>"
        f"<span class='fraud-who'><b>{html.escape(record['entity'])}</b>{_whom(record)} {_badge(said)}<br>"
        f"<small>{_when(record)}</small></span><span class='fraud-amount'>{record['amount']:,.2f}</span>"
        f"<span class='fraud-chips'>{_chips(why)}</span></button>"
    )


def detail(queue: Queue, row: int, why: Sequence[str], said: int | None) -> str:
    """One alert: its reasons, the customer's last ten transactions, and, once decided, what the label says."""
    record, chance = queue.record(row), float(queue.probability[row])
    verdict = ""
    if said is not None:
        truth = queue.label(row)
        label = f" The table's label: {SAID[truth]}." if truth >= 0 else ""
        verdict = f"<p>{_badge(said)} You said so; it is stored.{label}</p>"
    past = queue.history(row)
    largest = max((abs(one["amount"]) for one in past), default=1.0) or 1.0
    lines = "".join(
        _past(one, abs(one["amount"]) / largest, this=place == len(past) - 1) for place, one in enumerate(past)
    )
    return (
        "<div class='fraud-box'><div class='fraud-card fraud-detail'>"
        f"<h3>{html.escape(record['entity'])}{_whom(record)}</h3>"
        f"<p><b>{record['amount']:,.2f}</b> on {_when(record)}, fraud with <b>{percent(chance)}</b></p>{verdict}"
        f"<div class='fraud-chips'>{_chips(why)}</div>"
        f"<small>This customer's last {len(past)} transactions, this one last</small>"
        f"<div class='fraud-past'>{lines}</div></div></div>"
    )


def _past(record: Mapping[str, Any], share: float, *, this: bool) -> str:
    mark = " class='fraud-this'" if this else ""
    return f"<span{mark}>{_when(record)}{_whom(record)}</span><span{mark}>{_bar(share)}</span>\
<span{mark} style='text-align:right'>{record['amount']:,.2f}</span>"


def _whom(record: Mapping[str, Any]) -> str:
    return f" → {html.escape(str(record['counterparty']))}" if record.get("counterparty") else ""


def _when(record: Mapping[str, Any]) -> str:
    return str(record["time"])[:16].replace("T", " ")


def _bar(share: float) -> str:
    return f"<span class='fraud-bar'><i style='width:{100 * share:.0f}%'></i></span>"


def _chips(why: Sequence[str]) -> str:
    return "".join(f"<span class='fraud-chip'>{html.escape(one)}</span>" for one in why)


def _badge(said: int | None) -> str:
    return "" if said is None else f"<span class='fraud-badge fraud-badge-{said}'>{SAID[said]}</span>"
