"""What the queue shows: figures, the curve of what a capacity saves, alerts, and one transaction in detail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from suite.demo import (
    Content,
    Markup,
    PickList,
    Row,
    Tile,
    badge,
    card,
    chips,
    code,
    curve,
    curves,
    finished,
    heading,
    join,
    meter,
    number,
    paragraph,
    percent,
    table,
    tag,
    tiles,
    waiting,
    when,
)
from suite_fraud.serving.queue import Key, Queue, Savings, key

WAITING = waiting(
    "Opening the example week …", "A bank that does not exist: its portfolio is being made up and scored."
)
PICK = waiting("Pick an alert", "Its reasons and the customer's last transactions appear here, and you say what it is.")
AFTER = finished(
    "Stored.",
    "To learn from decisions they go back into their table, since a transaction without its past tells little: ",
    code("suite fraud labels --data FILE --output FILE2"),
    ", then ",
    code("suite fraud train --data FILE2"),
    ".",
)
SAID = {1: "fraud", 0: "fine"}


def figures(queue: Queue, savings: Savings | None, capacity: int, review_cost: float) -> Markup:
    """Tiles of what the slider's place means, and the curves around it; without labels nobody knows."""
    alerts = len(queue.first(capacity))
    if savings is None:
        note = paragraph(
            "What they save is unknown: no transaction of this file has a label. Give it a column ",
            tag("i", "label"),
            " (1 fraud, 0 legitimate) to see money saved and frauds missed.",
            tone="quiet",
        )
        return tiles([Tile(number(alerts), "alerts"), Tile(number(alerts * review_cost), "review cost")]) + note
    at = capacity - 1
    precision = savings.found[at] / max(savings.alerts[at], 1)
    shown = tiles(
        [
            Tile(number(savings.saved[at]), "money saved", "good" if savings.saved[at] >= 0 else "bad"),
            Tile(number(savings.found[at]), "frauds found"),
            Tile(number(savings.missed[at]), f"missed, worth {number(savings.money_missed[at])}", "bad"),
            Tile(percent(precision), f"precision of {number(savings.alerts[at])} alerts"),
            Tile(number(savings.alerts[at] * review_cost), f"review cost at {review_cost:g} each"),
        ]
    )
    known, every = int(queue.known.sum()), len(queue.where)
    labelled = f"Labels are known of {number(known)} among {number(every)} transactions."
    partly = paragraph(labelled, tone="quiet") if known < every else Markup("")
    return shown + partly + curves(_saved(savings, capacity), _missed(savings, capacity))


def _saved(savings: Savings, capacity: int) -> Markup:
    best, at = savings.best, capacity - 1
    gain = number(savings.saved[best - 1] - savings.saved[at])
    if capacity > best:
        said = f"{number(capacity - best)} fewer a day would save {gain} more."
    elif capacity < best:
        said = f"{number(best - capacity)} more a day would save {gain} more."
    else:
        said = "This is that place."
    caption = join(
        [tag("b", "Money saved"), " by alerts a day. One more stops paying at ", tag("b", number(best)), f". {said}"]
    )
    return _curve(caption, savings.saved, capacity, ring=best - 1)


def _missed(savings: Savings, capacity: int) -> Markup:
    said = f" by alerts a day: {number(savings.missed[capacity - 1])} at {number(capacity)}."
    return _curve(tag("b", "Frauds missed") + said, savings.missed, capacity, bad=True)


def _curve(caption: Markup, values: Any, capacity: int, *, ring: int | None = None, bad: bool = False) -> Markup:
    """A line over 1, 2, ... alerts a day, the slider's place marked, and the best one with a ring."""
    return curve(
        values,
        caption=caption,
        at=capacity - 1,
        said=f"{number(capacity)} a day: {number(values[capacity - 1])}",
        ends=("1", f"{number(len(values))} a day"),
        ring=ring,
        label="Curve over alerts a day",
        tone="bad" if bad else "good",
    )


def alerts(
    queue: Queue,
    rows: Sequence[int],
    reasons: Sequence[Sequence[str]],
    known: Mapping[Key, int],
    *,
    of: int,
    picked: int,
) -> Markup:
    """The list of rows, most suspicious first, with what was decided; `of` is how many the capacity allows."""
    shown = [
        _alert(queue, row, why, known.get(key(queue.record(row))), picked=row == picked)
        for row, why in zip(rows, reasons, strict=True)
    ]
    done = sum(entry in queue.keys for entry in known)
    title = join([tag("b", f"{number(len(rows))} of {number(of)} alerts"), ", most suspicious first"])
    source = f"{queue.source}: {number(len(queue.where))} transactions, {number(done)} decided"
    return PickList.rows(shown, head=heading(title, source), lead="4.6rem")


def _alert(queue: Queue, row: int, why: Sequence[str], said: int | None, *, picked: bool) -> Row:
    record, chance = queue.record(row), float(queue.probability[row])
    body = [tag("b", record["entity"]), _whom(record), " ", _badge(said), tag("br"), tag("small", when(record["time"]))]
    return Row(
        join(body),
        lead=tag("b", percent(chance)) + meter(chance, tone="bad"),
        end=tag("b", number(record["amount"], 2)),
        below=chips(why),
        key=row,
        strong=picked,
    )


def detail(queue: Queue, row: int, why: Sequence[str], said: int | None) -> Markup:
    """One alert: its reasons, the customer's last ten transactions, and, once decided, what the label says."""
    record, chance = queue.record(row), float(queue.probability[row])
    verdict: Content = ""
    if said is not None:
        truth = queue.label(row)
        label = f" The table's label: {SAID[truth]}." if truth >= 0 else ""
        verdict = paragraph(_badge(said), f" You said so; it is stored.{label}")
    past = queue.history(row)
    largest = max((abs(payment["amount"]) for payment in past), default=1.0) or 1.0
    last = len(past) - 1
    lines = [_past(payment, abs(payment["amount"]) / largest, this=place == last) for place, payment in enumerate(past)]
    caption = f"This customer's last {len(past)} transactions, this one last"
    amount = tag("b", number(record["amount"], 2))
    return card(
        paragraph(amount, f" on {when(record['time'])}, fraud with ", tag("b", percent(chance))),
        verdict,
        chips(why),
        tag("small", caption),
        table([], lines, label=caption, numbers=(0, 2), strong=last, tone="bad"),
        title=record["entity"] + _whom(record),
    )


def _past(record: Mapping[str, Any], share: float, *, this: bool) -> list[Content]:
    bar = meter(share, tone="bad" if this else "quiet")
    return [when(record["time"]) + _whom(record), bar, number(record["amount"], 2)]


def _whom(record: Mapping[str, Any]) -> str:
    return f" → {record['counterparty']}" if record.get("counterparty") else ""


def _badge(said: int | None) -> Content:
    return "" if said is None else badge(SAID[said], "bad" if said else "good")
