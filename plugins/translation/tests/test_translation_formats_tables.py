"""Tables, JSON and subtitles: exact bytes, with the standard library as a second reader."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suite import SuiteError
from suite_translation.formats import Answer, Segment, read_document


def _read(tmp_path, text, name, language="de"):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_document(path, language)


def _written(tmp_path, document, answers, language="de"):
    document.write(tmp_path / "out.bin", answers, language=language)
    return (tmp_path / "out.bin").read_bytes()


TABLE = 'key;source;de;comment;fuzzy;why\r\na;"Open; ""now""";;max length: 9;;\r\n\r\nb;Shut;Zu;;yes;old\nc;"x";\n'


def test_a_table(tmp_path):
    document = _read(tmp_path, TABLE, "a.csv")
    assert document.segments == [
        Segment("a", 'Open; "now"', context="a", note="max length: 9", max_length=9),
        Segment("b", "Shut", "Zu", "b", fuzzy=True),
        Segment("c", "x", context="c"),
    ]
    assert (document.target_language, document.shows_fuzzy) == ("de", True)
    answers = {"a": Answer('Auf; "jetzt"', fuzzy=True, why="Low."), "b": Answer("Zu"), "c": Answer("x")}
    made = _written(tmp_path, document, answers)
    assert made.decode() == (
        'key;source;de;comment;fuzzy;why\r\na;"Open; ""now""";"Auf; ""jetzt""";max length: 9;true;Low.\r\n\r\n'
        'b;Shut;Zu;;;\nc;"x";"x";;;\n'
    )
    assert _written(tmp_path, _read(tmp_path, made, "a.csv"), answers) == made


@pytest.mark.parametrize(
    ("head", "language", "source", "target"),
    [
        ("id,en,de,fr", "de", "en", "de"),
        ("id,en,de,fr", "fr", "en", "fr"),
        ("id,English,German", "de", "en", "de"),
        ("source,target", "fr", "", "fr"),
        ("msgid,msgstr", "", "", ""),
        ("en,pt_BR", "pt-br", "en", "pt-br"),
        ("en,de", "", "en", "de"),
    ],
)
def test_columns_are_found_by_their_names(tmp_path, head, language, source, target):
    columns = head.split(",")
    row = ["S" if name.lower() in ("en", "english", "source", "msgid") else f"T-{name}" for name in columns]
    document = _read(tmp_path, f"{head}\n{','.join(row)}\n", "a.csv", language)
    [segment] = document.segments
    assert segment.source == "S"
    wanted = {"fr": "T-fr", "de": "T-German" if "German" in head else "T-de", "pt-br": "T-pt_BR", "": row[-1]}[language]
    assert segment.target == ("T-target" if "target" in head else wanted)
    assert (document.source_language, document.target_language) == (source, target)


def test_a_column_is_added_where_there_is_none(tmp_path):
    text = '"en"\t"id"\n"One"\t"1"\n\nTwo\n"x"\t2'
    document = _read(tmp_path, text, "a.tsv")
    assert _written(tmp_path, document, {}) == text.encode()
    made = _written(tmp_path, document, {"1": Answer("Eins"), "Two": Answer("Z\t")})
    assert made.decode() == '"en"\t"id"\t"de"\n"One"\t"1"\t"Eins"\n\nTwo\n"x"\t2\t'.replace("Two\n", "Two\t\t\n")
    assert "target" in _written(
        tmp_path, _read(tmp_path, "source\nOne\n", "b.csv"), {"One": Answer("Eins")}
    ).decode()  # fmt: skip


def test_tabs_without_quoting(tmp_path):
    text = 'source\ttarget\n"Say" it\tx\nit\'s 5" wide\t\n'
    document = _read(tmp_path, text, "a.tsv")
    assert [segment.source for segment in document.segments] == ['"Say" it', "it's 5\" wide"]
    made = _written(tmp_path, document, {"it's 5\" wide": Answer('5" breit')}).decode()
    assert made == text.replace("wide\t", 'wide\t5" breit')


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        ("a,b\n1,2\n", "a.csv", "has no column of sources: its first line is a, b; call one 'source'"),
        ('source\n"open\n', "a.csv", "line 2: a quote opens a cell and does not close it"),
        ("source\nü\n".encode("latin-1"), "a.csv", "line 2 is not"),
        ("source\na\0b\n", "a.csv", "has a NUL character on line 2"),
        ("", "a.csv", "is empty: it has 0 bytes"),
        ('{"a": "b",}', "a.json", "is broken JSON, line 1"),
        ('{"a": "b", "a": "c"}', "a.json", "has the key 'a' twice in one object"),
        ('["a"]', "a.json", "is no file of keys and strings"),
        ('{"a":' * 60 + '"x"' + "}" * 60, "a.json", "is nested more than 50 deep"),
        ('{"a":' * 100_000, "a.json", "is nested more than 50 deep|broken JSON"),
        (json.dumps({"a": "x" * 100_001}), "a.json", "'a' has 100,001 characters"),
        ("1\n00:00:01,000 -> 00:00:02,000\nx\n", "a.srt", "line 1: .* begins no cue"),
        ("lost\n\n1\n00:00:01,000 --> 00:00:02,000\nx\n", "a.srt", "line 1: 'lost' begins no cue"),
        ("1\n00:00:01,000 --> 00:00:02,000\nx\n\n2\nlost\n", "a.srt", "line 5: .* begins no cue"),
        ("x", "a.docx", "is no file of strings that is known; its name must end in .po, .pot, .xlf"),
    ],
)
def test_what_is_broken_is_told(tmp_path, text, name, sentence):
    with pytest.raises(SuiteError, match=sentence):
        _read(tmp_path, text, name)


def test_json_keeps_keys_order_and_indentation(tmp_path):
    text = (
        '{\n\t"b.c" : {"x": "Open {{n}}", "n": 5, "l": ["One", {"y":"\\u00fc\\/"}]},\r\n "e": "", "b": {"c": "Two"}}\n'
    )
    document = _read(tmp_path, text, "app.en.json")
    assert document.segments == [
        Segment(r"b\.c.x", "Open {{n}}", context="b.c.x"),
        Segment(r"b\.c.l.0", "One", context="b.c.l.0"),
        Segment(r"b\.c.l.1.y", "ü/", context="b.c.l.1.y"),
        Segment("e", "", context="e"),
        Segment("b.c", "Two", context="b.c"),
    ]
    assert (document.source_language, document.target_language) == ("en", "de")
    answers = {r"b\.c.x": Answer("{{n}} öffnen"), r"b\.c.l.0": Answer('"1"/'), "b.c": Answer("{{m}}")}
    made = _written(tmp_path, document, answers).decode()
    assert made == text.replace("Open {{n}}", "{{n}} \\u00f6ffnen").replace("One", '\\"1\\"\\/')


def test_chromes_messages_and_flutters(tmp_path):
    chrome = {
        "a": {"message": "Hi $NAME$", "description": "Max length: 9", "placeholders": {"name": {"content": "$1"}}}
    }
    document = _read(tmp_path, json.dumps(chrome, indent=1), "_locales/en/messages.json")
    assert document.segments == [
        Segment("a.message", "Hi $NAME$", context="a", note="Max length: 9", max_length=9)
    ]  # fmt: skip
    made = json.loads(_written(tmp_path, document, {"a.message": Answer("Hallo $NAME$")}))
    assert made == {"a": {**chrome["a"], "message": "Hallo $NAME$"}}
    flutter = {"@@locale": "en", "n": "{n, plural, other{# files}}", "@n": {"description": "How many"}}
    document = _read(tmp_path, json.dumps(flutter), "app_en.arb")
    assert document.segments == [Segment("n", flutter["n"], context="n", note="How many", style="icu")]
    made = json.loads(_written(tmp_path, document, {"n": Answer("{n, plural, other{# Dateien}}")}))
    assert made == {**flutter, "@@locale": "de", "n": "{n, plural, other{# Dateien}}"}


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("en.json", "de.json"),
        ("app.en.json", "app.de.json"),
        ("en/app.json", "de/app.json"),
        ("app.json", "app.de.json"),
    ],
)
def test_translations_that_exist_are_kept(tmp_path, name, beside):
    target = tmp_path / beside
    target.parent.mkdir(exist_ok=True)
    target.write_text('{"b": "Zwei", "gone": "Weg"}')
    document = _read(tmp_path, '{"a": "One", "b": "Two"}', name)
    assert [(segment.source, segment.target) for segment in document.segments] == [("One", ""), ("Two", "Zwei")]
    assert _written(tmp_path, document, {"a": Answer("Eins")}) == b'{"a": "Eins", "b": "Zwei"}'


def test_plural_forms_of_the_target_language_survive(tmp_path):
    (tmp_path / "pl.json").write_text(
        '{"a": {"item_one": "rzecz", "item_few": "rzeczy", "item_many": "\\"rz\\"", "gone_few": "x"}}', encoding="utf-8"
    )
    text = '{\n  "a": {\n    "item_one" : "thing",\n    "item_other" : "things"\n  }\n}'
    document = _read(tmp_path, text, "en.json", "pl")
    made = _written(tmp_path, document, {"a.item_other": Answer("rzeczy?")}, "pl").decode()
    assert made == (
        '{\n  "a": {\n    "item_one" : "rzecz",\n    "item_other" : "rzeczy?",\n    "item_few" : "rzeczy",\n'
        '    "item_many" : "\\"rz\\""\n  }\n}'
    )
    again = _read(tmp_path, text, "app.json", "pl")  # from an output of any name
    again.recalled(_read(tmp_path, made, "out.json", "pl"))
    assert (
        _written(tmp_path, again, {"a.item_one": Answer("rzecz"), "a.item_other": Answer("rzeczy?")}).decode() == made
    )


def test_what_keeps_its_source_is_no_translation(tmp_path):
    (tmp_path / "de.json").write_text('{"a": "One", "b": "Zwei"}')
    document = _read(tmp_path, '{"a": "One", "b": "Two"}', "en.json")
    assert [segment.target for segment in document.segments] == ["", "Zwei"]
    refused = {"One": Answer("One", fuzzy=True, why="Lost.")}
    made = _written(tmp_path, _read(tmp_path, "source,target\nOne,\nTwo,x\n", "a.csv"), refused)
    assert made == b"source,target\nOne,\nTwo,x\n"
    made = _written(tmp_path, _read(tmp_path, "source\nOne\n", "b.csv"), refused)
    assert made == b"source,target\nOne,\n"
    made = _written(tmp_path, _read(tmp_path, "source,target,fuzzy\nOne,,\n", "c.csv"), refused)
    assert made == b"source,target,fuzzy\nOne,One,true\n"


def test_flutters_locale_is_that_of_the_target(tmp_path):
    document = _read(tmp_path, '{"@@locale": "en", "a": "One"}', "app_en.arb", "pt-BR")
    assert _written(tmp_path, document, {}, "pt-BR") == b'{"@@locale": "en", "a": "One"}'
    assert _written(tmp_path, document, {"a": Answer("Um")}, "pt-BR") == b'{"@@locale": "pt_BR", "a": "Um"}'


@pytest.mark.parametrize(
    ("other", "style"), [("Hi {name}", "icu"), ("Hi {{name}}", None), ("{n, plural, other {{n} files}}", "icu")]
)
def test_a_file_with_icu_branches_is_icu_throughout(tmp_path, other, style):
    data = {"a": "{n, plural, other {# files}}", "b": other, "c": "plain"}
    assert {segment.style for segment in _read(tmp_path, json.dumps(data), "a.json").segments} == {style}
    del data["a"]
    expected = "icu" if "plural" in other else None
    assert {segment.style for segment in _read(tmp_path, json.dumps(data), "b.json").segments} == {expected}


SRT = (
    "1\r\n00:00:01,000 --> 00:00:02,500 X1:1\r\n<i>A line of text</i>\r\nthat goes on\r\n\r\n\r\n"
    "2\r\n00:00:03,000 --> 00:00:04,000\r\n- Who?\r\n- Me.\r\n\r\n3\r\n00:00:05,000 --> 00:00:06,000\r\n\r\n"
    "3\r\n00:00:07,000 --> 00:00:08,000\r\nShort"
)


def test_subtitles(tmp_path):
    document = _read(tmp_path, SRT, "a.srt")
    assert document.segments == [
        Segment("1", "<i>A line of text</i> that goes on"),
        Segment("2", "- Who?\n- Me."),
        Segment("3", "Short"),
    ]
    assert not document.shows_fuzzy
    long = "<i>Eine Zeile</i> mit viel Text, die auf dem Bildschirm keinen Platz hätte"
    answers = {
        "1": Answer(long),
        "2": Answer("- Wer?\n\n- Ich."),
        "3": Answer(long.replace("<i>", "").replace("</i>", "")),
    }
    made = _written(tmp_path, document, answers).decode()
    assert made == (
        SRT.replace(
            "<i>A line of text</i>\r\nthat goes on",
            "<i>Eine Zeile</i> mit viel Text, die auf\r\ndem Bildschirm keinen Platz hätte",
        )
        .replace("- Who?\r\n- Me.", "- Wer?\r\n- Ich.")
        .replace("Short", "Eine Zeile mit viel Text, die auf dem Bildschirm keinen Platz hätte")
    )
    unnumbered = "00:00:01,000 --> 00:00:02,500\nA\n\n00:00:03,000 --> 00:00:04,000\nB --\n"
    document = _read(tmp_path, unnumbered, "b.srt")
    assert [segment.source for segment in document.segments] == ["A", "B --"]
    made = _written(tmp_path, document, {document.segments[1].key: Answer("C --> D")}).decode()
    assert made == unnumbered.replace("B --", "C → D")


def test_a_cue_with_an_empty_line_stays_as_it_is(tmp_path):
    text = SRT.replace("Short", "Short\r\n\r\nand more\r\n\r\n4\r\n00:00:09,000 --> 00:00:10,000\r\nLast")
    document = _read(tmp_path, text, "a.srt")
    assert [(segment.source, segment.translate) for segment in document.segments[2:]] == [
        ("Short", False),
        ("Last", True),
    ]
    answers = {"3": Answer("Kurz"), "4": Answer("Zuletzt")}
    assert _written(tmp_path, document, answers).decode() == text.replace("Last", "Zuletzt")


def test_no_line_of_a_subtitle_is_broken_in_a_tag(tmp_path):
    tag = '<font color="#ff-00" face="Some Sans">'
    text = f"1\n00:00:01,000 --> 00:00:02,500\n{tag}One line\nand two</font>\n"
    document = _read(tmp_path, text, "a.srt")
    made = _written(
        tmp_path, document, {"1": Answer(f"Eine ziemlich lange {tag}Zeile und eine zweite</font>")}
    ).decode()
    assert made == text.replace("One line\nand two", "Zeile\nund eine zweite").replace(
        tag, f"Eine ziemlich lange\n{tag}"
    )


FILES = [(TABLE, "a.csv"), (TABLE.replace(";", "\t"), "a.tsv"), ('{"a": {"b": "ü"}}', "a.json"), (SRT, "a.srt")]


@pytest.mark.parametrize(("text", "name"), FILES)
def test_no_answer_changes_no_byte(tmp_path, text, name):
    mixed = text.replace("\r\n", "\r", 1)
    for raw in (text.encode(), b"\xef\xbb\xbf" + text.encode(), text.encode("utf-16"), mixed.encode()):
        document = _read(tmp_path, raw, name)
        assert document.segments
        assert _written(tmp_path, document, {}) == raw


TEXT = st.text(st.sampled_from("ab ;,\t\"'\n\\/é…{}"), min_size=1, max_size=12).filter(str.strip)
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@QUICK
@given(
    st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4, unique_by=lambda row: row[0].strip()),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from([",", ";"]),
)
def test_the_csv_module_reads_what_is_written(tmp_path, rows, quoting, delimiter):
    file = io.StringIO()
    writer = csv.writer(file, quoting=quoting, delimiter=delimiter)
    writer.writerows([["n", "source", "de"], *(["1", source, ""] for source, _ in rows)])
    document = _read(tmp_path, file.getvalue(), "a.csv")
    assert [segment.source for segment in document.segments] == [source for source, _ in rows]
    answers = {segment.key: Answer(target) for segment, (_, target) in zip(document.segments, rows, strict=True)}
    made = _written(tmp_path, document, answers).decode()
    read = list(csv.reader(io.StringIO(made, newline=""), delimiter=delimiter))
    for row, (source, target) in zip(read[1:], rows, strict=True):
        assert row[:2] == ["1", source]
        assert row[2].replace("\r\n", "\n") in ("", target)


@QUICK
@given(st.dictionaries(TEXT, st.tuples(TEXT, TEXT), max_size=4), st.booleans(), st.sampled_from([None, 2, "\t"]))
def test_the_json_module_reads_what_is_written(tmp_path, rows, ascii_only, indent):
    data = {"top": {key: source for key, (source, _) in rows.items()}, "number": 1}
    text = json.dumps(data, ensure_ascii=ascii_only, indent=indent)
    document = _read(tmp_path, text, "a.json")
    targets = [target for _, target in rows.values()]
    answers = {segment.key: Answer(target) for segment, target in zip(document.segments, targets, strict=True)}
    made = _written(tmp_path, document, answers).decode()
    read = json.loads(made)
    assert list(read["top"]) == list(rows)
    assert all(read["top"][key] in pair for key, pair in rows.items())
    assert len(made.splitlines()) == len(text.splitlines())
