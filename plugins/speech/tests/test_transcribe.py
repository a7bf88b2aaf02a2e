"""A recording of any length is heard window by window, in order, and silence is never heard at all.

The model here says how long the sound it was given is: what reached it can be told.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from suite_speech.config import SpeechConfig
from suite_speech.data import audio
from suite_speech.data.audio import RATE, Clip
from suite_speech.model.base import SpeechModel
from suite_speech.model.batches import by_shape, hide
from suite_speech.model.transcribe import BATCH, segments, transcribe, windows_of
from suite_speech.model.values import WINDOW, Transcript, Utterance, Word

NETWORK = SimpleNamespace(device=torch.device("cpu"))


class Meter(SpeechModel):
    """Answers each window with its length in seconds, one word at its first and one at its last second."""

    def __init__(self, times: bool = True) -> None:
        super().__init__(network=NETWORK, config=SpeechConfig(), processor=None, language="auto")
        self.times = times
        self.seconds: list[float] = []
        self.groups: list[int] = []

    def labels(self, texts, languages):
        raise NotImplementedError

    def group_loss(self, network, group):
        raise NotImplementedError

    def features(self, samples):
        self.seconds.append(len(samples) / RATE)
        return np.full(1 + len(samples) // RATE, len(samples) / RATE, np.float32)

    def recognise(self, group, seconds):
        self.groups.append(len(seconds))
        transcripts = []
        for (length, *_), asked, language in zip(group["features"].tolist(), seconds, group["languages"], strict=True):
            assert length == pytest.approx(asked, abs=0.02)
            words = [Word("first", 0.5, 1.0, 0.5), Word("last.", asked - 1, asked - 0.5, 1.0)]
            transcripts.append(Transcript(f"{length:.1f}", language, 0.75, words if self.times else []))
        return transcripts


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


@pytest.fixture
def utterance(saved):
    def make(*parts: np.ndarray, name: str = "a.wav", language: str = "fr") -> Utterance:
        samples = np.concatenate(parts)
        return Utterance(Clip(saved(samples, name)), len(samples) / RATE, language)

    return make


def test_a_short_clip_is_heard_whole(utterance, spoken):
    model = Meter()
    [transcript] = transcribe(model, [utterance(silence(2), spoken(3), silence(2))])
    assert model.seconds == [7.0]
    assert (transcript["text"], transcript["language"], transcript["duration"]) == ("7.0", "fr", 7.0)
    # The words lie five seconds apart, which is a pause: a segment each.
    assert transcript["segments"] == [
        {
            "start": 0.5,
            "end": 1.0,
            "text": "first",
            "confidence": 0.5,
            "words": [{"word": "first", "start": 0.5, "end": 1.0, "confidence": 0.5}],
        },
        {
            "start": 6.0,
            "end": 6.5,
            "text": "last.",
            "confidence": 1.0,
            "words": [{"word": "last.", "start": 6.0, "end": 6.5, "confidence": 1.0}],
        },
    ]


@pytest.mark.parametrize("seconds", [0.01, 3.0, 45.0])
def test_silence_is_never_heard(utterance, seconds):
    model = Meter()
    [transcript] = transcribe(model, [utterance(silence(seconds), language="auto")])
    assert model.seconds == []
    assert transcript == {"text": "", "language": "", "duration": round(seconds, 2), "segments": []}


def test_a_long_sound_is_read_window_by_window(utterance, spoken, monkeypatch):
    """Two and a half minutes without a pause: no window and no read above 31 s, everything covered, in order."""
    reads = []
    real = audio.read
    monkeypatch.setattr(audio, "read", lambda clip, limit: reads.append(len(wave := real(clip, limit=limit))) or wave)
    model = Meter()
    sound = utterance(spoken(150))
    [transcript] = transcribe(model, [sound])
    assert max(reads) <= 31 * RATE
    assert max(model.seconds) <= WINDOW
    assert sum(model.seconds) == pytest.approx(150, abs=1)
    assert len(model.seconds) >= 5
    starts = [segment["start"] for segment in transcript["segments"]]
    assert starts == sorted(starts)
    assert transcript["segments"][-1]["end"] == pytest.approx(149.5, abs=0.5)
    assert transcript["text"].split() == [f"{length:.1f}" for length in model.seconds]


def test_times_count_from_the_recordings_start_and_skip_its_silence(utterance, spoken):
    model, sound = Meter(), utterance(silence(20), spoken(5), silence(20), spoken(4))
    [transcript] = transcribe(model, [sound])
    (first, _), (second, _) = windows = [(window.start, window.end) for window in windows_of(0, sound)]
    assert first == pytest.approx(20 - 0.2, abs=0.1)
    assert second == pytest.approx(45 - 0.2, abs=0.1)
    assert model.seconds == pytest.approx([end - start for start, end in windows], abs=0.01)
    assert [s["start"] for s in transcript["segments"] if s["text"] == "first"] == pytest.approx(
        [first + 0.5, second + 0.5], abs=0.01
    )


def test_a_stretch_of_a_recording_is_heard_alone(saved, spoken):
    clip = Clip(saved(np.concatenate([spoken(10), silence(30), spoken(10)])), None, 38.0, 46.0)
    model = Meter()
    [transcript] = transcribe(model, [Utterance(clip, 8.0, "fr")])
    assert model.seconds == [8.0]
    assert transcript["segments"][0]["start"] == 0.5


def test_windows_of_a_stretch_are_read_from_where_it_begins(saved, spoken):
    """The first 20 s are silent: a window read from the file's start would be shorter or silent."""
    clip = Clip(saved(np.concatenate([silence(20), spoken(40)])), None, 20.0, 60.0)
    windows = list(windows_of(0, Utterance(clip, 40.0, "fr")))
    assert [(w.sound.start, w.sound.end) for w in windows] == [(20 + w.start, 20 + w.end) for w in windows]
    assert windows[0].start < 0.5
    assert windows[-1].end == pytest.approx(40, abs=0.5)


def test_answers_keep_the_order_of_the_utterances(utterance, spoken):
    lengths = [1.0, 3.0, 1.0, 2.0, 3.0, 40.0, *[1.5] * 8]
    sounds = [utterance(spoken(seconds), name=f"{i}.wav") for i, seconds in enumerate(lengths)]
    sounds.insert(2, utterance(silence(2), name="silent.wav"))
    model = Meter()
    transcripts = transcribe(model, sounds)
    assert [transcript["duration"] for transcript in transcripts] == [1.0, 3.0, 2.0, 1.0, 2.0, 3.0, 40.0, *[1.5] * 8]
    texts = [transcript["text"] for transcript in transcripts]
    assert texts[:6] == ["1.0", "3.0", "", "1.0", "2.0", "3.0"]
    assert len(texts[6].split()) == 2
    assert texts[7:] == ["1.5"] * 8
    assert max(model.groups) <= BATCH


def test_without_word_times_a_window_is_a_segment(utterance, spoken):
    [transcript] = transcribe(Meter(times=False), [utterance(spoken(3))])
    assert transcript["segments"] == [{"start": 0.0, "end": 3.0, "text": "3.0", "confidence": 0.75}]


def test_only_what_has_one_shape_is_stacked():
    arrays = [("a", np.zeros(2)), ("a", np.zeros(3)), ("b", np.zeros(2)), ("a", np.zeros(2))]
    assert by_shape(arrays) == {("a", (2,)): [0, 3], ("a", (3,)): [1], ("b", (2,)): [2]}


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        ([("one.", 0, 1), ("two", 1, 2)], ["one.", "two"]),
        ([("one", 0, 1), ("two", 1.9, 3)], ["one two"]),
        ([("one", 0, 1), ("two", 2.1, 3)], ["one", "two"]),
        ([("你好。", 0, 1), ("再见", 1, 2)], ["你好。", "再见"]),
        ([(str(i), i, i + 1) for i in range(16)], [" ".join(map(str, range(15))), "15"]),
        ([], []),
    ],
)
def test_segments_end_with_a_sentence_a_pause_or_fifteen_seconds(words, texts):
    parts = segments([Word(word, start, end, 0.5) for word, start, end in words])
    assert [segment["text"] for segment in parts] == texts


def test_a_segments_confidence_is_the_mean_of_its_words():
    [segment] = segments([Word("a", 0.123, 0.456, 0.5), Word("b", 0.456, 0.789, 1.0)])
    assert (segment["confidence"], segment["start"], segment["end"]) == (0.75, 0.12, 0.79)


def test_masks_hide_stretches_of_time_and_leave_the_original():
    array = np.ones((4, 200), np.float32)
    hidden = hide(array, seed=3, share=0.2, axis=1)
    assert array.all()
    assert np.array_equal(hidden, hide(array, seed=3, share=0.2, axis=1))
    assert not np.array_equal(hidden, hide(array, seed=4, share=0.2, axis=1))
    columns = hidden.any(axis=0)
    assert np.array_equal(columns, hidden.all(axis=0))  # a time step is hidden whole
    assert 10 <= (~columns).sum() <= 40
    assert hide(np.ones((5, 3), np.float32), 1, 0.5, 0).shape == (5, 3)
    samples = hide(np.ones(RATE, np.float32), seed=3, share=0.2, axis=0, stretch=1600)
    assert np.flatnonzero(np.diff(samples)).size <= 4  # two stretches of a tenth of a second, no holes in each wave
    assert (samples == 0).sum() >= 1600
