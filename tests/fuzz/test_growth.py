"""Four times the file takes about four times as long, also where it is made to take sixteen."""

from __future__ import annotations

import time

import pyarrow as pa
import pyarrow.csv
import pytest
from suite_fraud.data import parsing
from suite_toy.domain import TOY
from suite_translation import formats
from suite_translation.formats import plurals
from suite_translation.strings.tokens import tokens

from suite import SuiteError
from suite.tables import readers

TIMES = 4
MOST = 9.0
"""Of the ratio: linear work shows about 4, quadratic 16, and a busy machine adds to either."""


def cost(work, size):
    """Processor seconds, the least of three."""
    seconds = []
    for _ in range(3):
        began = time.process_time()
        work(size)
        seconds.append(time.process_time() - began)
    return min(seconds)


def linear(work, size, enough=0.02):
    """Whether `work` grows with its size; where even the large one takes no time, it does."""
    large = cost(work, TIMES * size)
    return large < enough or large < MOST * max(cost(work, size), enough / MOST)


def in_xliff(count, form):
    unit, head, tail = {
        1: (
            '<trans-unit id="{0}"><source>Text {0} <x id="1"/></source></trans-unit>',
            '<xliff version="1.2"><file original="a" source-language="en" target-language="de"><body>',
            "</body></file></xliff>",
        ),
        2: (
            '<unit id="{0}"><segment><source>Text {0} <ph id="1"/></source></segment></unit>',
            '<xliff version="2.0" srcLang="en" trgLang="de"><file id="a">',
            "</file></xliff>",
        ),
        3: (
            '<tu><tuv xml:lang="en"><seg>Text {0}</seg></tuv></tu>',
            '<tmx version="1.4"><header srclang="en"/><body>',
            "</body></tmx>",
        ),
    }[form]
    return head + "".join(unit.format(number) for number in range(count)) + tail


@pytest.mark.parametrize(("form", "name"), [(1, "a.xlf"), (2, "a.xlf"), (3, "a.tmx")])
def test_xml_without_a_line_end(form, name, tmp_path):
    """The line end was looked for anew for each unit, through the whole file."""

    def work(count):
        (tmp_path / name).write_text(in_xliff(count, form))
        document = formats.read_document(tmp_path / name, "de")
        answers = {segment.key: formats.Answer(segment.source, fuzzy=True) for segment in document.segments}
        document.write(tmp_path / "out", answers, language="de")

    assert linear(work, 500)


def test_plural_forms_that_a_sibling_adds(tmp_path):
    """i18next's: the text before each was copied to find how far it is indented."""

    def work(count):
        lines = [f'"key{number}_one": "one", "key{number}_other": "many"' for number in range(count)]
        few = [f'{line}, "key{number}_few": "few"' for number, line in enumerate(lines)]
        (tmp_path / "en.json").write_text("{" + ",\n  ".join(lines) + "}")
        (tmp_path / "pl.json").write_text("{" + ",\n  ".join(few) + "}")
        document = formats.read_document(tmp_path / "en.json", "pl")
        answers = {segment.key: formats.Answer("x") for segment in document.segments}
        document.write(tmp_path / "out", answers, language="pl")

    assert linear(work, 400)


@pytest.mark.parametrize("rule", ["nplurals=2; plural=n{}", "nplurals=2{}", "nplurals=2; plural={}n", "{};"])
def test_a_plural_rule_of_spaces(rule):
    """It took a time that grew with their cube."""

    def work(count):
        with pytest.raises(SuiteError, match="broken line") as caught:
            plurals.parsed(rule.format(" " * count) + "\0", "The header")
        assert len(str(caught.value)) < 500

    assert linear(work, 20_000)


@pytest.mark.parametrize(
    "piece", ["a", "1", "é", " ", "\t", "a.", "a-", "a+", "A_", "...", "<!--", "%0", "{a:{b}", "<a "]
)
@pytest.mark.parametrize("style", [None, "c", "icu", "brace"])
def test_a_run_that_begins_no_token(piece, style):
    """From each of its letters the rest was read again: half a second for 6,000 of them."""
    assert linear(lambda count: tokens(piece * (count // len(piece)), style), 4_000)


@pytest.mark.parametrize("amount", ["{}", "{}x", "1{}x", "{}1{}x", "€{}1{}", "{}.{}"])
def test_an_amount_of_spaces(amount):
    """32,000 spaces took minutes."""

    def work(count):
        for space in (" ", "\u00a0"):
            text = "a" + amount.replace("{}", space * count)
            with pytest.raises(SuiteError, match="cannot be read") as caught:
                parsing.amounts(pa.chunked_array([[text]]))
            assert len(str(caught.value)) < 500

    assert linear(work, 8_000)


def test_a_wide_table_whose_last_row_has_other_types(tmp_path, monkeypatch):
    """It was read once for each column that changed."""
    opened = []

    class Counted:
        def __getattr__(self, name):
            return getattr(pyarrow.csv, name)

        def open_csv(self, *given, **options):
            opened.append(given)
            return pyarrow.csv.open_csv(*given, **options)

    def readings(columns):
        names = [f"c{number}" for number in range(columns)]
        lines = [["word", "label", *names]]
        lines += [["w", "vowels", *["12345"] * columns]] * (2_000_000 // (6 * columns))  # beyond the first block
        lines += [["w", "vowels", *["1.5", "x1"] * (columns // 2)]]
        (tmp_path / "wide.csv").write_text("\n".join(map(",".join, lines)) + "\n")
        opened.clear()
        table = readers.read_table(tmp_path / "wide.csv", readers.Reading(TOY.columns, {}))
        assert set(table.schema.types) == {pa.string(), pa.float64()}
        return len(opened)

    monkeypatch.setattr(readers, "arrow_csv", Counted())
    assert readings(10) == readings(160) < 6
