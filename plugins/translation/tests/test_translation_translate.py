"""The inference path with a model that says what the test wants it to."""

from __future__ import annotations

import pytest

from suite_translation.data.glossary import Glossary
from suite_translation.model.confidence import Confidence
from suite_translation.model.generate import Candidate
from suite_translation.model.translate import translate
from suite_translation.strings.placeholders import problems


class Model:
    """Answers from a table; what is not in it comes back in capitals. Keeps what it was asked."""

    def __init__(self, **answers):
        self.answers, self.asked, self.unlooped = answers, [], []

    def __call__(self, asked, *, unlooped=False):
        self.asked += [query.text for query in asked]
        self.unlooped += [query.text for query in asked if unlooped]
        table = self.answers.get("unlooped", {}) if unlooped else self.answers["first"]
        return [[Candidate(text, -0.1 - i) for i, text in enumerate(self._of(table, query.text))] for query in asked]

    def _of(self, table, text):
        answer = table.get(text, f"{text}§")
        return [answer] if isinstance(answer, str) else answer


def ask(model, *texts, language="de", style=None, **options):
    examples = [{"source": text, "language": language, "style": style} for text in texts]
    return translate(examples, model, fits=lambda text, language: len(text) < 60, **options)


def test_placeholders_accelerators_and_white_space_come_back():
    model = Model(first={"Copy ⟦0⟧ files to ⟦1⟧⟦2⟧⟦3⟧": "⟦0⟧ Dateien nach ⟦1⟧⟦2⟧⟦3⟧ kopieren"})
    (answer,) = ask(model, "  &Copy %d files to <b>%s</b>\n")
    assert answer["translation"] == "  %d &Dateien nach <b>%s</b> kopieren\n"
    assert not answer["fuzzy"] and answer["why"] == [] and answer["log_probability"] == -0.1
    assert answer["confidence"] == pytest.approx(Confidence()(-0.1), abs=1e-4)


def test_placeholders_of_web_frameworks_come_back():
    model = Model(first={"Welcome ⟦0⟧ users": "Willkommen ⟦0⟧ Nutzer", "By ⟦0⟧, see ⟦1⟧me⟦2⟧": "Von ⟦0⟧: ⟦1⟧mich⟦2⟧"})
    welcome, by = ask(model, "Welcome %count% users", "By :name, see [b]me[/b]")
    assert welcome["translation"] == "Willkommen %count% Nutzer" and not welcome["fuzzy"]
    assert by["translation"] == "Von :name: [b]mich[/b]" and not by["fuzzy"]


def test_the_first_candidate_that_is_sound_is_taken():
    model = Model(first={"Delete ⟦0⟧": ["Lösche", "⟦0⟧ ⟦0⟧", "⟦0⟧ löschen"]})
    (answer,) = ask(model, "Delete %s")
    assert answer["translation"] == "%s löschen" and answer["log_probability"] == -2.1


def test_a_lost_placeholder_is_repaired_piece_by_piece():
    model = Model(first={"Delete ⟦0⟧ now": "weg", "Delete": "Lösche", "now": "jetzt"})
    (answer,) = ask(model, "Delete %s now")
    assert answer["translation"] == "Lösche %s jetzt" and answer["fuzzy"]
    assert answer["why"] == ["The texts between the placeholders were translated one by one."]


def test_what_cannot_be_saved_keeps_its_source():
    model = Model(first={"Delete ⟦0⟧ now": "weg", "Delete": "%d", "now": "jetzt"})
    (answer,) = ask(model, "Delete %s now")
    assert answer["translation"] == "Delete %s now" and answer["fuzzy"] and answer["confidence"] == 0
    assert answer["why"] == ["Its placeholders could not be kept."]


def test_the_whole_is_verified_once_more(monkeypatch):
    """Whatever went wrong before, what would break a program does not get out."""
    monkeypatch.setattr("suite_translation.strings.placeholders.unmask", lambda text, masked: "kaputt")
    (answer,) = ask(Model(first={}), "Delete %s")
    assert answer["translation"] == "Delete %s" and answer["fuzzy"]
    assert answer["why"][-1].startswith("Its placeholders could not be kept. ")


def test_a_loop_is_asked_again_and_else_left_out():
    loop = "die Datei die Datei die Datei"
    model = Model(first={"Save it": loop, "Open it": loop}, unlooped={"Save it": "Sichern", "Open it": loop})
    saved, opened = ask(model, "Save it", "Open it")
    assert model.unlooped == ["Save it", "Open it"]
    assert (saved["translation"], saved["fuzzy"]) == ("Sichern", False)
    assert (opened["translation"], opened["why"]) == ("Open it", ["The model repeated itself."])


def test_a_word_said_twice_is_said_once():
    model = Model(first={"Cancel": ["Abbrechen abbrechen", "Abbruch"], "Close ⟦0⟧": "Schließen schließen ⟦0⟧"})
    cancel, close, shouted = ask(model, "Cancel", "Close %s", "CANCEL")
    assert [answer["translation"] for answer in (cancel, close, shouted)] == ["Abbrechen", "Schließen %s", "ABBRECHEN"]
    assert not cancel["fuzzy"] and cancel["log_probability"] == -0.1 and model.unlooped == []


def test_words_are_not_said_twice_where_pieces_meet():
    model = Model(first={"Delete ⟦0⟧ now": "weg", "Delete": "Lösche lösche", "now": "jetzt"})
    (answer,) = ask(model, "Delete %s now")
    assert answer["translation"] == "Lösche %s jetzt"
    words = " ".join(f"word{chr(97 + i)}" for i in range(20))
    (answer,) = ask(lambda asked, **_: [[Candidate("Datei", -0.1)] for _ in asked], words)
    assert answer["translation"] == "Datei"


def test_an_empty_answer_keeps_the_source():
    (answer,) = ask(Model(first={"Save it": ""}, unlooped={"Save it": ""}), "Save it")
    assert answer["translation"] == "Save it" and answer["fuzzy"] and answer["why"] == ["The model gave nothing."]


def test_a_copy_is_kept_and_marked():
    (answer,) = ask(Model(first={"Save this file": "Save this file"}), "Save this file")
    assert answer["translation"] == "Save this file" and answer["why"] == ["The model copied the source."]


def test_capitals_are_translated_as_a_sentence():
    model = Model(first={"Hello world ⟦0⟧": "hallo Welt ⟦0⟧"})
    (answer,) = ask(model, "HELLO WORLD %s")
    assert answer["translation"] == "HALLO WELT %s" and model.asked == ["Hello world ⟦0⟧"]


def test_no_sentence_and_no_line_is_lost():
    model = Model(first={"Save it.": "Sichern.", "Then close.": "Dann schließen.", "Done": "Fertig"})
    (answer,) = ask(model, "Save it. Then close.\n\nDone")
    assert answer["translation"] == "Sichern. Dann schließen.\n\nFertig" and not answer["fuzzy"]


def test_a_sentence_that_shrank_is_marked():
    source = "Preferences for all of your windows are here."
    (answer,) = ask(Model(first={source: "Da."}), source)
    assert answer["why"] == ["A sentence seems to be missing."]


def test_a_sentence_too_long_is_cut_and_whole_again():
    words = " ".join(f"word{chr(97 + i % 26)}" for i in range(40))
    model = Model(first={})
    (answer,) = ask(model, words)
    assert len(model.asked) > 3 and all(len(text) < 60 for text in model.asked)
    assert answer["translation"].replace("§", "") == words


def test_icu_branches_are_translated_each():
    source = "{n, plural, one {# file of {name}} other {# files of {name}}}"
    model = Model(first={"⟦0⟧ file of ⟦1⟧": "⟦0⟧ Datei von ⟦1⟧", "⟦0⟧ files of ⟦1⟧": "⟦0⟧ Dateien von ⟦1⟧"})
    (answer,) = ask(model, source)
    assert answer["translation"] == "{n, plural, one {# Datei von {name}} other {# Dateien von {name}}}"


def test_what_holds_no_words_is_not_asked():
    model = Model(first={})
    wordless = ["%s: %d%%", "  12  ", "<br/>", "", "{n, plural, one {#} other {#}}"]
    answers = ask(model, *wordless)
    assert [answer["translation"] for answer in answers] == wordless
    assert model.asked == [] and all(answer["confidence"] == 1 and not answer["fuzzy"] for answer in answers)


def test_a_slot_that_the_model_invents_is_left_out():
    (answer,) = ask(Model(first={"Save": "⟦0⟧ Sichern"}), "Save")
    assert answer["translation"] == "Sichern"


def test_spaces_of_typography_are_kept():
    said = "Saved\u00a0: 5\u202fMo\u3000x"
    invented, plain = ask(Model(first={"Save 5": f"⟦0⟧  {said}  ⟦1⟧", "Open 5": said}), "Save 5", "Open 5")
    assert invented["translation"] == plain["translation"] == said


def test_a_menu_in_chinese_has_its_accelerator_behind_it():
    (answer,) = ask(Model(first={"Open File...": "打开文件..."}), "Open &File...", language="zh")
    assert answer["translation"] == "打开文件(&F)..."


def test_forty_megabytes_are_kept_and_said():
    model = Model(first={})
    (answer,) = ask(model, "a" * 40_000_000)
    assert len(answer["translation"]) == 40_000_000 and answer["fuzzy"] and model.asked == []
    assert answer["why"] == ["It has 40,000,000 characters; 10,000 is the most that a segment may have."]


def test_too_wide_for_its_place_takes_a_shorter_candidate():
    model = Model(first={"Settings": ["Einstellungen", "Optionen"]})
    examples = [{"source": "Settings", "language": "de", "max_length": width} for width in (8, 5, None)]
    short, none, free = translate(examples, model, fits=lambda *_: True)
    assert (short["translation"], short["fuzzy"]) == ("Optionen", False)
    assert (none["translation"], none["why"]) == ("Einstellungen", ["It has 13 of at most 5 characters."])
    assert free["translation"] == "Einstellungen"


def test_doubt_marks():
    sure, unsure = ask(Model(first={"A b": "X y", "C d": ["%", "Z y"]}), "A b", "C d", low=0.5)
    assert (sure["translation"], sure["fuzzy"]) == ("X y", False)
    assert (unsure["translation"], unsure["why"]) == ("Z y", ["The model is not sure of it."])
    assert unsure["confidence"] == pytest.approx(Confidence()(-1.1), abs=1e-4)


class TestGlossary:
    glossary = Glossary.of([{"source": "folder", "target": "Verzeichnis"}, {"source": "file", "target": "Datei"}])

    def test_a_term_the_model_does_not_use_is_put_in(self):
        model = Model(first={"Open the folder ⟦0⟧": "Ordner ⟦0⟧ öffnen", "Open the ⟦1⟧ ⟦0⟧": "⟦1⟧ ⟦0⟧ öffnen"})
        (answer,) = ask(model, "Open the folder %s", glossary=self.glossary)
        assert answer["translation"] == "Verzeichnis %s öffnen" and not answer["fuzzy"]

    def test_one_that_it_inflects_is_left_to_it(self):
        model = Model(first={"All files": "Alle Dateien"})
        (answer,) = ask(model, "All files", glossary=self.glossary)
        assert answer["translation"] == "Alle Dateien" and model.asked == ["All files"]

    def test_a_plural_put_in_is_marked(self):
        model = Model(first={"All folders": "Alle Ordner", "All ⟦0⟧": "Alle ⟦0⟧"})
        (answer,) = ask(model, "All folders", glossary=self.glossary)
        assert answer["translation"] == "Alle Verzeichnis" and "as it is written there" in answer["why"][0]

    def test_a_term_that_would_break_something_leaves_the_first_answer(self):
        model = Model(first={"Open folder ⟦0⟧": "Ordner ⟦0⟧ öffnen", "Open ⟦1⟧ ⟦0⟧": "⟦1⟧ öffnen"})
        (answer,) = ask(model, "Open folder %s", glossary=self.glossary)
        assert answer["translation"] == "Ordner %s öffnen"
        assert answer["why"] == ["The glossary's 'Verzeichnis' is missing."]

    def test_a_term_that_stays_away_is_said(self):
        model = Model(first={"Open folder": "Ordner auf", "Open ⟦0⟧": "auf"})
        (answer,) = ask(model, "Open folder", glossary=self.glossary)
        assert answer["translation"] == "Ordner auf" and answer["why"] == ["The glossary's 'Verzeichnis' is missing."]


@pytest.mark.parametrize("answer", ["%s", "⟦0⟧⟦1⟧⟦2⟧", "<b>", "{0} {name}", "&", "", "⟦9⟧ & <i>", "%d %d \\n \n"])
def test_no_answer_breaks_a_placeholder(answer):
    """Whatever a model says to whatever it is asked."""
    sources = ["Save %s", "&Open <b>{name}</b>…", "{0} of {1}", "Plain text", "100%% of %(n)d", "A\n\nB %1$s"]

    def model(asked, *, unlooped=False):
        return [[Candidate(answer, -1.0)] for _ in asked]

    for source, prediction in zip(sources, ask(model, *sources), strict=True):
        assert problems(source, prediction["translation"]) == []
        assert prediction["translation"].strip()
