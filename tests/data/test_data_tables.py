"""Files as they stand: what is read, and how each kind of broken file is told."""

from __future__ import annotations

import csv
import io
import json

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from suite import Column, Columns, SuiteError
from suite.tables import readers as tables
from suite.tables.readers import Reading, read_table

READING = Reading(
    Columns((Column("text", "text", "words"), Column("n", "number", "count", required=False))),
    {},
)


@pytest.fixture
def read(tmp_path):
    """Function that writes bytes to a file of that name and reads its rows."""

    def from_bytes(content, name="data.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path, READING).to_pylist()

    return from_bytes


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("text,n\nNA,1\n007,2\nTRUE,\n", [("NA", 1), ("007", 2), ("TRUE", None)]),
        ("text;n\na,b;1\n", [("a,b", 1)]),
        ("text|n\na,b|1\n", [("a,b", 1)]),
        ('text,n\r\n"a\r\nb",1\r\n\r\nc,2\r\n', [("a\r\nb", 1), ("c", 2)]),
        ('text,n\n"say ""hi""",1\n', [('say "hi"', 1)]),
        ("\ufefftext,n\né,1\n", [("é", 1)]),
        ("text,n\né,1\n".encode("utf-16"), [("é", 1)]),
    ],
    ids=["as written", "semicolon", "bar", "line breaks", "quotes", "byte order mark", "utf-16"],
)
def test_csv(read, content, rows, capsys):
    assert read(content) == [{"text": text, "n": number} for text, number in rows]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("content", "text", "encoding"),
    [("text,n\né’,1\n".encode("cp1252"), "é’", "cp1252"), (b"text,n\n\xe9\x81,1\n", "é\x81", "latin-1")],
)
def test_other_encodings_are_said_aloud(read, capsys, content, text, encoding):
    assert read(content) == [{"text": text, "n": 1}]
    assert f"is not UTF-8; read as {encoding}. If letters look wrong, save it as UTF-8." in capsys.readouterr().err


def test_tsv_with_quotes_as_characters(read):
    rows = read('text\tn\n"Hello" he said\t1\n"open\t2\n', "data.tsv")
    assert rows == [{"text": '"Hello" he said', "n": 1}, {"text": '"open', "n": 2}]


def test_tsv_with_quoted_fields(read):
    assert read('text\tn\n"a\tb ""c"""\t1\n', "data.tsv") == [{"text": 'a\tb "c"', "n": 1}]


def test_number_far_down_that_is_none_turns_the_column_to_text(read):
    rows = read("text,n\n" + "a,1\n" * 300_000 + "b,many\n")
    assert rows[-1] == {"text": "b", "n": "many"}
    assert rows[0] == {"text": "a", "n": "1"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", '{"text": 7, "n": 1}\n\n{"text": "b"}\n'),
        ("a.json", '[{"text": 7, "n": 1}, {"text": "b"}]'),
        ("a.json", '{"data": [{"text": 7, "n": 1}, {"text": "b"}]}'),
        ("a.json", '{"text": 7, "n": 1}\n{"text": "b"}\n'),
    ],
)
def test_json(read, name, content):
    assert read(content, name) == [{"text": "7", "n": 1}, {"text": "b", "n": None}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", "{path} is empty."),
        ("a.csv", "\n \n", "{path} is empty."),
        ("a.csv", "text,n\n", "{path} holds no row."),
        (
            "a.csv",
            "text,n\na,1\nb,2,3\nc\n",
            "{path}: row 3 has 3 fields where the header has 2 (2 such rows; the header is row 1); "
            "close every quote, and quote fields that hold ','.",
        ),
        (
            "a.csv",
            'text,n\n"a,1\nb,2\n',
            "{path}: row 2 has 1 fields where the header has 2 (1 such rows; the header is row 1); "
            "close every quote, and quote fields that hold ','.",
        ),
        ("a.csv", "text,text\na,b\n", "{path} has several columns named 'text'; rename all but one."),
        (
            "a.csv",
            b"\x89PNG\0\0",
            "{path} is not a text file, whatever its ending says; give CSV, or name it as what it is.",
        ),
        (
            "a.jsonl",
            '{"text": "a"}\n{"text":}\n',
            "{path}: line 2 is not JSON (Expecting value: line 1 column 9 (char 8)); give one object per line.",
        ),
        ("a.jsonl", '{"text": "a"}\n[1]\n', "{path}: entry 2 is a list, not an object with named values."),
        ("a.jsonl", b"\xff", "{path} is not UTF-8, as JSON must be; save it as UTF-8."),
        ("a.json", "[]", "{path} holds no row."),
        (
            "a.xlsx",
            "x",
            "Cannot read {path}: .xlsx is not one of .csv, .tsv, .parquet, .jsonl, .ndjson, .json.",
        ),
    ],
)
def test_broken_files(read, tmp_path, name, content, message):
    with pytest.raises(SuiteError) as error:
        read(content, name)
    assert str(error.value) == message.format(path=tmp_path / name)


def test_json_of_mixed_types_names_the_column(read):
    with pytest.raises(SuiteError, match=r"a.jsonl: 'n' mixes values of several types \(.*\); use one."):
        read('{"n": "1"}\n{"n": 2}\n', "a.jsonl")


def test_bomb_of_brackets(read):
    with pytest.raises(SuiteError, match=r"a.json cannot be read .maximum recursion depth exceeded.*\.$"):
        read("[" * 200_000, "a.json")


def test_torn_parquet(read):
    with pytest.raises(SuiteError, match=r"a.parquet cannot be read .Parquet"):
        read(b"PAR1 and nothing more", "a.parquet")


def test_parquet_with_dictionaries(tmp_path):
    table = pa.table({"text": pa.array(["a", "b", "a"]).dictionary_encode(), "n": [1, 2, 3]})
    parquet.write_table(table, tmp_path / "a.parquet")
    read = read_table(tmp_path / "a.parquet", READING)
    assert read.column("text").type == pa.string()
    assert read.to_pylist() == table.to_pylist()


def test_large_parquet_is_mapped_from_the_cache_and_follows_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("SUITE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tables, "_LARGE", 0)
    path = tmp_path / "a.parquet"
    for texts in (["a", "b"], ["c", "d"]):
        parquet.write_table(pa.table({"text": texts}), path)
        assert read_table(path, READING).column("text").to_pylist() == texts
        assert len(list((tmp_path / "cache" / "tables").rglob("*.*"))) == 1
    before = pa.total_allocated_bytes()
    mapped = read_table(path, READING)
    assert pa.total_allocated_bytes() - before < mapped.nbytes


TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=20)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(TEXT, st.integers(-(2**60), 2**60)), min_size=1, max_size=20),
    delimiter=st.sampled_from(",;|"),
)
def test_whatever_csv_writes_is_read_back(read, rows, delimiter):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerows([("text", "n"), *rows])
    assert [(row["text"], row["n"]) for row in read(file.getvalue())] == rows


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=200) | st.binary(max_size=50).map(b"text,n\na,1\n".__add__),
    name=st.sampled_from(["a.csv", "a.tsv", "a.json", "a.jsonl", "a.parquet"]),
)
def test_any_bytes_are_rows_or_one_sentence(read, content, name):
    try:
        rows = read(content, name)
    except SuiteError as error:
        assert str(error).endswith(".")
        assert "\n" not in str(error)
    else:
        assert rows
        json.dumps(rows, default=str)
