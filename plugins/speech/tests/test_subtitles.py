"""Subtitles keep the rules viewers are used to, whatever a model says, and survive being written and read."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite import SuiteError
from suite_speech.data.subtitles import LINE, LINES, LONGEST, SHORTEST, Cue, cues, parse, to_srt, to_vtt, wrap

WORD = st.text("abcdefgéхनि,.!?&<>'\"-", min_size=1, max_size=12) | st.just("x" * 100)


@st.composite
def segments(draw) -> list[dict]:
    """Segments as a model gives them, with word times or without, sometimes overlapping."""
    drawn, at = [], draw(st.floats(0, 5000))
    for _ in range(draw(st.integers(0, 6))):
        words = draw(st.lists(WORD, max_size=25))
        length = draw(st.floats(0, 40))
        segment = {"start": at, "end": at + length, "text": " ".join(words)}
        if words and draw(st.booleans()):
            step = length / len(words)
            timed = [{"word": w, "start": at + i * step, "end": at + (i + 1) * step} for i, w in enumerate(words)]
            segment["words"] = timed
        drawn.append(segment)
        at = max(0.0, at + length + draw(st.floats(-1, 5)))
    return drawn


@given(segments())
@settings(max_examples=150, deadline=None)
def test_the_rules_hold_for_whatever_a_model_says(given_segments):
    captions = cues(given_segments)
    for cue in captions:
        lines = wrap(cue.text).split("\n")
        assert 1 <= len(lines) <= LINES
        assert all(0 < len(line) <= LINE for line in lines)
        assert " ".join(lines) == cue.text  # no word cut in two by the end of a line
        assert cue.start <= cue.end <= cue.start + LONGEST + 1e-6
    assert all(a.end <= b.start for a, b in pairwise(captions))


@given(segments())
@settings(max_examples=100, deadline=None)
def test_no_character_is_lost(given_segments):
    said = sorted("".join("".join(segment["text"].split()) for segment in given_segments))
    assert sorted("".join("".join(cue.text.split()) for cue in cues(given_segments))) == said


@given(segments(), st.sampled_from([("a.srt", to_srt), ("a.vtt", to_vtt)]))
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read_back(tmp_path_factory, given_segments, form):
    name, write = form
    if name == "a.srt":  # SubRip has tags but no way to write a bare "<"
        strip = str.maketrans("<>", "()")
        given_segments = [
            {**s, "text": s["text"].translate(strip)}
            | ({"words": [w | {"word": w["word"].translate(strip)} for w in s["words"]]} if "words" in s else {})
            for s in given_segments
        ]
    path = tmp_path_factory.mktemp("subtitles") / name
    path.write_text(write(given_segments), encoding="utf-8")
    expected = cues(given_segments)
    if not expected:
        with pytest.raises(SuiteError, match="holds no subtitle"):
            parse(path)
        return
    captions = parse(path)
    assert [cue.text for cue in captions] == [cue.text for cue in expected]
    for cue, wanted in zip(captions, expected, strict=True):
        assert abs(cue.start - wanted.start) < 0.001
        assert abs(cue.end - wanted.end) < 0.001


SEGMENT = {"start": 3661.5, "end": 3663.0, "text": "Bonjour <à> tous & toutes."}


def test_srt_is_exact():
    second = {"start": 3664.0, "end": 3666.25, "text": "Au revoir."}
    assert to_srt([SEGMENT, second]) == (
        "1\n01:01:01,500 --> 01:01:03,000\nBonjour <à> tous & toutes.\n\n2\n01:01:04,000 --> 01:01:06,250\nAu revoir.\n"
    )


def test_vtt_is_exact_and_escaped():
    assert to_vtt([SEGMENT]) == ("WEBVTT\n\n01:01:01.500 --> 01:01:03.000\nBonjour &lt;à&gt; tous &amp; toutes.\n")
    assert to_vtt([]) == "WEBVTT\n"
    assert to_srt([]) == ""


def test_a_text_cannot_pose_as_a_cue():
    """Line breaks in what was heard must not start a cue of their own."""
    evil = "Hello\n\n2\n00:00:09,000 --> 00:00:10,000\nEvil"
    timed = [{"word": evil, "start": 0.0, "end": 2.0}]
    for segment in ({"start": 0.0, "end": 2.0, "text": evil}, {"start": 0.0, "end": 2.0, "text": "", "words": timed}):
        assert "\n00:00:09,000" not in to_srt([segment])
        assert to_srt([segment]).count("\n\n") == len(cues([segment])) - 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Short.", "Short."),
        ("x" * 42, "x" * 42),
        ("This sentence is longer than what fits in one line.", "This sentence is longer\nthan what fits in one line."),
        ("Press one, or stay on the line until we answer you.", "Press one, or stay on the\nline until we answer you."),
        ("When you are ready, press the pound key or wait.", "When you are ready,\npress the pound key or wait."),
        ("y" * 50, "y" * 42 + "\n" + "y" * 8),
    ],
)
def test_lines_are_even_and_break_after_punctuation(text, expected):
    assert wrap(text) == expected


def test_no_word_is_cut_to_fill_a_line():
    """Eighty characters fit in two lines of 42, but not these words: the second would begin in the first line."""
    words = ["a" * 30, "b" * 20, "c" * 28]
    captions = cues([{"start": 0.0, "end": 6.0, "text": " ".join(words)}])
    assert [cue.text for cue in captions] == [f"{words[0]} {words[1]}", words[2]]
    assert wrap(captions[0].text) == f"{words[0]}\n{words[1]}"


def test_a_long_segment_is_parted_at_the_words_times():
    words = [{"word": f"word{i:02}", "start": i * 0.5, "end": i * 0.5 + 0.4} for i in range(40)]
    captions = cues([{"start": 0, "end": 20, "text": "", "words": words}])
    # 83 characters are two lines of 41; a thirteenth word would make a line of 48
    assert captions[0] == Cue(0.0, 5.9, " ".join(f"word{i:02}" for i in range(12)))
    assert captions[1].start == 6.0


def test_without_word_times_the_segment_s_time_is_shared_by_length():
    captions = cues([{"start": 10.0, "end": 30.0, "text": "abcd " * 40}])
    assert len(captions) == 3
    assert captions[0].start == 10
    assert captions[1].start == pytest.approx(captions[0].end)
    assert captions[-1].end == pytest.approx(30)


def test_a_cue_stays_long_enough_to_read_but_not_into_the_next():
    captions = cues([{"start": 1.0, "end": 1.1, "text": "Yes."}, {"start": 5.0, "end": 5.1, "text": "No."}])
    assert captions[0].end == 1 + SHORTEST
    crowded = cues([{"start": 1.0, "end": 1.1, "text": "Yes."}, {"start": 1.3, "end": 1.4, "text": "No."}])
    assert crowded[0].end == 1.3


def test_a_word_held_for_ten_seconds_leaves_after_seven():
    assert cues([{"start": 2.0, "end": 12.0, "text": "Aaah"}]) == [Cue(2.0, 9.0, "Aaah")]


def test_segments_out_of_order_are_put_in_order():
    captions = cues([{"start": 5.0, "end": 6.0, "text": "second"}, {"start": 1.0, "end": 9.0, "text": "first"}])
    assert [(cue.start, cue.end, cue.text) for cue in captions] == [(1.0, 5.0, "first"), (5.0, 6.0, "second")]


@pytest.fixture
def parsed(tmp_path):
    def parse_text(content: str | bytes, name: str = "talk.srt") -> list[Cue]:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return parse(tmp_path / name)

    return parse_text


def test_srt_as_found_in_the_wild(parsed):
    content = (
        "\ufeff00:00:01,000 --> 00:00:02,500\r\n<i>Hello</i> {\\an8}there,\r\nyou.\r\n\r\n"
        "2\r\n00:00:03.000 --> 00:00:04,000 X1:100 X2:200\r\n- Bye & co.\r\n\r\n"
        "3\r\n00:00:05,000 --> 00:00:06,000\r\n\r\n"
    )
    assert parsed(content) == [Cue(1.0, 2.5, "Hello there, you."), Cue(3.0, 4.0, "- Bye & co.")]


def test_vtt_as_found_in_the_wild(parsed):
    content = (
        "WEBVTT - a title\nKind: captions\n\nNOTE made by hand\n\nSTYLE\n::cue { color: red }\n\n"
        "intro\n00:01.000 --> 00:02.000 align:start\n<v Anna>Salt &amp; <c.loud>pepper</c> &lt;3\n\n"
        "01:00:00.000 --> 01:00:01.000\nLate.\n"
    )
    assert parsed(content, "a.vtt") == [Cue(1.0, 2.0, "Salt & pepper <3"), Cue(3600.0, 3601.0, "Late.")]


@pytest.mark.parametrize(
    "content", ["", "WEBVTT\n", "1\n00:00:01 -> 00:00:02\nno", "hello\n" * 9, "00:00:01,000 --> 00:00:02,000\n"]
)
def test_a_file_without_a_cue_is_told(parsed, content):
    with pytest.raises(SuiteError, match=r"talk\.srt holds no subtitle; a cue looks like"):
        parsed(content)


def test_another_encoding_a_missing_file_and_a_folder_are_told(parsed, tmp_path):
    with pytest.raises(SuiteError, match="is not UTF-8"):
        parsed("1\n00:00:01,000 --> 00:00:02,000\nétoile\n".encode("latin-1"))
    for path in (tmp_path / "none.srt", tmp_path):
        with pytest.raises(SuiteError, match="cannot be read"):
            parse(path)
