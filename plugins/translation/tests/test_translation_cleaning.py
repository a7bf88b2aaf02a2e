"""Which pairs are left out and why; what the profile for programs must keep."""

from __future__ import annotations

import pytest
from datasets import Dataset

from suite_translation.config import TranslationConfig
from suite_translation.data.cleaning import findings, rejected

SHORT = [("OK", "OK"), ("%d%%", "%d%%"), ("Yes", "Ja"), ("m1.small", "m1.small"), ("Settings", "Einst."), ("…", "…")]


@pytest.mark.parametrize(("source", "target"), SHORT)
def test_the_profile_for_programs_keeps_their_strings(source, target):
    assert rejected(source, target, None, "ui") == ""


def test_prose_leaves_out_equal_texts_and_odd_lengths():
    assert rejected("OK", "OK", None, "prose") == "target equals source"
    assert "more than 3 times as long" in rejected("Yes", "Ja, das ist ganz sicher so", None, "prose")
    assert rejected("No letters", "123", None, "prose") == "target has no letter"
    assert rejected("It is a good day.", "Es ist ein guter Tag.", None, "prose") == ""


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("Save", "  ", "target is empty"),
        (" ", "a", "source is empty"),
        ("Save %s", "Sichern", "placeholders: "),
        ("Save <b>it</b>", "<b>Sichern", "placeholders: "),
        ("Size", "Größe \ufffd", r"U\+FFFD"),
        ("Size", "GrÃ¶ÃŸe", "'Ã¶' stands for 'ö'"),
        ("It’s", "Itâ€™s", "mixed encodings"),
        ("a" * 10_001, "b", "a text of 10,001 characters"),
        ("Save", "ja ja ja ja ja", "the same over and over"),
    ],
)
def test_every_profile_leaves_out_what_is_broken(source, target, said):
    for profile in ("ui", "prose"):
        assert said.replace("\\", "") in rejected(source, target, None, profile)


def test_real_letters_are_no_misread_ones():
    for text in ("Größe, Âge, Ãs, façade, ¿Qué?", "Ângulo Ção", "« Âgé »"):
        assert rejected("Size", text, None, "ui") == ""


def test_forty_megabytes_are_told_in_time():
    rows = Dataset.from_dict({"source": ["a" * 40_000_000], "target": ["b"]})
    (finding,) = findings(rows, TranslationConfig())
    assert (finding.severity, finding.row) == ("error", 0) and "40,000,000 characters" in finding.message


def test_none_checks_no_row_and_repeats_are_a_note():
    rows = Dataset.from_dict({"source": ["Save %s"] * 3, "target": ["Sichern"] * 3})
    (note,) = findings(rows, TranslationConfig(cleaning="none"))
    assert note.severity == "note" and note.message.startswith("2 rows repeat")
    assert sum(finding.severity == "error" for finding in findings(rows, TranslationConfig())) == 3


def test_a_column_of_other_things_refuses_the_data():
    rows = Dataset.from_dict({"source": ["a"], "target": [{"de": "b"}]})
    (finding,) = findings(rows, TranslationConfig())
    assert finding.row is None and finding.severity == "error" and "'target' holds" in finding.message


def test_the_wrong_language_is_doubted():
    french = [f"le fichier {i} est dans la liste pour vous" for i in range(300)]
    rows = Dataset.from_dict({"source": [f"file {i}" for i in range(300)], "target": french})
    warned = [finding.message for finding in findings(rows, TranslationConfig()) if finding.severity == "warning"]
    assert warned == ["The targets said to be de read like fr; see that language is right."]
    assert not [o for o in findings(rows, TranslationConfig(target_language="fr")) if o.severity == "warning"]
