"""The memory: equal sources, alike ones with their numbers and placeholders exchanged, and none with broken ones."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite_translation.localize.memory import Memory, adapted, alikeness, distance, similarity
from suite_translation.strings import placeholders


def row(source, target, language="de", context=""):
    return {"source": source, "target": target, "language": language, "context": context}


def test_an_equal_source_is_found_by_language_and_context():
    memory = Memory.of(
        [
            row("Open", "Öffnen", context="menu"),
            row("Open", "Offen", context="state"),
            row("Save", "Sichern"),
            row("Save", "Speichern"),
            row("Save", "Enregistrer", "fr"),
            row("Quit", "Beenden", context="menu"),
            row("Empty", ""),
        ]
    )
    assert len(memory) == 4
    assert [memory.exact("Open", "de", context) for context in ("menu", "state", "", "other")] == [
        "Öffnen",
        "Offen",
        None,
        None,
    ]
    assert memory.exact("Save", "de") == "Speichern"  # the later one
    assert memory.exact("Save", "fr_CA") == "Enregistrer"
    assert memory.exact("Quit", "de", "elsewhere") == "Beenden"
    assert [memory.exact("Save", "es"), memory.exact("save", "de"), memory.exact("Empty", "de")] == [None, None, None]


def test_the_same_code_comes_before_a_relative():
    memory = Memory.of([row("Mobile", "Handy", "de_CH"), row("Mobile", "Mobil", "de")])
    assert (memory.exact("Mobile", "de"), memory.exact("Mobile", "de-ch")) == ("Mobil", "Handy")


def test_the_most_alike_source_is_suggested():
    memory = Memory.of([row("Save the file", "A"), row("Save the files now", "B"), row("Delete the file", "C")])
    suggestion = memory.fuzzy("Save the files", "de", threshold=0.7)
    assert (suggestion.target, suggestion.source) == ("A", "Save the file")
    assert suggestion.similarity == pytest.approx((2 / 3 + 13 / 14) / 2)
    assert memory.fuzzy("Save the files", "de", threshold=0.8) is None
    assert memory.fuzzy("Save the files", "fr", threshold=0.1) is None
    assert Memory().fuzzy("Save", "de") is None


def test_an_unsuitable_suggestion_gives_way_to_the_next():
    memory = Memory.of([row("Open the file %s", "%s öffnen"), row("Open the files at once", "Dateien sofort öffnen")])
    assert memory.fuzzy("Open the files", "de", threshold=0.5).target == "Dateien sofort öffnen"


@pytest.mark.parametrize(
    ("source", "known", "target", "expected"),
    [
        ("Page 3 of 12", "Page 1 of 10", "Seite 1 von 10", "Seite 3 von 12"),
        ("Page 2 of 1", "Page 1 of 2", "Seite 1 von 2", "Seite 2 von 1"),
        ("Page 3 of 4", "Page 1 of 1", "Seite 1 von 1", None),
        ("Top 10", "Top 5", "Die besten fünf", None),
        ("Top 10", "Top", "Beste", None),
        ("Delete %d files", "Delete {n} files", "{n} Dateien löschen", "%d Dateien löschen"),
        ("Delete %d files", "Delete 3 files", "3 Dateien löschen", None),
        ("Save <b>%s</b>", "Save <i>%s</i>", "<i>%s</i> speichern", "<b>%s</b> speichern"),
        ("Save 2 %s", "Save 7 %s", "7 %s speichern", "2 %s speichern"),
        ("Save %s", "Save %s", "Speichern", None),
        ("Save %s", "Save %s", "%s speichern", "%s speichern"),
        ("Save %s", "Store %s", "Speichern", None),
        ("&Save as", "Save as", "Speichern als", "&Speichern als"),
        ("Save as", "&Save as", "S&peichern als", "Speichern als"),
    ],
)
def test_numbers_and_placeholders_are_exchanged_or_nothing_is_suggested(source, known, target, expected):
    assert adapted(source, known, target) == expected


PARTS = st.lists(st.sampled_from(["%s", "%d", "{name}", "<b>", "</b>", "&nbsp;", "3", "17", "Save", "file", "&", "\n"]))


@given(PARTS, PARTS, PARTS)
def test_no_suggestion_has_a_problem(source, known, target):
    source, known, target = (" ".join(parts) for parts in (source, known, target))
    suggestion = adapted(source, known, target)
    assert suggestion is None or placeholders.problems(source, suggestion) == []


def test_sources_that_differ_in_numbers_alone_are_nearly_equal():
    memory = Memory.of([row("Page 1 of 10", "Seite 1 von 10"), row("Page one", "Seite eins")])
    assert memory.fuzzy("Page 10021 of 33333", "de") == ("Seite 10021 von 33333", 0.99, "Page 1 of 10")
    assert alikeness("Page 1", "Page 1") == 1.0
    assert alikeness("Page 1", "Pages 2") < 0.99


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("abc", "abc", 0), (["a", "b"], ["b"], 1)],
)
def test_an_edit_distance_is_levenshteins(first, second, expected):
    assert distance(first, second) == distance(second, first) == expected


@given(st.text("abc", max_size=12), st.text("abc", max_size=12))
def test_bit_vectors_count_as_the_table_does(first, second):
    row_before = list(range(len(second) + 1))
    for place, character in enumerate(first, start=1):
        current = [place]
        for other, letter in enumerate(second, start=1):
            change = row_before[other - 1] + (character != letter)
            current.append(min(change, row_before[other] + 1, current[-1] + 1))
        row_before = current
    assert distance(first, second) == row_before[-1]


def test_similarity_is_the_mean_of_characters_and_words():
    assert similarity("Save file", "Save files") == pytest.approx((0.9 + 0.5) / 2)
    assert (similarity("a", "a"), similarity("a", "b"), similarity("", "")) == (1.0, 0.0, 1.0)


def test_the_index_finds_what_comparing_with_all_finds():
    """On 2,000 made-up strings, 60 of them asked for with a word exchanged."""
    draw = random.Random(0)
    words = ["".join(draw.choices("etaoinshrdlu", k=draw.randint(2, 8))) for _ in range(400)]
    texts = sorted({" ".join(draw.choices(words, k=draw.randint(2, 8))) for _ in range(2000)})
    memory = Memory.of(row(text, text) for text in texts)
    for text in draw.sample(texts, 60):
        parts = text.split()
        parts[draw.randrange(len(parts))] = "other"
        asked = " ".join(parts)
        best = max(alikeness(asked, known) for known in texts)
        suggestion = memory.fuzzy(asked, "de", threshold=0.5)
        assert (suggestion.similarity if suggestion else 0) == (best if best >= 0.5 else 0)


def test_scripts_of_all_kinds_are_told_apart():
    memory = Memory.of([row("保存文件", "A"), row("删除文件", "B"), row("😀😀 x", "C")])
    assert memory.fuzzy("保存文档", "de", threshold=0.3).target == "A"
    assert memory.fuzzy("😀😀", "de", threshold=0.3).target == "C"
