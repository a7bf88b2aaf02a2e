"""What speaks against a translation, and what is mended without asking the model."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite_translation.strings import guards


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("Save the file", "Datei speichern", ""),
        ("OK", "OK", ""),
        ("Save file", "Save file", ""),  # two words may be a name
        ("Save the file", "save the File", "copied"),
        ("Save the file", " ", "nothing"),
        ("Save the file", "die Datei die Datei die Datei", "repeated"),
        ("Close", "schließenenenen", "repeated"),
        ("very very very long", "sehr sehr sehr lang", ""),
        ("Page 1,024 of 3", "Seite 1.024 von 3", ""),
        ("Page 12 of 3", "Seite 12", "numbers"),
        ("Open", "Hiermit wird alles, was es gibt, geöffnet und noch mehr", "longer"),
    ],
)
def test_problem(source, target, said):
    problem = guards.problem(source, target)
    assert said in problem and bool(problem) == bool(said)


def test_double_words_of_good_grammar_are_no_loop():
    assert guards.loops("die, die das wissen; nous nous amusons; Couscous; Mississippi") == 1
    assert guards.loops("of the of the of the") == 3


@pytest.mark.parametrize(
    ("source", "text", "language", "expected"),
    [
        ("Cancel", "Abbrechen abbrechen", "de", "Abbrechen"),
        ("Cancel now", "jetzt Abbrechen\u00a0abbrechen abbrechen jetzt", "de_AT", "jetzt Abbrechen jetzt"),
        ("Bye bye", "Abbrechen abbrechen", "de", "Abbrechen abbrechen"),
        ("Delete it", "Löschen Sie sie", "de", "Löschen Sie sie"),
        ("You agree", "Vous vous engagez", "fr", "Vous vous engagez"),
        ("You agree", "die die", "fr", "die"),
        ("--port=PORT server port", "--port=PORT Port des Servers", "de", "--port=PORT Port des Servers"),
        ("Save", "Name name NAME NAME", "es", "Name NAME"),
        ("Save", "Datei\nDatei", "de", "Datei\nDatei"),
        ("Save", "Datei ⟦0⟧ Datei, Datei", "de", "Datei ⟦0⟧ Datei, Datei"),
        ("Mail", "E-Mail Mail Mail-Server", "de", "E-Mail Mail Mail-Server"),
        ("A to Z", "a Z a a 3 3", "es", "a Z a a 3 3"),
        ("Always", "luôn luôn", "vi", "luôn luôn"),
    ],
)
def test_words_are_not_said_twice(source, text, language, expected):
    assert guards.undoubled(source, text, language) == expected


@given(st.lists(st.sampled_from(["ab", "Ab", "cd", "CD", "x", "é1", "%s", "⟦0⟧", "cd,", "\n"]), max_size=12))
def test_no_word_stands_twice_where_the_source_has_none(words):
    made = guards.undoubled("Save it", " ".join(words), "es")
    assert made == guards.undoubled("Save it", made, "es")
    for first, second in pairwise(made.split(" ")):
        equal = first.isalpha() and len(first) > 1 and first.casefold() == second.casefold()
        assert not equal or first.isupper() != second.isupper()


@pytest.mark.parametrize(
    ("text", "calm"),
    [
        ("DELETE ALL FILES", "Delete all files"),
        ("USB", None),
        ("OK", None),
        ("Save As PDF", None),
        ("¿LISTO?", "¿Listo?"),
    ],
)
def test_shouting_becomes_a_sentence(text, calm):
    assert guards.shouts(text) == (calm is not None)
    if calm:
        assert guards.calmed(text) == calm


@pytest.mark.parametrize(
    ("source", "target", "language", "ended"),
    [
        ("Save as…", "Speichern unter", "de", "Speichern unter…"),
        ("Save as...", "Speichern unter…", "de", "Speichern unter..."),
        ("Name:", "Nom", "fr", "Nom\u00a0:"),
        ("Name:", "Nom :", "fr", "Nom :"),
        ("Save", "Speichern.", "de", "Speichern"),
        ("Sure?", "Sicher.", "de", "Sicher?"),
        ("Sure", "¿Seguro?", "es", "¿Seguro?"),
        ("Done.", "", "de", ""),
        ("Saved.", "已保存。", "zh", "已保存。"),
        ("Saved.", "保存しました", "ja", "保存しました。"),
        ("Sure?", "确定。", "zh", "确定？"),
        ("Name:", "名称：", "zh", "名称："),
        ("Wait…", "请稍候……", "zh", "请稍候……"),
        ("Saved", "已保存。", "zh", "已保存"),
        ("Saved.", "सहेजा गया।", "hi", "सहेजा गया।"),
        ("Sure?", "هل أنت متأكد؟", "ar", "هل أنت متأكد؟"),
        ("Saved.", "محفوظ۔", "ur", "محفوظ۔"),
        ("Saved.", "Պահված է։", "hy", "Պահված է։"),
        ("Sure?", "Σίγουρα;", "el", "Σίγουρα;"),
        ("Sure?", "Σίγουρα\u037e", "el", "Σίγουρα\u037e"),
        ("Stop.", "¡Alto!", "es", "¡Alto!"),
        ("Sure?", "¿Seguro.", "es", "¿Seguro?"),
        ("Files and so on", "Dateien usw.", "de", "Dateien usw."),
        ("Files and so on?", "Dateien usw.", "de", "Dateien usw.?"),
        ("Files, etc.", "Dateien und mehr", "de", "Dateien und mehr"),
        ("for example", "z.B.", "de", "z.B."),
        ("Size at most", "Größe max.", "de", "Größe max."),
        ("No", "No.", "es", "No"),
    ],
)
def test_the_end_is_that_of_the_source(source, target, language, ended):
    assert guards.ended(source, target, language) == ended
