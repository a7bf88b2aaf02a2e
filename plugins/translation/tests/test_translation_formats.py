"""What holds for files of strings of every format: nothing is lost, and finished ones make training data."""

from __future__ import annotations

import pytest

from suite import SuiteError
from suite_translation.formats import FORMATS, Answer, pairs, read_document
from suite_translation.formats.base import unique
from suite_translation.formats.pairing import pair_files

PO = 'msgid ""\nmsgstr "Language: %s\\nContent-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "Open"\nmsgstr "%s"\n'


def test_every_ending_is_told():
    assert set(FORMATS) == {".po", ".pot", ".xlf", ".xliff", ".tmx", ".tsv", ".csv", ".json", ".arb", ".srt"}
    assert all(sentence.endswith(".") for sentence in FORMATS.values())


def test_the_file_read_is_not_overwritten_unless_asked(tmp_path):
    path = tmp_path / "a.po"
    path.write_text(PO % ("de", ""))
    document = read_document(path, "de")
    with pytest.raises(SuiteError, match=r"a\.po is the file that was read; give another name"):
        document.write(path, {"Open": Answer("Öffnen")}, language="de")
    assert path.read_text() == PO % ("de", "")
    document.write(path, {"Open": Answer("Öffnen")}, language="de", overwrite=True)
    assert path.read_text(encoding="utf-8") == PO % ("de", "Öffnen")
    assert [file.name for file in tmp_path.iterdir()] == ["a.po"]


def test_answers_of_another_file_are_refused(tmp_path):
    path = tmp_path / "a.po"
    path.write_text(PO % ("de", ""))
    with pytest.raises(SuiteError, match=r"a\.po has no segment 'Shut'; was it changed since it was read\?"):
        read_document(path, "de").write(tmp_path / "b.po", {"Shut": Answer("Zu")}, language="de")
    with pytest.raises(SuiteError, match=r"No language is given for the translations of a\.po"):
        read_document(path, "").write(tmp_path / "b.po", {"Open": Answer("Auf")}, language=" ")
    assert not (tmp_path / "b.po").exists()


def test_what_can_not_be_read_or_written_is_told(tmp_path):
    with pytest.raises(SuiteError, match="cannot be read: No such file"):
        read_document(tmp_path / "a.po", "de")
    path = tmp_path / "a.po"
    path.write_text(PO % ("de", ""))
    (tmp_path / "folder").mkdir()
    with pytest.raises(SuiteError, match="folder cannot be written: Is a directory"):
        read_document(path, "de").write(tmp_path / "folder", {}, language="de")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.po", "folder"]


def test_finished_segments_are_pairs(tmp_path):
    path = tmp_path / "a.po"
    text = PO % ("de", "Öffnen") + '\n#, fuzzy\nmsgid "x"\nmsgstr "y"\n\nmsgid "z"\nmsgstr ""\n'
    path.write_text(text + '\n#, c-format\nmsgctxt "c"\nmsgid "%s"\nmsgstr "%s!"\n', encoding="utf-8")
    assert pairs(read_document(path)) == [
        {"source": "Open", "target": "Öffnen", "language": "de", "context": "", "file": "a.po", "style": None},
        {"source": "%s", "target": "%s!", "language": "de", "context": "c", "file": "a.po", "style": "c-format"},
    ]


def test_a_folder_of_files_makes_pairs(tmp_path):
    files = {
        "de.po": PO % ("", "Öffnen"),
        "fr/LC_MESSAGES/app.po": PO % ("", "Ouvrir"),
        "x.po": PO % ("es", "Abrir"),
        "en.json": '{"a": "One", "b": "Two"}',
        "de.json": '{"a": "Eins", "b": ""}',
        "locales/en/app.json": '{"c": {"d": "Three"}}',
        "locales/fr/app.json": '{"c": {"d": "Trois"}}',
        "notes.txt": "no strings",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    rows = [(row["file"], row["source"], row["target"], row["language"]) for row, _ in pair_files(tmp_path)]
    assert rows == [
        ("de.po", "Open", "Öffnen", "de"),
        ("en.json", "One", "Eins", "de"),
        ("fr/LC_MESSAGES/app.po", "Open", "Ouvrir", "fr"),
        ("locales/en/app.json", "Three", "Trois", "fr"),
        ("x.po", "Open", "Abrir", "es"),
    ]


def test_keys_are_unique():
    assert unique(["a", "b", "a", "a"]) == ["a", "b", "a (2)", "a (3)"]
    assert len(set(unique(["a", "a", "a (2)"]))) == 3
