"""Nothing that is exported begins a formula for a spreadsheet, wherever it is written, and all can be read back."""

import csv
import re
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from suite_fraud.data import stream
from suite_translation.formats import Answer, read_document
from suite_translation.localize import review

import suite
from suite import as_written, inert
from suite.domain.answers import write_csv

LIVE = ("=1+1", "+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠a", "'=1", "''-1")
START = re.compile(r"[=+\-@\t\r\n＝＋－＠]")


def cells(path: Path) -> list[str]:
    """All cells of a CSV file, its first line's too."""
    with path.open(newline="", encoding="utf-8") as file:
        return [cell for row in csv.reader(file) for cell in row]


@given(st.text() | st.sampled_from(LIVE))
def test_an_inert_cell_begins_no_formula_and_is_read_back(text):
    assert not START.match(inert(text))
    assert as_written(inert(text)) == text


def test_predictions_and_the_names_of_their_columns(tmp_path):
    write_csv([{text: text} for text in LIVE], tmp_path / "a.csv")
    assert len(cells(tmp_path / "a.csv")) > len(LIVE)
    assert not any(map(START.match, cells(tmp_path / "a.csv")))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
@pytest.mark.parametrize("verbatim", [False, True])
def test_alerts_and_tables_that_are_written_again(tmp_path, kind, verbatim):
    numbers = ["-12.50", "+3", "-1,5", "1e-3", None]
    table = pa.table({"=name": pa.array([*LIVE, *numbers], pa.string()).cast(kind)})
    with stream.writing(tmp_path / "a.csv", table.schema, verbatim=verbatim) as writer:
        writer.write(table)
    written = cells(tmp_path / "a.csv")
    plain = {"+1", *numbers} if verbatim else set()
    assert not [cell for cell in written if START.match(cell) and cell not in plain]
    assert set(numbers) - {None} <= set(written) if verbatim else "'-12.50" in written


def test_a_list_to_look_at_is_read_back(tmp_path):
    doubts = [{"key": text, "source": text, "target": text, "confidence": 0.1, "why": text} for text in LIVE]
    (tmp_path / "a.json").write_text("{}")
    review.write(tmp_path / "a.json", doubts, left=False)
    assert not any(map(START.match, cells(review.beside(tmp_path / "a.json"))))
    assert review.read(tmp_path / "a.json") == {text: text for text in LIVE}


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_no_translation_begins_a_formula_where_its_source_begins_none(tmp_path, ending):
    sign = {"csv": ",", "tsv": "\t"}[ending]
    path = tmp_path / f"a.{ending}"
    path.write_text(f"key{sign}source{sign}de\na{sign}Sum{sign}\nb{sign}- item{sign}\n")
    document = read_document(path, "de")
    answers = {"a": Answer("=SUM(A1)"), "b": Answer("- Punkt")}
    document.write(tmp_path / f"out.{ending}", answers, language="de")
    written = (tmp_path / f"out.{ending}").read_text()
    assert "=SUM" not in written
    assert "- Punkt" in written


def test_every_writer_of_tables_is_among_those_tested():
    """Whoever writes a table anew is found here, and belongs into a test above."""
    root = Path(suite.__file__).parents[1]
    writers = re.compile(r"csv\.writer|DictWriter|CSVWriter|write_csv\(|to_csv\(|to_excel\(|openpyxl|xlsxwriter")
    known = {
        "suite/domain/answers.py", "suite/tables/readers.py",  # the second asks Arrow, in memory
        "plugins/fraud/suite_fraud/data/stream.py",
        "plugins/medical-imaging/suite_medical_imaging/commands/deidentify.py",
        "examples/forecasting/suite_forecasting/starter.py", "examples/points/suite_points/starter.py",  # numbers alone
    }  # fmt: skip
    files = [
        *root.glob("suite/**/*.py"),
        *root.glob("plugins/*/suite_*/**/*.py"),
        *root.glob("examples/*/suite_*/**/*.py"),
    ]
    assert {str(file.relative_to(root)) for file in files if writers.search(file.read_text("utf-8"))} == known
