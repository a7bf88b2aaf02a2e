"""Times, amounts and labels however a table writes them; what could mean two things is refused, not guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from suite import SuiteError
from suite_fraud.config import Unit

_PER_SECOND = {"microseconds": 1e6, "milliseconds": 1e3}
_SECONDS = {"seconds": 1.0, "minutes": 60.0, "hours": 3_600.0, "days": 86_400.0}
_HOURLY = 20_000
"""Steps that never reach this are hours (PaySim counts to 743): as seconds the table would span half a morning."""
_FORMATS = (
    ("%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S"),
    ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"),
    ("%d/%m/%Y", "%m/%d/%Y"),
    ("%d.%m.%Y %H:%M:%S", ""),
    ("%d.%m.%Y %H:%M", ""),
    ("%d.%m.%Y", ""),
)
"""Formats besides ISO; the second is what the first may be mistaken for."""
_FRAUD = frozenset(
    [
        "1",
        "1.0",
        "true",
        "t",
        "yes",
        "y",
        "fraud",
        "fraudulent",
        "chargeback",
        "anomaly",
        "anomalous",
        "illicit",
        "positive",
        "bad",
        "confirmed",
        "suspicious",
    ]
)
_LEGIT = frozenset(
    [
        "0",
        "0.0",
        "false",
        "f",
        "no",
        "n",
        "legit",
        "legitimate",
        "genuine",
        "normal",
        "licit",
        "negative",
        "good",
        "ok",
        "clean",
        "nonfraud",
        "none",
    ]
)
_UNKNOWN = frozenset(["", "-1", "-1.0", "unknown", "unlabelled", "unlabeled", "nan", "null", "na", "n/a", "?"])
_SYMBOLS = {
    "€": "EUR",
    "$": "USD",
    "£": "GBP",
    "¥": "JPY",
    "₹": "INR",
    "US$": "USD",
    "zł": "PLN",
    "₽": "RUB",
    "₩": "KRW",
}
# What stands before takes all spaces, and none is tried for the number too: 32,000 of them took minutes.
_AMOUNT = re.compile(r"(?P<before>[^\d.,'+\-]*+)(?P<number>(?:[\d.,'][\d.,' \u00a0\u202f]*)?\d)(?P<after>[^\d.,']*+)")


_SHOWN = 40
"""Characters of a value that a sentence quotes."""


def times(column: pa.ChunkedArray, *, unit: Unit = "auto") -> np.ndarray:
    """Seconds, float64 (n,), of dates, ISO text, day-first text, epoch numbers or steps since the start.

    Dates without a zone count as UTC. Raises `SuiteError` for a time that is missing or cannot be read.
    """
    _complete(column, "time")
    kind = _plain(column).type
    column = _plain(column)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _microseconds(column.cast(pa.timestamp("us", getattr(kind, "tz", None)), safe=False))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        numbers = _cast(column, pa.float64())
        if numbers is None:
            return _text_times(column)
        column = numbers
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise SuiteError(f"The time column holds {kind}, not times; map another column with --columns time=THEIRS.")
    return _number_times(np.asarray(column.to_numpy(), np.float64), unit)


def time_numbers(column: pa.ChunkedArray) -> np.ndarray:
    """The numbers of a time column that holds numbers, as such or as text; of any other, none: float64 (n,) or (0,)."""
    column = _plain(column)
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = _cast(column, pa.float64())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        column = None
    return np.empty(0) if column is None else np.asarray(column.drop_null().to_numpy(), np.float64)


def time_unit(numbers: np.ndarray) -> Unit:
    """What numbers of a time column count, told by their size: dates after 1973 as epoch, small ones as steps."""
    largest = float(np.max(numbers, initial=0.0))
    if largest >= 1e14:
        return "microseconds"
    if largest >= 1e11:
        return "milliseconds"
    whole = bool((numbers == np.floor(numbers)).all())
    return "hours" if largest < _HOURLY and whole else "seconds"


def resolved(column: pa.ChunkedArray, unit: Unit) -> Unit:
    """What the numbers of this time column count: `unit`, or if that is "auto", what their size tells, if any."""
    if unit != "auto" or not (numbers := time_numbers(column)).size:
        return unit
    return time_unit(numbers)


def _number_times(numbers: np.ndarray, unit: Unit) -> np.ndarray:
    bad = ~np.isfinite(numbers)
    if bad.any():
        raise SuiteError(f"Row {int(np.argmax(bad)) + 1} has no finite time; fill it in or leave the row out.")
    counted = time_unit(numbers) if unit == "auto" else unit
    return np.asarray(numbers / _PER_SECOND[counted] if counted in _PER_SECOND else numbers * _SECONDS[counted])


def _text_times(column: pa.ChunkedArray) -> np.ndarray:
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        if (read := _cast(column, kind)) is not None:
            return _microseconds(read)
    for day_first, month_first in _FORMATS:
        readings = [read for form in (day_first, month_first) if form and (read := _strptime(column, form)) is not None]
        if len(readings) == 2 and not readings[0].equals(readings[1]):
            raise SuiteError(
                f"Times such as {_quoted(column[0].as_py())} could be day/month or month/day in every row; "
                "write them as 2018-04-30 12:00:00."
            )
        if readings:
            return _microseconds(readings[0])
    row = next((row for row in range(len(column)) if _strptime(column[row : row + 1], _FORMATS[0][0]) is None), 0)
    raise SuiteError(
        f"Times such as {_quoted(column[row].as_py())} (row {row + 1}) cannot be read; "
        "write all of them as 2018-04-30 12:00:00, or as seconds since 1970."
    )


def _strptime(column: pa.ChunkedArray, form: str) -> pa.ChunkedArray | None:
    try:
        return pc.strptime(column, format=form, unit="us")
    except pa.ArrowInvalid:
        return None


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray | None:
    try:
        return column.cast(kind)
    except pa.ArrowInvalid:
        return None


def _microseconds(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.cast(pa.int64()).to_numpy() / 1e6)


def labels(column: pa.ChunkedArray) -> np.ndarray:
    """1 fraud, 0 legitimate, -1 unknown (or missing), int8 (n,). Raises `SuiteError` for any other value."""
    encoded = _plain(column).cast(pa.string()).combine_chunks()
    encoded = (encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded).dictionary_encode()
    meaning = np.array([_meaning(value) for value in encoded.dictionary.to_pylist()] + [-1], np.int8)
    codes = encoded.indices.fill_null(len(meaning) - 1).to_numpy(zero_copy_only=False)
    values: np.ndarray = meaning[codes]
    return values


def _meaning(value: str) -> int:
    word = re.sub(r"[\s_\-]+", "", value.casefold()) if not value.startswith("-") else value
    word = {"notfraud": "nonfraud"}.get(word, word)
    for meaning, words in ((1, _FRAUD), (0, _LEGIT), (-1, _UNKNOWN)):
        if word in words:
            return meaning
    raise SuiteError(
        f"The label {_quoted(value)} says neither fraud nor legitimate; write 1 for fraud, 0 for legitimate, "
        "and leave it empty where nobody knows."
    )


def amounts(column: pa.ChunkedArray) -> np.ndarray:
    """Amounts, float64 (n,), of numbers or of text such as "€ 1.234,56", "1,234.56 USD" or "(12.00)".

    Raises `SuiteError` for one that is missing or unreadable, for several currencies, and for separators that could
    mean thousands or decimals in every row.
    """
    _complete(column, "amount")
    column = _plain(column)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        numbers = _plain_amounts(column)
        return _text_amounts(column) if numbers is None else numbers
    if pa.types.is_boolean(column.type) or not _castable(column.type):
        raise SuiteError(f"The amount column holds {column.type}; map another with --columns amount=THEIRS.")
    numbers = np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), np.float64)
    _finite(numbers)
    return numbers


def _castable(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _finite(numbers: np.ndarray) -> None:
    bad = ~np.isfinite(numbers)
    if bad.any():
        raise SuiteError(f"The amount of row {int(np.argmax(bad)) + 1} is no finite number; fill it in.")


def is_amount(value: str) -> bool:
    """Whether a text is a finite amount of some currency or none."""
    try:
        return np.isfinite(float(value)) == np.True_
    except ValueError:
        pass
    try:
        _parts(value, 0)
    except SuiteError:
        return False
    return True


def time_formats() -> list[str]:
    """Formats of times besides ISO 8601."""
    return [form for pair in _FORMATS for form in pair if form]


def _plain_amounts(column: pa.ChunkedArray) -> np.ndarray | None:
    """Numbers of a column that writes them as programs do, with a point that cannot mean thousands; else None."""
    if (numbers := _cast(column, pa.float64())) is None:
        return None
    pointed = pc.match_substring(column, ".")
    unclear = pc.match_substring_regex(column, r"^[+-]?[1-9]\d{0,2}\.\d{3}$")
    if pc.any(unclear).as_py() and not pc.any(pc.and_not(pointed, unclear)).as_py():
        return None
    values = np.asarray(numbers.to_numpy(), np.float64)
    _finite(values)
    return values


def _text_amounts(column: pa.ChunkedArray) -> np.ndarray:
    values = column.to_pylist()
    parts = [_parts(value, row) for row, value in enumerate(values)]
    _one_currency({currency for _, _, currency in parts if currency})
    decimal = _decimal_mark((number for number, _, _ in parts), values)
    thousands = "," if decimal == "." else "."
    plain = (number.replace(thousands, "").replace(decimal, ".") for number, _, _ in parts)
    numbers = np.fromiter((float(number) for number in plain), np.float64, len(parts))
    numbers *= np.fromiter((sign for _, sign, _ in parts), np.float64, len(parts))
    _finite(numbers)
    return numbers


def _parts(value: str, row: int) -> tuple[str, int, str]:
    """Digits and separators without spaces, sign, currency."""
    text = value.strip().replace("−", "-")
    negative = (text.startswith("(") and text.endswith(")")) or "-" in text
    match = _AMOUNT.fullmatch(text.strip("()").replace("-", "").replace("+", "").strip())
    currency = _currency(match["before"], match["after"]) if match else None
    number = re.sub(r"['\s\u00a0\u202f]", "", match["number"]) if match else ""
    marks = re.sub(r"\d", "", number)
    # Of two kinds of separators the last is the decimal one, so it comes once.
    if currency is None or (len(set(marks)) == 2 and marks.count(marks[-1]) > 1) or text.count("-") > 1:
        raise SuiteError(f"The amount {_quoted(value)} of row {row + 1} cannot be read; write it as 1234.56.")
    return number, -1 if negative else 1, currency


def _currency(before: str, after: str) -> str | None:
    """ISO code or symbol; "" for none, None if what stands there is no currency."""
    words = [_SYMBOLS.get(word, word) for word in (before.strip(), after.strip()) if word]
    if any(not re.fullmatch(r"[A-Za-z]{3}", word) for word in words) or len({word.upper() for word in words}) > 1:
        return None
    return words[0].upper() if words else ""


def _one_currency(currencies: set[str]) -> None:
    if len(currencies) > 1:
        listed = ", ".join(sorted(currencies))
        raise SuiteError(f"The amounts are in several currencies ({listed}); convert them to one.")


def _decimal_mark(numbers: Iterable[str], values: list[str]) -> str:
    """The mark the column writes before its decimals; raises `SuiteError` if it writes both, or if none can tell."""
    votes: dict[str, int] = {}
    unclear = -1
    for row, number in enumerate(numbers):
        mark = _mark(number)
        if mark:
            votes.setdefault(mark, row)
        elif mark is None and unclear < 0:
            unclear = row
    if len(votes) > 1:
        first, second = (values[row] for row in votes.values())
        raise SuiteError(
            f"The amounts {_quoted(first)} and {_quoted(second)} write their decimals differently; "
            "write all as 1234.56."
        )
    if not votes and unclear >= 0:
        raise SuiteError(
            f"The amount {_quoted(values[unclear])} could be thousands or three decimals, and no other amount tells; "
            "write amounts as 1234.56, without separators of thousands."
        )
    return next(iter(votes), ".")


def _mark(number: str) -> str | None:
    """The decimal mark this number proves; "" if it has no separator, None if its one separator could be either."""
    marks = re.sub(r"\d", "", number)
    if not marks:
        return ""
    last = marks[-1]
    if len(set(marks)) == 2:
        return last
    head, _, tail = number.rpartition(last)
    if len(marks) > 1:
        return "," if last == "." else "."
    if len(tail) == 3 and 1 <= len(head) <= 3 and not head.startswith("0"):
        return None
    return last


def _quoted(value: str) -> str:
    """A value for a sentence, which must not be as long as a cell may be."""
    return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")


def _complete(column: pa.ChunkedArray, what: str) -> None:
    if column.null_count:
        row = pc.index(column.is_null(), True).as_py()
        raise SuiteError(f"Row {row + 1} has no {what}; fill it in or leave the row out.")


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
