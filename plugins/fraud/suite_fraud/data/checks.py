"""What is wrong, or too good to be true, with a transaction table before anything is trained on it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from suite import Finding, Ranking
from suite_fraud.data.tables import Transactions

FEW = 20
"""Fewer frauds than this can neither be learned from nor be measured on."""
LEAK = 0.995
"""AUC at which one column alone is no clue but the answer; the best single clue of the public data sets stays below."""
_LEAST = 5
"""With fewer of a class, one column of many tells them apart by chance."""
_AFTER = re.compile(
    r"(?i)(charge_?back|dispute|investigat|resolution|resolved|reported|refund|confirmed|blocked|closed|"
    r"fraud_?(type|scenario|date|reason|score|amount)|is_?flagged|scenario|case_?(id|status)|alert_?(id|status))"
)
"""Names of what is written down only once somebody knows."""
_EXACT = 2.0**53
"""From here on neighbouring whole numbers are one and the same in floating point."""
_MOST = 1_000
"""A text column of more distinct values than this is looked at no closer: each fraud would have its own."""


def findings(rows: Transactions) -> Iterator[Finding]:
    """Everything worth saying about the whole table; errors refuse it."""
    if not len(rows):
        yield Finding("error", "The table holds no transaction.")
        return
    yield from _labels(rows)
    yield from _order(rows)
    yield from _amounts(rows)
    yield from _entities(rows)
    yield from _repeated(rows)
    yield from _further(rows)


def constant(rows: Transactions) -> list[str]:
    """Further columns with one value only, missing ones aside: they tell nothing and are not learned from."""
    numbers = [name for name, values in rows.numbers.items() if not _varies(values)]
    return numbers + [name for name, values in rows.strings.items() if len(pc.unique(pc.drop_null(values))) < 2]


def clocks(rows: Transactions) -> list[str]:
    """Further numbers that rise with time: row numbers, second times. Each later row is beyond what was learned from.

    Of a table in order of time they fall for less than one row in a thousand, and take more than 100 values.
    """
    rising = []
    for name, values in rows.numbers.items():
        known = values[~np.isnan(values)]
        if len(np.unique(known)) > 100 and (np.diff(known) >= 0).mean() > 0.999:
            rising.append(name)
    return rising


def leaking(rows: Transactions) -> dict[str, str]:
    """Further columns that give the label away: name to the evidence, in words."""
    known = rows.label >= 0
    label = rows.label[known]
    if (label == 1).sum() < _LEAST or (label == 0).sum() < _LEAST:
        return {}
    leaks = {name: _number_leak(values[known], label) for name, values in rows.numbers.items()}
    leaks |= {name: _text_leak(values.filter(pa.array(known)), label) for name, values in rows.strings.items()}
    return {name: evidence for name, evidence in leaks.items() if evidence}


def _labels(rows: Transactions) -> Iterator[Finding]:
    known, frauds = int((rows.label >= 0).sum()), int((rows.label == 1).sum())
    if not known:
        yield Finding("note", "No transaction has a label: they can be ranked, but nothing can be learned from them.")
    elif frauds in (0, known):
        only = "fraud" if frauds else "legitimate"
        yield Finding(
            "error",
            f"All {known:,} labelled transactions are {only}; to tell the two apart takes both. Add the others, "
            "or leave the label column out for scores without labels.",
        )
    elif frauds < FEW:
        yield Finding("warning", f"Only {frauds} frauds: too few to measure anything on; add weeks that hold {FEW}.")
    elif frauds * 2 > known:
        share = frauds / known
        yield Finding("warning", f"{share:.0%} of the labelled transactions are fraud; check that 1 means fraud.")


def _order(rows: Transactions) -> Iterator[Finding]:
    late = int((np.diff(np.argsort(rows.order, kind="stable")) < 0).sum())
    if late:
        yield Finding("note", f"{late:,} rows are earlier than the row before them; the table was sorted by time.")


def _amounts(rows: Transactions) -> Iterator[Finding]:
    negative = int((rows.amount < 0).sum())
    if negative:
        yield Finding("note", f"{negative:,} amounts are negative; they are kept, as refunds.")
    if not _varies(rows.amount):
        yield Finding("warning", "All amounts are the same; check which column is mapped to amount.")


def _entities(rows: Transactions) -> Iterator[Finding]:
    if len(rows) > 1 and len(rows.entity_names) == len(rows):
        yield Finding(
            "warning",
            "Every transaction is of another entity, so none has a history; if a column names the card, customer or "
            "account, map it with --columns entity=THEIRS.",
        )


def _repeated(rows: Transactions) -> Iterator[Finding]:
    whom = np.zeros(len(rows), np.int32) if rows.counterparty is None else rows.counterparty
    order = np.lexsort((rows.amount, whom, rows.entity, rows.time))
    keys = (rows.time, rows.entity, whom, rows.amount)
    same = np.logical_and.reduce([key[order][1:] == key[order][:-1] for key in keys])
    if count := int(same.sum()):
        yield Finding(
            "warning",
            f"{count:,} transactions repeat another's time, entity, counterparty and amount; "
            "if they are copies, remove them: they count twice in every habit.",
        )


def _further(rows: Transactions) -> Iterator[Finding]:
    useless, rising, telling = constant(rows), clocks(rows), leaking(rows)
    for name in (*rows.numbers, *rows.strings):
        if name in useless:
            yield Finding("note", f"The column {name!r} has one value only and is left out.")
        elif name in rising:
            yield Finding("note", f"The column {name!r} only rises with time, like a counter, and is left out.")
        elif name in telling:
            yield Finding(
                "error",
                f"The column {name!r} gives the label away: {telling[name]}. It is probably written after the fraud "
                "is known; remove it, or a model will learn it and know nothing when it counts.",
            )
        elif name in rows.numbers and np.nanmax(np.abs(rows.numbers[name]), initial=0.0) > _EXACT:
            yield Finding(
                "warning",
                f"The column {name!r} holds numbers above 2^53, whose last digits are lost when it is taken for a "
                "measure; if it names something, write it as text.",
            )
        elif _AFTER.search(name):
            yield Finding(
                "warning",
                f"The column {name!r} sounds like something known only after the fact; remove it unless it is known "
                "at the moment of the payment.",
            )


def _varies(values: np.ndarray) -> bool:
    known = values[~np.isnan(values)]
    return bool(len(known)) and bool(known.min() < known.max())


def _number_leak(values: np.ndarray, label: np.ndarray) -> str:
    """Evidence that a number ranks the frauds (almost) perfectly, or that its absence does; "" for none."""
    missing = np.isnan(values)
    filled = np.where(missing, np.nanmin(values, initial=0.0) - 1, values)
    for what, numbers in (("its values rank", filled), ("missing values rank", missing.astype(np.float64))):
        area = Ranking(numbers, label).auroc()
        if max(area, 1 - area) >= LEAK:
            return f"{what} the frauds with an AUC of {max(area, 1 - area):.3f}, alone"
    return ""


def _text_leak(values: pa.Array, label: np.ndarray) -> str:
    """Evidence that the values of a text column belong (almost) to one class each; "" for none."""
    encoded = values.dictionary_encode()
    if len(encoded.dictionary) > _MOST:
        filled = values.is_valid().to_numpy(zero_copy_only=False).astype(np.float64)
        return _number_leak(filled, label)
    codes = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False)
    count = np.bincount(codes, minlength=len(encoded.dictionary) + 1)
    frauds = np.bincount(codes, weights=label == 1, minlength=len(count))
    share = frauds / np.maximum(count, 1)
    if Ranking(share[codes], label).auroc() < LEAK or (count[frauds > 0] <= 2).mean() > 0.5:
        return ""  # many rare values fit any label by chance
    telling = int(np.argmax(np.where(count > 0, frauds, -1)))
    value = encoded.dictionary[telling].as_py() if telling < len(encoded.dictionary) else None
    what = f"the value {value!r} alone holds" if value is not None else "rows without a value hold"
    return f"{what} {int(frauds[telling]):,} of {int(frauds.sum()):,} frauds, and {share[telling]:.1%} of its rows are"
