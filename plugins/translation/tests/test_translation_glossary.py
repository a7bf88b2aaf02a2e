"""The glossary: what is a term in a text, what is its translation, and what its file may not say."""

from __future__ import annotations

import pytest

from suite import SuiteError
from suite_translation.data.glossary import Glossary
from suite_translation.strings.languages import alike

ROWS = [
    {"source": "file", "target": "Datei", "language": "de"},
    {"source": "file manager", "target": "Dateiverwaltung", "language": "de"},
    {"source": "manager", "target": "Verwalter", "language": "de"},
    {"source": "entry", "target": "Eintrag", "language": "de"},
    {"source": "Word", "target": "Word", "case": "yes"},
    {"source": "file", "target": "fichier", "language": "fr"},
    {"source": "C++", "target": "C++"},
]


@pytest.fixture
def glossary():
    return Glossary.of(ROWS)


def terms(glossary, text, language="de"):
    return [(text[hit.start : hit.end], hit.term.target) for hit in glossary.terms_in(text, language)]


def test_the_longest_term_wins_whole_words_only(glossary):
    assert terms(glossary, "Open the file  manager or a file") == [
        ("file  manager", "Dateiverwaltung"),
        ("file", "Datei"),
    ]
    assert terms(glossary, "profile filename managers") == [("managers", "Verwalter")]


def test_case_plural_and_signs(glossary):
    assert terms(glossary, "Files: 3 entries") == [("Files", "Datei"), ("entries", "Eintrag")]
    assert terms(glossary, "a word in Word, written in C++") == [("Word", "Word"), ("C++", "C++")]


def test_terms_hold_for_their_language(glossary):
    assert terms(glossary, "file", "fr") == [("file", "fichier")]
    assert terms(glossary, "file", "de_AT") == [("file", "Datei")]
    assert terms(glossary, "file", "es") == []
    assert (alike("pt_BR", "pt-pt"), alike("pt", "pt_BR"), alike("de", "den")) == (False, True, False)


def test_a_term_of_the_language_comes_before_one_of_all():
    glossary = Glossary.of(
        [{"source": "mail", "target": "Mail"}, {"source": "mail", "target": "Post", "language": "de"}]
    )
    assert [hit.term.target for hit in glossary.terms_in("mail", "de")] == ["Post"]


def test_missing_terms_are_named_and_endings_allowed(glossary):
    assert glossary.missing("Delete files", "Dateien löschen", "de") == []
    assert [term.source for term in glossary.missing("Delete files", "Ordner löschen", "de")] == ["file"]
    assert [term.source for term in glossary.missing("file to file", "Datei zu Ordner", "de")] == ["file"]
    assert [term.source for term in glossary.missing("Word", "word", "de")] == ["Word"]
    assert [term.source for term in glossary.missing("file", "Dateiverwaltung", "de")] == ["file"]


def test_accuracy_counts_terms(glossary):
    sources = ["Open the file", "A file and an entry", "Nothing"]
    targets = ["Datei öffnen", "Eine Datei und ein Ding", "Nichts"]
    assert glossary.accuracy(sources, targets, "de") == (2, 3)
    assert glossary.accuracy(["x"], ["y"], "de") == (0, 0)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", 'source,target,language\nfile,Datei,de\n"a, b","x""y",de\n'),
        (
            "a.tsv",
            '\ufeffSource\tTarget\tLanguage\tnote\nfile\tDatei\tDE\tx\n\na, b\tx"y\tde\n'.replace('x"y', '"x""y"'),
        ),
        ("a.csv", 'source;target;language\r\nfile;Datei;de\r\na, b;"x""y";de\r\n'),
    ],
)
def test_a_glossary_is_read_from_csv_and_tsv(tmp_path, name, text):
    (tmp_path / name).write_bytes(text.encode())
    assert [(term.source, term.target, term.language) for term in Glossary.read(tmp_path / name).terms] == [
        ("file", "Datei", "de"),
        ("a, b", 'x"y', "de"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"source,german\nfile,Datei\n", r"a\.csv has no column 'target' \(its columns: source, german\)"),
        (b"", r"has no column 'source' \(its columns: none\)"),
        (b"source,target\nfile,Datei\nFile,Akte\n", "translates 'File' by 'Datei' and by 'Akte'; keep one"),
        (b"source,target\nfile,\n", r"a\.csv, term 1 has no target"),
        (b"source,target\n,Datei\n", "term 1 has no source"),
        (b"source,target,case\nfile,Datei,maybe\n", "has the case 'maybe'; give yes or no"),
        (b"source,target\nfile,Gr\xf6\xdfe\n", "it is not UTF-8"),
        (b'source,target\nfile,"Datei\n', "save it as a CSV or TSV file"),
    ],
)
def test_what_a_glossary_may_not_be_is_told_in_a_sentence(tmp_path, content, message):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(SuiteError, match=message):
        Glossary.read(tmp_path / "a.csv")


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(SuiteError, match=r"cannot be read .No such file"):
        Glossary.read(tmp_path / "none.csv")


def test_the_same_term_twice_is_one():
    assert len(Glossary.of([ROWS[0], ROWS[0], ROWS[5]])) == 2


def test_ten_thousand_terms_are_found_by_their_words():
    """Trying each term on each text would take minutes."""
    many = Glossary.of({"source": f"term{n} word", "target": f"T{n}"} for n in range(10_000))
    for _ in range(2_000):
        assert [hit.term.target for hit in many.terms_in("the term42 word here", "de")] == ["T42"]
