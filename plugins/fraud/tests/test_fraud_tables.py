"""Tables of any make: times, amounts and labels as people write them, and what is wrong with a table."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest

from suite import SuiteError
from suite_fraud.data.checks import clocks, constant, findings, leaking
from suite_fraud.data.columns import COLUMNS
from suite_fraud.data.parsing import amounts, labels, times
from suite_fraud.data.tables import from_table


def column(*values, kind=None):
    return pa.chunked_array([pa.array(values, kind)])


def table(count=100, **changes):
    generator = np.random.default_rng(0)
    return pa.table(
        {
            "time": np.arange(count) * 3600.0 + 1.5e9,
            "entity": [f"card {i % 7}" for i in range(count)],
            "counterparty": [f"shop {i % 5}" for i in range(count)],
            "amount": np.round(generator.uniform(1, 90, count), 2),
            "label": (np.arange(count) % 3 == 0).astype(int),
            **changes,
        }
    )


def messages(rows, severity=None):
    return [finding.message for finding in findings(rows) if severity in (None, finding.severity)]


# ---- amounts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["12", "1234.5", "-3"], [12, 1234.5, -3]),
        (["€ 1.234,56", "0,99 €", "12"], [1234.56, 0.99, 12]),
        (["$1,234.56", "$1,000", "-$5.10"], [1234.56, 1000, -5.1]),
        (["1234.5 USD", "1.250 USD", "US$ 3.99"], [1234.5, 1.25, 3.99]),
        (["(12.00)", "3.50", "($1,250.00)"], [-12, 3.5, -1250]),
        (["1'234.50", "5.00-"], [1234.5, -5]),
        (["1 234,50 zł", "1\u202f000,00 zł"], [1234.5, 1000]),
        (["1.234.567", "12,5"], [1234567, 12.5]),
        (["0,125", "7"], [0.125, 7]),
        (["1.5e3", "2"], [1500, 2]),
    ],
)
def test_amounts_are_read_as_people_write_them(texts, expected):
    assert amounts(column(*texts)).tolist() == expected


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["1,234", "5"], "'1,234' could be thousands or three decimals"),
        (["1.234 €", "5 €"], "'1.234 €' could be thousands or three decimals"),
        (["1,50", "1.50"], "'1,50' and '1.50' write their decimals differently"),
        (["€ 5", "$ 5"], r"several currencies \(EUR, USD\)"),
        (["5", "five"], "'five' of row 2"),
        (["5", "1.2.3,4,5"], "'1.2.3,4,5' of row 2"),
        (["5", ""], "'' of row 2"),
        (["5 EUR/h"], "of row 1"),
        (["5", None], "Row 2 has no amount"),
        (["inf x"], "of row 1"),
    ],
)
def test_amounts_that_could_mean_two_things_are_refused(texts, message):
    with pytest.raises(SuiteError, match=message):
        amounts(column(*texts, kind=pa.string()))


def test_numbers_that_are_no_amounts_are_refused():
    with pytest.raises(SuiteError, match="row 2 is no finite number"):
        amounts(column(1.0, float("nan")))
    with pytest.raises(SuiteError, match="row 1 is no finite number"):
        amounts(column("nan", "1"))
    with pytest.raises(SuiteError, match="holds bool"):
        amounts(column(True, False))


# ---- labels and times ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 0, None], [1, 0, -1]),
        ([1.0, 0.0, -1.0], [1, 0, -1]),
        ([True, False], [1, 0]),
        (["Yes", "no", ""], [1, 0, -1]),
        (["fraud", "legit", "unknown"], [1, 0, -1]),
        (["chargeback", "not fraud", "Non-Fraud"], [1, 0, 0]),
    ],
)
def test_labels_are_read_in_the_words_people_use(values, expected):
    marks = labels(column(*values))
    assert marks.dtype == np.int8 and marks.tolist() == expected


@pytest.mark.parametrize("value", ["2", "maybe"])
def test_a_label_that_says_neither_is_refused(value):
    with pytest.raises(SuiteError, match=f"label '{value}' says neither"):
        labels(column("1", value))


MARCH = datetime.datetime(2018, 3, 25, 13, 30, tzinfo=datetime.UTC).timestamp()


@pytest.mark.parametrize(
    "value",
    [
        "2018-03-25 13:30:00",
        "2018-03-25T13:30:00Z",
        "2018-03-25T15:30:00+02:00",
        "25/03/2018 13:30",
        "03/25/2018 13:30:00",
        "25.03.2018 13:30",
        datetime.datetime(2018, 3, 25, 13, 30),
        int(MARCH),
        int(MARCH) * 1000,
        int(MARCH) * 1_000_000,
        str(int(MARCH)),
    ],
)
def test_times_are_read_in_the_forms_people_use(value):
    assert times(column(value)).tolist() == [MARCH]


def test_small_whole_numbers_are_hours_and_others_seconds():
    assert times(column(1, 2, 743)).tolist() == [3600, 7200, 743 * 3600]
    assert times(column(0, 1, 172_792)).tolist() == [0, 1, 172_792]
    assert times(column(1, 2), unit="days").tolist() == [86_400, 172_800]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["03/04/2018", "05/06/2018"], "could be day/month or month/day"),
        (["yesterday"], "'yesterday' .row 1. cannot be read"),
        ([1, None], "Row 2 has no time"),
        ([1.0, float("nan")], "Row 2 has no finite time"),
        ([True], "holds bool, not times"),
    ],
)
def test_times_that_cannot_be_told_are_refused(values, message):
    with pytest.raises(SuiteError, match=message):
        times(column(*values))


# ---- tables ----------------------------------------------------------------------------------------------------------


def test_nanoseconds_are_read():
    when = column(1_500_000_000_000_000_001, kind=pa.timestamp("ns"))
    assert times(when).tolist() == [1.5e9]
    assert from_table(table(1, opened=when)).numbers["opened"].tolist() == [1.5e9]


def test_rows_are_sorted_by_time_and_ties_by_row():
    rows = from_table(table(5, time=[3e5, 1e5, 2e5, 1e5, 3e5], note=["a", "b", "c", "d", "e"], size=[1, 2, 3, 4, 5]))
    assert rows.order.tolist() == [1, 3, 2, 0, 4]
    assert rows.strings["note"].to_pylist() == ["b", "d", "c", "a", "e"]
    assert rows.numbers["size"].tolist() == [2, 4, 3, 1, 5]
    assert [rows.entity_names[int(code)].as_py() for code in rows.entity] == [f"card {i}" for i in (1, 3, 2, 0, 4)]
    assert rows.days.tolist() == [0, 0, 1, 2, 2]
    assert "2 rows are earlier than the row before them" in " ".join(messages(rows, "note"))


def test_columns_of_any_name_are_mapped():
    theirs = table(3).rename_columns(["when", "card", "shop", "sum", "bad"])
    given = {"time": "when", "entity": "card", "counterparty": "shop", "amount": "sum", "label": "bad"}
    ours, mapped = from_table(table(3)), from_table(theirs, given)
    assert mapped.numbers == {} and np.array_equal(ours.label, mapped.label)
    assert mapped.counterparty_names.to_pylist() == ["shop 0", "shop 1", "shop 2"]
    with pytest.raises(SuiteError, match="no column 'when' for 'time'; the table's columns: time, "):
        from_table(table(3), given)


def test_without_entity_counterparty_and_label_there_is_still_a_table():
    rows = from_table(table(4).select(["time", "amount"]))
    assert rows.entity.tolist() == [0, 1, 2, 3] and rows.counterparty is None
    assert rows.label.tolist() == [-1] * 4
    sentences = messages(rows)
    assert any("no transaction has a label" in message.lower() for message in sentences)
    assert any("--columns entity=THEIRS" in message for message in sentences)


def test_an_entity_may_be_a_number_but_not_missing():
    assert from_table(table(2, entity=[4, 4])).entity_names.to_pylist() == ["4"]
    with pytest.raises(SuiteError, match="Row 2 names no entity"):
        from_table(table(2, entity=["a", None]))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            ["step", "type", "amount", "nameOrig", "oldbalanceOrg", "nameDest", "isFraud", "isFlaggedFraud"],
            {"time": "step", "entity": "nameOrig", "amount": "amount", "label": "isFraud", "counterparty": "nameDest"},
        ),
        (
            ["", "trans_date_trans_time", "cc_num", "merchant", "category", "amt", "unix_time", "is_fraud"],
            {
                "time": "trans_date_trans_time",
                "entity": "cc_num",
                "amount": "amt",
                "label": "is_fraud",
                "counterparty": "merchant",
            },
        ),
        (
            ["TransactionID", "isFraud", "TransactionDT", "TransactionAmt", "ProductCD", "card1", "card2", "addr1"],
            {"time": "TransactionDT", "entity": "card1", "amount": "TransactionAmt", "label": "isFraud"},
        ),
        (["Time", "V1", "V2", "Amount", "Class"], {"time": "Time", "amount": "Amount", "label": "Class"}),
        (
            ["transaction", "time", "customer", "terminal", "amount", "fraud"],
            {
                "time": "time",
                "entity": "customer",
                "amount": "amount",
                "label": "fraud",
                "counterparty": "terminal",
            },
        ),
    ],
)
def test_well_known_data_sets_are_recognised(names, expected):
    from suite.tables.columns import match_columns

    assert match_columns(names, COLUMNS, {}) == expected


# ---- findings --------------------------------------------------------------------------------------------------------


def test_a_sound_table_has_no_finding():
    assert messages(from_table(table())) == []


@pytest.mark.parametrize(("label", "what"), [(0, "legitimate"), (1, "fraud")])
def test_one_class_is_an_error(label, what):
    rows = from_table(table(label=[label] * 100))
    assert any(f"All 100 labelled transactions are {what}" in message for message in messages(rows, "error"))


def test_few_frauds_and_more_fraud_than_not_are_warnings():
    assert "Only 3 frauds" in messages(from_table(table(label=[1] * 3 + [0] * 97)), "warning")[0]
    assert "80% of the labelled" in messages(from_table(table(label=[1] * 80 + [0] * 20)), "warning")[0]


def test_constant_columns_are_noted_and_named():
    rows = from_table(table(one=[1.0] * 100, same=["x"] * 99 + [None], kind=["a", "b"] * 50))
    assert constant(rows) == ["one", "same"]
    assert len(messages(rows, "note")) == 2


def test_counters_and_second_clocks_are_noted_and_named():
    counted = [float(i) for i in range(1, 2001)]
    noisy = [float(i % 7) for i in range(2000)]
    fraud = [int(i % 50 == 0) for i in range(2000)]
    rows = from_table(table(count=2000, label=fraud, index=counted, unix_time=[5.0 * c for c in counted], points=noisy))
    assert clocks(rows) == ["index", "unix_time"]
    assert [text for text in messages(rows, "note") if "only rises with time" in text] == [
        "The column 'index' only rises with time, like a counter, and is left out.",
        "The column 'unix_time' only rises with time, like a counter, and is left out.",
    ]


def test_a_column_that_gives_the_label_away_is_an_error_that_names_it():
    fraud = np.arange(100) % 3 == 0
    cases = {
        "score": np.where(fraud, 5.0, 1.0) + np.linspace(0, 1, 100),
        "downward": np.where(fraud, -5.0, 1.0),
        "when_known": np.where(fraud, 7.0 + np.arange(100) % 2, np.nan),
        "status": np.where(fraud, "stopped", "fine"),
        "comment": [f"text {i}" if i % 3 == 0 else None for i in range(100)],
    }
    for name, values in cases.items():
        rows = from_table(table(**{name: values}))
        if name == "comment":
            rows = from_table(table(3300, comment=[f"text {i}" if i % 3 == 0 else None for i in range(3300)]))
        assert list(leaking(rows)) == [name]
        assert f"{name!r} gives the label away" in messages(rows, "error")[0]


def test_useful_and_rare_values_are_no_leak():
    fraud = np.arange(300) % 3 == 0
    generator = np.random.default_rng(2)
    rows = from_table(
        table(300, useful=fraud * 2 + generator.normal(size=300), rare=[f"{i}" for i in range(300)], label=fraud)
    )
    assert leaking(rows) == {}


def test_names_of_what_is_known_too_late_are_warned_of():
    rows = from_table(table(chargeback_date=np.random.default_rng(0).random(100)))
    assert "'chargeback_date' sounds like something known only after" in messages(rows, "warning")[0]


def test_copies_negative_and_equal_amounts_are_told():
    twice = pa.concat_tables([table(10), table(10)])
    assert any(message.startswith("10 transactions repeat") for message in messages(from_table(twice), "warning"))
    assert any(
        message.startswith("1 amounts are negative") for message in messages(from_table(table(2, amount=[-1, 2])))
    )
    assert any("All amounts are the same" in message for message in messages(from_table(table(amount=[1.0] * 100))))


def test_an_empty_table_is_an_error():
    assert messages(from_table(table(0))) == ["The table holds no transaction."]
