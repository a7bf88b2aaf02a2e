"""Localising files: what stays, what memory knows, what the model says, and that nothing broken is ever written."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from translation_files import HEAD, Model

from suite import Corrections, SuiteError
from suite_translation import formats
from suite_translation.data.glossary import Glossary
from suite_translation.formats import Segment
from suite_translation.localize.memory import Memory
from suite_translation.localize.run import CHUNK, Localizer, Outcome, Report, corrected, kind, localize, refuse, render
from suite_translation.strings import placeholders

CATALOGUE = f"""{HEAD}
#: a.c:1
msgid "Open"
msgstr "Öffnen"

#, fuzzy
msgid "Close"
msgstr "Zu"

msgctxt "toolbar"
msgid "Open"
msgstr ""

#, c-format
msgid "Delete %d files"
msgstr ""

#, c-format
msgid "Copied %d file to %s"
msgid_plural "Copied %d files to %s"
msgstr[0] ""
msgstr[1] ""

msgid "Page 3"
msgstr ""

#. max-length: 6
msgid "Settings"
msgstr ""

msgid "Obscure words"
msgstr ""

msgid "Save the picture now"
msgstr ""
"""
EXPECTED = f"""{HEAD}
#: a.c:1
msgid "Open"
msgstr "Öffnen"

msgid "Close"
msgstr "«Close»"

msgctxt "toolbar"
msgid "Open"
msgstr "Öffnen"

# suite: No translation kept its placeholders, so it keeps its source.
#, fuzzy, c-format
msgid "Delete %d files"
msgstr "Delete %d files"

#, c-format
msgid "Copied %d file to %s"
msgid_plural "Copied %d files to %s"
msgstr[0] "«Copied %d file to %s»"
msgstr[1] "«Copied %d files to %s»"

# suite: The memory's source is 99 % alike: 'Page 12'.
#, fuzzy
msgid "Page 3"
msgstr "Seite 3"

# suite: It has 13 of at most 6 characters.
#. max-length: 6
#, fuzzy
msgid "Settings"
msgstr "Einstellungen"

# suite: The model is not sure of it.
#, fuzzy
msgid "Obscure words"
msgstr "Wörter"

# suite: The memory's source is 85 % alike: 'Save the pictures now'.
#, fuzzy
msgid "Save the picture now"
msgstr "Bilder sichern"
"""
ANSWERS = {
    "Delete %d files": ("%s Dateien löschen", 0.95),
    "Settings": ("Einstellungen", 0.9),
    "Obscure words": ("Wörter", 0.1, "The model is not sure of it."),
    "Save the picture now": ("Bild", 0.8, "The model is not sure of it."),
}
MEMORY = Memory.of(
    [
        {"source": "Page 12", "target": "Seite 12", "language": "de"},
        {"source": "Save the pictures now", "target": "Bilder sichern", "language": "de"},
    ]
)


@pytest.fixture
def catalogue(tmp_path):
    path = tmp_path / "messages.po"
    path.write_text(CATALOGUE, encoding="utf-8")
    return path


def test_a_catalogue_is_translated_to_the_byte(catalogue, tmp_path):
    model, output = Model(ANSWERS), tmp_path / "new" / "messages.de.po"
    report = localize(catalogue, output, model, language="de", shared=[MEMORY])
    assert output.read_text(encoding="utf-8") == EXPECTED
    assert catalogue.read_text(encoding="utf-8") == CATALOGUE
    assert sorted(example["source"] for example in model.asked) == sorted(
        ["Close", "Copied %d file to %s", "Copied %d files to %s", "Page 3", *ANSWERS]
    )
    assert (report.segments, report.kept, report.memory, report.model, report.source) == (10, 1, 3, 5, 1)
    assert report.fuzzy == {
        "No translation kept its placeholders, so it keeps its source": 1,
        "The memory's source is n % alike": 2,
        "It has n of at most n characters": 1,
        "The model is not sure of it": 1,
    }
    assert [doubt["key"] for doubt in report.doubts if doubt["target"] == "Seite 3"] == ["Page 3"]


def test_a_second_call_finds_everything_finished_but_what_is_fuzzy(catalogue, tmp_path):
    output = tmp_path / "messages.de.po"
    localize(catalogue, output, Model(ANSWERS), language="de", shared=[MEMORY])
    model = Model()
    report = localize(output, tmp_path / "again.po", model, language="de")
    assert report.kept == 5
    assert len(model.asked) == 5
    assert (tmp_path / "again.po").read_text().count("fuzzy") == 1  # the one that has no room


def test_an_output_that_exists_is_a_memory(catalogue, tmp_path):
    output = tmp_path / "messages.de.po"
    output.write_text(HEAD + '\nmsgid "Obscure words"\nmsgstr "Dunkle Worte"\n', encoding="utf-8")
    model = Model()
    localize(catalogue, output, model, language="de")
    assert '"Dunkle Worte"' in output.read_text(encoding="utf-8")
    assert "Obscure words" not in [example["source"] for example in model.asked]


def segment(source, **more):
    return Segment(more.pop("key", source), source, **more)


def outcome(source, answer, memory=(), **more):
    localizer = Localizer(Model({source: answer}), [Memory.of(memory)])
    ((_, result),) = localizer.outcomes([segment(source, **more)], "de")
    return result


def row(source, target, context=""):
    return {"source": source, "target": target, "language": "de", "context": context}


@pytest.mark.parametrize(
    ("confidence", "why", "expected"),
    [
        (0.9, (), ("Bild", "model")),
        (0.1, (), ("Bild", "model")),
        (0.95, ("The model is not sure of it.",), ("Bilder sichern", "memory")),
    ],
)
def test_a_suggestion_is_taken_where_something_speaks_against_the_models_answer(confidence, why, expected):
    known = [row("Save the pictures now", "Bilder sichern")]  # .851 alike
    result = outcome("Save the picture now", ("Bild", confidence, *why), known)
    assert (result.target, result.origin) == expected
    assert result.fuzzy == (result.origin == "memory")


@pytest.mark.parametrize(("confidence", "origin"), [(0.9, "memory"), (0.995, "model")])
def test_a_suggestion_that_is_nearly_equal_is_taken_unless_the_model_is_surer(confidence, origin):
    assert outcome("Page 3", ("Blatt 3", confidence), [row("Page 12", "Seite 12")]).origin == origin


def test_what_a_memory_says_goes_through_the_glossary():
    terms = Glossary.of([{"source": "file", "target": "Datei"}])

    def whys(source, known, answer):
        memory = Memory.of([row(known, "Akte sichern")])
        ((_, result),) = Localizer(Model({source: answer}), [memory], glossary=terms).outcomes([segment(source)], "de")
        return result.origin, result.why

    missing = "The glossary's 'Datei' is missing."
    assert whys("Save file", "Save file", ("x", 0.9)) == ("memory", (missing,))
    assert whys("Save file", "Save files", ("x", 0.1, "Doubt.")) == ("model", ("Doubt.",))
    origin, (_, said) = whys("Save the file here", "Save the file there", ("x", 0.1, "Doubt."))
    assert (origin, said) == ("memory", missing)


def test_an_equal_source_with_several_targets_is_only_a_suggestion():
    known = [row("Open", "Öffnen", "menu"), row("Open", "Offen", "state")]
    assert outcome("Open", ("Auf", 0.5), known) == Outcome(
        "Offen", "memory", 1.0, ("The memory has several translations of it: 'Open'.",)
    )
    assert outcome("Open", ("Auf", 0.5), known, context="menu") == Outcome("Öffnen", "memory")


def test_a_known_translation_that_is_broken_or_too_wide_is_not_used():
    assert outcome("Save %s", ("%s sichern", 0.9), [row("Save %s", "Sichern")]).origin == "model"
    assert outcome("Save", ("Ab", 0.9), [row("Save", "Speichern")], max_length=5).target == "Ab"


def test_what_the_model_left_in_the_source_language_is_said_to_be():
    lost = ("Save %s", 0.0, "Its placeholders could not be kept.")
    assert outcome("Save %s", lost) == Outcome("Save %s", "source", 0.0, ("Its placeholders could not be kept.",))
    assert outcome("OK", ("OK", 0.9)) == Outcome("OK", "model", 0.9)
    assert outcome("Save", (" ", 0.9)).target == "Save"
    assert outcome("Save", (" ", 0.9)).fuzzy


def test_equal_texts_are_asked_once_and_what_is_not_to_be_translated_never():
    model = Model()
    segments = [segment("Save", key=str(number)) for number in range(3 * CHUNK)]
    segments += [segment("Quit", key="q", translate=False), segment(" \n", key="w")]
    segments += [segment("Save", key="wide", max_length=9), segment("Save", key="c", style="c-format")]
    outcomes = dict(Localizer(model).outcomes(segments, "fr"))
    assert len(outcomes) == 3 * CHUNK + 2
    assert model.asked == [
        {"source": "Save", "language": "fr", "style": None, "max_length": None},
        {"source": "Save", "language": "fr", "style": None, "max_length": 9},
        {"source": "Save", "language": "fr", "style": "c-format", "max_length": None},
    ]


PARTS = st.lists(st.sampled_from(["%s", "%d", "{name}", "<b>", "</b>", "&amp;", "{0}", "file", "&x", "\n", "⟦0⟧"]))


@given(PARTS, PARTS, PARTS)
def test_whatever_the_model_says_nothing_broken_comes_out(source, answer, known):
    source, answer, known = (" ".join(parts) for parts in (source, answer, known))
    for result in [outcome(source, (answer, 0.5), [row(known, answer)])] if source.strip() else []:
        assert placeholders.problems(source, result.target) == []
        assert result.target.strip()


def test_stopping_keeps_what_was_done(tmp_path):
    messages = "".join(f'\nmsgid "{"w" * number}"\nmsgstr ""\n' for number in range(1, CHUNK + 9))
    (tmp_path / "messages.po").write_text(HEAD + messages)
    output = tmp_path / "messages.de.po"
    report = localize(tmp_path / "messages.po", output, Model(stop_after=1), language="de")
    assert (report.stopped, report.model, report.segments) == (True, CHUNK, CHUNK + 8)
    assert report.output == str(tmp_path / "messages.de.partial.po")
    assert not output.exists()
    done = formats.read_document(tmp_path / "messages.de.partial.po", "de").segments
    assert [bool(unit.target) for unit in done] == [True] * CHUNK + [False] * 8


def test_files_of_other_languages_are_refused(tmp_path):
    path = tmp_path / "a.po"
    path.write_text(HEAD.replace("Language: de", "Language: fr") + '\nmsgid "Open"\nmsgstr "Ouvrir"\n')
    with pytest.raises(SuiteError, match="holds translations into fr, not de; give the file they were made from"):
        localize(path, tmp_path / "b.po", Model(), language="de")
    document = SimpleNamespace(source_language="sv", target_language="", segments=[])
    with pytest.raises(SuiteError, match=r"is in sv, and the model is asked to translate from en.*source_language=sv"):
        refuse(document, "a.xlf", "de", "en")


def test_finished_translations_with_wrong_placeholders_are_counted(tmp_path):
    (tmp_path / "a.po").write_text(HEAD + '\n#, c-format\nmsgid "Save %s"\nmsgstr "Sichern"\n')
    report = localize(tmp_path / "a.po", tmp_path / "b.po", Model(), language="de")
    assert (report.kept, report.broken) == (1, 1)
    assert "1  kept as they were have wrong placeholders" in render([report])


def test_corrections_are_a_memory(tmp_path):
    store = Corrections("translation", tmp_path)
    for target in ("Sichern", "Speichern"):
        store.add(
            {"source": "Save", "language": "de"},
            source="demo",
            model="m",
            before={"target": ""},
            after={"target": target},
        )
    assert corrected("translation", tmp_path).exact("Save", "de") == "Speichern"
    assert len(corrected("translation", tmp_path / "none")) == 0


def test_a_report_reads_well():
    report = Report("a.json", "a.de.json", segments=4, kept=1, model=3, fuzzy={"Short": 1, "Long": 2}, seconds=1.26)
    assert render([report]) == (
        "a.de.json: 4 segments in 1.3 s\n"
        "       1  kept as they were\n"
        "       3  translated\n"
        "       3  to be looked at, marked fuzzy\n"
        "         2  Long\n"
        "         1  Short"
    )
    report.marked, report.review = False, "a.de.json.review.csv"
    assert "\n       3  to be looked at, written all the same and listed in a.de.json.review.csv\n" in render([report])
    report.left = True
    assert "\n       3  to be looked at, left untranslated and listed in a.de.json.review.csv\n" in render([report])
    report.source, report.others = 1, ["en into fr", "en into es"]
    assert render([report]).endswith(
        "counts as not translated: the next call asks for it again\n"
        "          its parts from en into fr and en into es are left as they are"
    )


def test_reasons_are_counted_without_what_they_quote():
    assert kind("The glossary's 'Datei' is missing.") == "The glossary's … is missing"
    assert kind("It has 1,213 of at most 6 characters.") == "It has n of at most n characters"
    assert kind("The memory's source is 83 % alike: 'It's'.") == "The memory's source is n % alike"
