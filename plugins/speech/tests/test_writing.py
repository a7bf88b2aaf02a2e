"""Each ending gets its form; no input's text is lost to another of the same name."""

from __future__ import annotations

import csv
import json

import pytest

from suite import SuiteError
from suite_speech.config import SpeechConfig
from suite_speech.serving.answers import SpeechAnswers

ANSWERS = SpeechAnswers(SpeechConfig())


def prediction(text: str) -> dict:
    segment = {"start": 0.5, "end": 2.0, "text": text, "confidence": 0.9}
    return {"text": text, "language": "en", "duration": 2.5, "segments": [segment]}


HELLO, BYE = ("one/a.wav", prediction("Hello.")), ("two/a.wav", prediction("Bye."))
SRT = "1\n00:00:00,500 --> 00:00:02,000\nHello.\n"
VTT = "WEBVTT\n\n00:00:00.500 --> 00:00:02.000\nHello.\n"


@pytest.mark.parametrize(("ending", "content"), [(".txt", "Hello.\n"), (".srt", SRT), (".vtt", VTT)])
def test_one_file_in_the_form_of_its_ending(tmp_path, ending, content):
    ANSWERS.write([HELLO], tmp_path / f"out{ending}")
    assert (tmp_path / f"out{ending}").read_text() == content
    assert [path.name for path in tmp_path.iterdir()] == [f"out{ending}"]


def test_json_holds_input_and_prediction(tmp_path):
    ANSWERS.write([HELLO, BYE], tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text()) == [{"input": name, **said} for name, said in (HELLO, BYE)]


def test_jsonl_is_a_line_per_input(tmp_path):
    ANSWERS.write([HELLO, BYE], tmp_path / "out.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["text"] for line in lines] == ["Hello.", "Bye."]


def test_csv_has_a_row_per_input_and_nested_values_as_json(tmp_path):
    ANSWERS.write([HELLO, BYE], tmp_path / "out.csv")
    rows = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert [(row["input"], row["text"]) for row in rows] == [("one/a.wav", "Hello."), ("two/a.wav", "Bye.")]
    assert json.loads(rows[0]["segments"]) == HELLO[1]["segments"]


def test_several_texts_share_a_file_in_order(tmp_path):
    ANSWERS.write([HELLO, BYE], tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text() == "Hello.\nBye.\n"


def test_a_folder_gets_text_and_subtitles_of_each_input_even_of_one_name(tmp_path):
    ANSWERS.write([HELLO, BYE], tmp_path / "deep" / "out")
    names = sorted(path.name for path in (tmp_path / "deep" / "out").iterdir())
    assert names == ["a-2.srt", "a-2.txt", "a-2.vtt", "a.srt", "a.txt", "a.vtt"]
    assert (tmp_path / "deep" / "out" / "a.txt").read_text() == "Hello.\n"
    assert (tmp_path / "deep" / "out" / "a-2.txt").read_text() == "Bye.\n"
    assert (tmp_path / "deep" / "out" / "a.srt").read_text() == SRT


def test_a_name_made_up_for_a_second_input_takes_no_third_ones(tmp_path):
    ANSWERS.write([HELLO, ("a-2.wav", prediction("Two.")), BYE], tmp_path / "out")
    texts = {path.name: path.read_text() for path in (tmp_path / "out").glob("*.txt")}
    assert sorted(texts.values()) == ["Bye.\n", "Hello.\n", "Two.\n"]


def test_subtitles_of_several_inputs_lie_beside_each_other(tmp_path):
    ANSWERS.write([HELLO, ("b.wav", prediction("Bye."))], tmp_path / "out.srt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.srt", "b.srt"]


def test_text_is_utf_8(tmp_path):
    ANSWERS.write([("a.wav", prediction("L’étoile 你好"))], tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_bytes().decode("utf-8") == "L’étoile 你好\n"


@pytest.mark.parametrize("name", ["out.docx", "out.mp3", "out.parquet"])
def test_a_bad_ending_is_refused_with_those_there_are(tmp_path, name):
    with pytest.raises(SuiteError, match=rf"Cannot write {name}: .* \.txt, \.srt, \.vtt, \.json, \.jsonl, \.csv"):
        ANSWERS.check_output(tmp_path / name)


@pytest.mark.parametrize("ending", [".txt", ".srt", ".vtt", ".json", ".jsonl", ".csv"])
def test_every_ending_named_is_taken(tmp_path, ending):
    ANSWERS.check_output(tmp_path / f"out{ending}")
    ANSWERS.write([HELLO], tmp_path / f"out{ending}")
    assert (tmp_path / f"out{ending}").stat().st_size
