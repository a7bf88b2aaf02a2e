"""translate-toolkit as a second reader and writer of files of strings.

It is under the GPL, so that it stands in tests alone. What is compared are the texts as a translator sees them, not
bytes: it writes a file anew, ours changes nothing but targets.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from translate.storage import csvl10n, jsonl10n, po, subtitles, tmx, xliff, xliff2
from translate.storage.base import TranslationStore

from suite_translation.formats import Answer, Document, read_document

# What the formats escape, what is wider than a byte, and characters of placeholders; every text says something.
TEXTS = st.text(st.sampled_from("ab<>&\"'%{}\\\n\té…🙂"), max_size=20).map(lambda text: f"x{text}z")
ROWS = st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4, unique_by=lambda row: row[0])
SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def stored(ending: str, sources: list[str]) -> bytes:
    """A file of these sources without targets, by their writer."""
    if ending == ".tmx":
        memory = tmx.tmxfile(sourcelanguage="en")
        for source in sources:
            memory.addtranslation(source, "en", "?", "de")
        return bytes(memory)
    store: TranslationStore = {".po": po.pofile, ".xlf": xliff.xlifffile, ".xliff": xliff2.Xliff2File}[ending]()
    if ending == ".po":
        store.updateheader(add=True, Language="de", Content_Type="text/plain; charset=UTF-8")
    else:
        store.setsourcelanguage("en")
        store.settargetlanguage("de")
    for number, source in enumerate(sources):
        store.addsourceunit(source).setid(str(number))
    return bytes(store)


PARSERS = {".po": po.pofile, ".xlf": xliff.xlifffile, ".xliff": xliff2.Xliff2File, ".tmx": tmx.tmxfile}


def theirs(ending: str, raw: bytes) -> list[tuple[str, str]]:
    units = [unit for unit in PARSERS[ending].parsestring(raw).units if not unit.isheader()]
    return [(str(unit.source), str(unit.target or "")) for unit in units]


def opened(tmp_path, name: str, raw: bytes) -> Document:
    (tmp_path / name).write_bytes(raw)
    return read_document(tmp_path / name, "de")


def answered(tmp_path, document: Document, targets: list[str], *, fuzzy: bool = False) -> tuple[bytes, Document]:
    """The file with these targets, as bytes and as read again; one that breaks a placeholder is the source instead."""
    answers = {segment.key: Answer(text, fuzzy) for segment, text in zip(document.segments, targets, strict=True)}
    out = tmp_path / f"out{document.path.suffix}"
    document.write(out, answers, language="de", overwrite=True)
    return out.read_bytes(), read_document(out, "de")


@pytest.mark.parametrize("ending", PARSERS)
def test_texts_are_the_same_for_both_readers(tmp_path, ending):
    @SETTINGS
    @given(ROWS)
    def same(rows):
        sources, targets = [source for source, _ in rows], [target for _, target in rows]
        document = opened(tmp_path, f"a{ending}", stored(ending, sources))
        assert [segment.source for segment in document.segments] == sources
        raw, again = answered(tmp_path, document, targets)
        assert theirs(ending, raw) == [(segment.source, segment.target) for segment in again.segments]
        assert all(segment.target in row for segment, row in zip(again.segments, rows, strict=True))

    same()


@pytest.mark.parametrize("ending", [".po", ".xliff"])
def test_what_waits_for_a_person_is_marked_as_they_mark_it(tmp_path, ending):
    document = opened(tmp_path, f"a{ending}", stored(ending, ["Open", "Shut"]))
    for fuzzy in (True, False):
        raw, _ = answered(tmp_path, document, ["Auf", "Zu"], fuzzy=fuzzy)
        units = [unit for unit in PARSERS[ending].parsestring(raw).units if not unit.isheader()]
        assert [unit.isfuzzy() for unit in units] == [fuzzy] * 2


def test_version_one_of_xliff_is_read_by_state_where_they_read_approval(tmp_path):
    """They take whatever nobody approved for fuzzy, a finished translation too; ours follows the state, and approves
    nothing, which is a person's to do."""
    document = opened(tmp_path, "a.xlf", stored(".xlf", ["Open"]))
    for fuzzy in (True, False):
        raw, again = answered(tmp_path, document, ["Auf"], fuzzy=fuzzy)
        [unit] = xliff.xlifffile.parsestring(raw).units
        assert again.segments[0].fuzzy == fuzzy
        assert (unit.isfuzzy(), unit.isapproved()) == (True, False)
        assert (unit.get_state_n() == unit.S_NEEDS_REVIEW) == fuzzy


PLURALS = [
    ("de", [("%d file", "%d files")], ["%d Datei", "%d Dateien"]),
    ("pl", [("%d file", "%d files")], ["%d plik", "%d pliki", "%d plików"]),
]


@pytest.mark.parametrize(("language", "sources", "targets"), PLURALS)
def test_plural_forms_are_theirs(tmp_path, language, sources, targets):
    store = po.pofile()
    store.updateheader(add=True, Content_Type="text/plain; charset=UTF-8")
    for pair in sources:
        store.addsourceunit(list(pair))
    (tmp_path / "a.po").write_bytes(bytes(store))
    document = read_document(tmp_path / "a.po", language)
    answers = {segment.key: Answer(text) for segment, text in zip(document.segments, targets, strict=True)}
    document.write(tmp_path / "b.po", answers, language=language)
    again = po.pofile.parsefile(str(tmp_path / "b.po"))
    [unit] = [entry for entry in again.units if not entry.isheader()]
    assert unit.target.strings == targets
    assert again.getheaderplural()[0] == str(len(targets))


@pytest.mark.parametrize("dialect", ["unix", "excel"])
def test_tables_are_read_alike(tmp_path, dialect):
    """Of its dialects those of spreadsheets; its own escapes by backslashes, which a spreadsheet shows as they are."""

    @SETTINGS
    @given(ROWS)
    def same(rows):
        store = csvl10n.csvfile(fieldnames=["location", "source", "target", "fuzzy"])
        store.dialect = dialect
        for number, (source, _) in enumerate(rows):
            store.addsourceunit(source).location = f"k{number}"
        document = opened(tmp_path, "a.csv", bytes(store))
        assert [segment.source for segment in document.segments] == [source for source, _ in rows]
        raw, again = answered(tmp_path, document, [target for _, target in rows], fuzzy=True)
        store = csvl10n.csvfile(fieldnames=["location", "source", "target", "fuzzy"])
        store.encoding = "utf-8"  # it would guess, and take an emoji for Korean, or an apostrophe for the quote
        store.parse(raw, dialect=dialect)
        # A line end in a cell is the file's own; ours reads any as "\n".
        units = [(unit.source, unit.target.replace("\r\n", "\n"), unit.isfuzzy()) for unit in store.units]
        assert units == [(segment.source, segment.target, True) for segment in again.segments]

    same()


JSON = {
    "nested.json": (jsonl10n.JsonNestedFile, {"a": {"b": "One"}, "c": ["x\ny", "z"]}),
    "web.json": (jsonl10n.WebExtensionJsonFile, {"a": {"message": "One $X$", "description": "d"}}),
    "app.arb": (jsonl10n.ARBJsonFile, {"@@locale": "en", "a": "One {n}", "@a": {"description": "d"}}),
}


@pytest.mark.parametrize("name", JSON)
def test_strings_of_json_are_theirs(tmp_path, name):
    reader, data = JSON[name]
    document = opened(tmp_path, name, json.dumps(data).encode())
    expected = [str(unit.source) for unit in reader.parsestring(json.dumps(data).encode()).units if unit.source]
    assert [segment.source for segment in document.segments] == expected
    raw, _ = answered(tmp_path, document, [f"Ü {segment.source}" for segment in document.segments])
    assert [str(unit.source) for unit in reader.parsestring(raw).units if unit.source] == [
        f"Ü {text}" for text in expected
    ]


CUES = """1
00:00:01,000 --> 00:00:02,500
Good <i>morning</i> &
welcome, all of you, to this place

2
00:01:03,000 --> 00:01:04,000
- Who's there?
- Nobody.
"""


def test_cues_are_theirs_but_for_lines_that_ours_joins(tmp_path):
    """A sentence over two lines is one text for a model, and is broken anew for the screen; a dialogue is not."""
    document = opened(tmp_path, "a.srt", CUES.encode())
    units = subtitles.SubRipFile.parsestring(CUES.encode()).units
    joined = [units[0].source.replace("\n", " "), units[1].source]
    assert [segment.source for segment in document.segments] == joined
    targets = ["Guten <i>Morgen</i> & willkommen an diesem schönen Ort, alle zusammen", "- Wer da?\n- Niemand."]
    raw, _ = answered(tmp_path, document, targets)
    again = subtitles.SubRipFile.parsestring(raw).units
    assert [unit.source.replace("\n", " ") for unit in again] == [text.replace("\n", " ") for text in targets]
    assert [unit.getid() for unit in again] == [unit.getid() for unit in units], "the times stay"
    assert [unit.source.count("\n") for unit in again] == [1, 1]
