"""Each thing that can be wrong with a clip is told in a sentence, without a model."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from datasets import Dataset

from suite_speech.data.audio import RATE
from suite_speech.data.checks import findings

COLUMNS = ("audio", "text", "start", "end")


def complaints(*rows: dict, longest: float = 30.0) -> list[tuple[str, int, str]]:
    table = Dataset.from_list([{name: row.get(name) for name in COLUMNS} for row in rows])
    return [(finding.severity, finding.row, finding.message) for finding in findings(table, longest)]


def reason(audio: str, text: str = "press one", **span) -> str:
    [(severity, row, message)] = complaints({"audio": audio, "text": text, **span})
    assert (severity, row) == ("error", 0)
    assert message.endswith(".")
    return message


def test_a_good_clip_is_not_told_of(saved, voice):
    assert complaints({"audio": saved(voice(2)), "text": "press one"}) == []


def test_findings_name_their_rows(saved, voice):
    good, silent = saved(voice(2)), saved(np.zeros(RATE, np.float32), "silent.wav")
    rows = [{"audio": silent, "text": "one"}, {"audio": good, "text": "two"}, {"audio": good, "text": "…"}]
    assert [row for _, row, _ in complaints(*rows)] == [0, 2]


def test_a_file_of_noise_bytes(tmp_path):
    path = tmp_path / "corrupt.wav"
    path.write_bytes(np.random.default_rng(0).bytes(4000))
    assert reason(str(path)) == (
        f"{path} is no audio, or damaged: it cannot be read (Format not recognised); give wav, flac, mp3 or ogg."
    )


def test_text_that_calls_itself_wav(tmp_path):
    path = tmp_path / "text.wav"
    path.write_text("press one\n" * 100)
    assert reason(str(path)) == (
        f"{path} is no audio, or damaged: it cannot be read (Format not recognised); give wav, flac, mp3 or ogg."
    )


def test_a_file_that_is_not_there(tmp_path):
    assert reason(str(tmp_path / "none.wav")) == f"No file {tmp_path / 'none.wav'}."


def test_silence(saved):
    path = saved(np.zeros(2 * RATE, np.float32))
    assert reason(path) == f"{path} is silent; record it again or leave it out."


def test_a_whisper_at_minus_60_decibel_is_the_limit_of_silence(saved, voice):
    quiet = voice(2)
    quiet = quiet / np.abs(quiet).max()
    assert "is silent" in reason(saved(quiet * 8e-4))
    assert complaints({"audio": saved(quiet * 2e-3), "text": "press one"}) == []


@pytest.mark.parametrize("text", ["", "   ", "…", "?!", "—"])
def test_a_transcript_without_a_word(saved, voice, text):
    expected = f"The transcript {text!r} has no word; write what is said, or leave the clip out."
    assert reason(saved(voice(2)), text) == expected


def test_a_clip_longer_than_a_window(saved, voice):
    path = saved(voice(31))
    assert reason(path) == f"{path} lasts 31 s; cut it into clips of at most 30 s, or add subtitles."


def test_a_stretch_of_a_long_recording_is_measured_alone(saved, voice):
    path = saved(voice(31))
    assert complaints({"audio": path, "text": "press one", "start": 3.0, "end": 7.5}) == []
    assert "there is nothing from 40 s" in reason(path, start=40.0, end=50.0)


def test_two_hours_are_told_from_the_header_alone(tmp_path):
    """The file claims 230 MB and holds 1 kB: whoever read its sound would find it shorter, or fail."""
    samples = 2 * 3600 * RATE
    path = tmp_path / "hours.wav"
    shape = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    header = b"RIFF" + struct.pack("<I", 36 + 2 * samples) + b"WAVE" + shape + b"data" + struct.pack("<I", 2 * samples)
    with path.open("wb") as file:
        file.write(header)
        file.truncate(44 + 2 * samples)  # a hole in the file: it takes no space on the disk
    assert reason(str(path)) == f"{path} lasts 7200 s; cut it into clips of at most 30 s, or add subtitles."


def test_more_text_than_anybody_can_say(saved, voice):
    path = saved(voice(1))
    expected = f"{path} has 72 characters in 1.0 s; the transcript is of something else."
    assert reason(path, "word " * 14 + "and") == expected.replace("72", str(14 * 5 + 3))


def test_the_fastest_speech_passes(saved, voice):
    assert complaints({"audio": saved(voice(2)), "text": "a" * 70}) == []
    assert len(complaints({"audio": saved(voice(2)), "text": "a" * 71})) == 1


def test_a_missing_value_is_left_to_the_core(saved, voice):
    rows = [{"audio": None, "text": "one"}, {"audio": saved(voice(2)), "text": None}]
    assert complaints(*rows, {"audio": saved(voice(2)), "text": "one"}) == []
