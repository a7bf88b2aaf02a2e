"""Sentences: every character is kept, placeholders are whole, and a sentence that went missing is found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite_translation.strings.sentences import Piece, join, split, uncovered


def texts(text):
    return [piece.text for piece in split(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Save the file? It has changed.", ["Save the file?", "It has changed."]),
        ("Use a name, e.g. Dr. J. Smith. Then go on.", ["Use a name, e.g. Dr. J. Smith.", "Then go on."]),
        ("It takes 3.5 s. Version 2. Then stop.", ["It takes 3.5 s. Version 2.", "Then stop."]),
        ("Loading… Please wait", ["Loading…", "Please wait"]),
        ("Wait... what? yes", ["Wait... what? yes"]),
        ("1. Open it. 2. Close it.", ["1. Open it.", "2. Close it."]),
        ("1. Open\n2. Close", ["1. Open", "2. Close"]),
        ('He said "Stop!" Then he left.', ['He said "Stop!"', "Then he left."]),
        ("Saved. {count, plural, one {One. Two} other {# more. All}} left.", None),
        ('Saved. <a title="Go. Now. Please">Go. Now</a>', ["Saved.", '<a title="Go. Now. Please">Go.', "Now</a>"]),
        ("%s. %d more", ["%s.", "%d more"]),
        ("Broken { brace. Yet it goes on.", ["Broken { brace.", "Yet it goes on."]),
        ("文件已保存。请稍候！好", ["文件已保存。", "请稍候！", "好"]),
        ("Usage:\n\n  tool [FILE]", ["Usage:", "tool [FILE]"]),
        ("", []),
    ],
)
def test_a_text_is_cut_where_a_sentence_ends(text, expected):
    if expected is None:
        expected = ["Saved.", text.removeprefix("Saved. ")]
    assert texts(text) == expected


def test_white_space_is_kept_behind_the_sentence_it_follows():
    assert split("  One.  Two.\r\n\tThree \n") == [
        Piece("", "  "),
        Piece("One.", "  "),
        Piece("Two.", "\r\n\t"),
        Piece("Three", " \n"),
    ]


def test_translations_take_the_places_of_the_sentences():
    pieces = split("One.  Two.\n")
    assert join(pieces, ["Eins.", "Zwei."]) == "Eins.  Zwei.\n"
    with pytest.raises(ValueError, match="argument 2 is longer"):
        join(pieces, ["Eins."])


@given(st.text(alphabet="aB1 .!?…\n\r\t{}<>%s\"')。\u2028\xa0e", max_size=60))
def test_nothing_is_lost_and_no_piece_but_the_first_is_empty(text):
    pieces = split(text)
    assert join(pieces) == text
    assert all(piece.text for piece in pieces[1:])
    assert all(piece.text == piece.text.strip() for piece in pieces)


def test_a_long_hostile_text_takes_no_longer_than_its_length():
    """Quadratic, each of these would take minutes."""
    for text in ("a. " * 100_000, " " * 300_000, "{" * 300_000, "<" * 300_000, "<b>. A" * 50_000):
        assert join(split(text)) == text


def test_sentences_that_went_missing_are_found():
    sources = ["The file could not be saved.", "Try again.", "%s", "Preferences", "Choose another name for it."]
    targets = ["Gespeichert", "", "%s", "Einst.", "Wahl"]
    assert uncovered(sources, targets) == [1, 4]
    assert uncovered(["…"], [""]) == []
    full = "The document could not be saved because the disk is full."
    assert uncovered([full, full], ["磁盘已满，无法保存文档。", "磁盘。"]) == [1]
    assert uncovered(["磁盘已满，无法保存文档。"], ["Voll"]) == [0]
