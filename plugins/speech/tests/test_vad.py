"""The detector finds voices, not silence, hiss or hum; its windows hold all speech and are cut where it is quiet.

The voice is made here: harmonics of a gliding pitch under two formants, in syllables of 60 to 200 ms with closures of
up to 80 ms between them, as speech has.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite_speech.data.audio import RATE
from suite_speech.data.vad import _MARGIN, HOP, Track, measure, speech, windows

SHARP = 0.05
"""Seconds by which a found edge may be off; a frame lasts 0.032."""


def voice(seconds: float, seed: int = 0, level: float = 0.1) -> np.ndarray:
    """Syllables from the first sample to the last."""
    generator = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(120 + 15 * np.sin(2 * np.pi * 0.7 * time)) / RATE
    formants = [
        1 / (1 + ((120 * k - 600) / 400) ** 2) + 0.5 / (1 + ((120 * k - 1800) / 500) ** 2) for k in range(1, 30)
    ]
    pulses = sum(weight * np.sin(k * phase) for k, weight in enumerate(formants, 1))
    envelope, at = np.zeros(len(time)), 0
    while at < len(time):
        length = min(round(generator.uniform(0.06, 0.2) * RATE), len(time) - at)
        envelope[at : at + length] = np.hanning(length + 2)[1:-1] ** 0.3
        at += length + round(generator.uniform(0.02, 0.08) * RATE)
    return (level * pulses * envelope / np.abs(pulses).max()).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


def noise(seconds: float, level: float) -> np.ndarray:
    return (level * np.random.default_rng(1).standard_normal(round(seconds * RATE))).astype(np.float32)


def hum(seconds: float, level: float, pitch: float = 50) -> np.ndarray:
    """Mains hum: the fundamental and eight weaker harmonics."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (level * sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 10))).astype(np.float32)


def sound(*parts: np.ndarray) -> Track:
    return measure([np.concatenate(parts)])


@pytest.mark.parametrize("level", [1e-5, 1e-3, 0.01, 0.1, 0.5])
@pytest.mark.parametrize("kind", [noise, hum])
@pytest.mark.parametrize("seconds", [0.5, 3, 40])
def test_steady_noise_and_hum_are_no_speech_however_loud(kind, level, seconds):
    assert speech(sound(kind(seconds, level))) == []


@pytest.mark.parametrize("samples", [silence(0), silence(0.01), silence(3), np.full(RATE, 0.3, np.float32)])
def test_silence_is_no_speech(samples):
    track = measure([samples])
    assert speech(track) == []
    assert windows(track, 30) == []


@pytest.mark.parametrize("level", [0.01, 0.1])
def test_a_gust_of_noise_is_no_speech(level):
    """It begins and ends like a word, only its spectrum is flat."""
    assert speech(sound(silence(1), noise(1, level), silence(1))) == []


def test_a_click_is_no_speech():
    samples = silence(3)
    samples[RATE : RATE + 30] = 0.9
    assert speech(measure([samples])) == []


@pytest.mark.parametrize("level", [0.02, 0.1, 0.9])
@pytest.mark.parametrize("background", [0.0, 2e-4, 1e-3])
def test_speech_is_found_to_50_ms(level, background):
    samples = np.concatenate([silence(1), voice(2, level=level), silence(1)]) + noise(4, background)
    ((start, end),) = speech(measure([samples]))
    assert abs(start - (1 - _MARGIN)) < SHARP
    assert abs(end - (3 + _MARGIN)) < SHARP


@pytest.mark.parametrize("pause", [0.8, 1.5, 4.0])
def test_pauses_are_found_to_50_ms(pause):
    track = sound(silence(0.6), voice(1.5), silence(pause), voice(2, 5), silence(0.6))
    first, second = speech(track)
    assert abs(first[1] - (2.1 + _MARGIN)) < SHARP
    assert abs(second[0] - (2.1 + pause - _MARGIN)) < SHARP


def test_the_gaps_inside_words_are_no_pauses():
    assert len(speech(sound(silence(0.5), voice(1), silence(0.2), voice(1, 2), silence(0.5)))) == 1


def test_speech_over_hum_and_hiss_is_found():
    """The floor follows the noise: the words are found, the hum before and after is not."""
    samples = np.concatenate([silence(2), voice(3, level=0.4), silence(2)]) + hum(7, 0.01) + noise(7, 0.002)
    ((start, end),) = speech(measure([samples]))
    assert abs(start - (2 - _MARGIN)) < SHARP
    assert abs(end - (5 + _MARGIN)) < SHARP


def test_a_voice_without_a_pause_is_speech():
    ((start, end),) = speech(sound(voice(3, level=0.5)))
    assert start == 0
    assert end > 2.9


@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_blocks_of_any_size_measure_the_same(sizes):
    samples = np.concatenate([silence(0.5), voice(2), noise(1, 0.01)])
    whole = measure([samples])
    edges = [0, *np.cumsum(sizes).clip(max=len(samples)).tolist(), len(samples)]
    parts = measure(samples[a:b] for a, b in pairwise(edges))
    assert np.allclose(parts.level, whole.level, atol=1e-4)
    assert np.allclose(parts.flatness, whole.flatness, atol=1e-5)


def test_a_full_scale_tone_has_0_db_and_is_no_noise():
    track = measure([np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)])
    assert len(track.level) == (RATE - 512) // HOP + 1
    assert (
        np.abs(track.level - 1.76).max() < 0.02
    )  # a Hann window spreads a tone over bins of 1, 1/4 and 1/4: 1.5 in all
    assert track.flatness.max() < 0.05
    assert 0.5 < measure([noise(2, 0.1)]).flatness.mean() < 0.6


def _inside(track: Track, found: list[tuple[float, float]]) -> None:
    """All speech lies in the windows, which come in order and do not overlap."""
    assert all(a[1] <= b[0] for a, b in pairwise(found))
    for start, end in speech(track):
        covered = sum(max(0.0, min(end, b) - max(start, a)) for a, b in found)
        assert covered == pytest.approx(end - start, abs=1e-6)


@given(st.lists(st.tuples(st.floats(0.3, 5), st.floats(0.5, 9)), min_size=1, max_size=4), st.sampled_from([2, 8, 20]))
@settings(max_examples=12, deadline=None)
def test_windows_hold_all_speech_and_are_never_too_long(parts, longest):
    track = sound(*(piece for pause, length in parts for piece in (silence(pause), voice(length))), silence(0.5))
    found = windows(track, longest)
    assert all(0 < end - start <= longest + 1e-9 for start, end in found)
    _inside(track, found)


def test_sentences_share_a_window_until_it_is_full_or_a_long_pause_comes():
    sentence = [voice(4), silence(1)]
    track = sound(*sentence * 9, silence(3), voice(2))
    found = windows(track, 30)
    assert len(found) == 3
    for start, end in found:  # edges lie in silence: at a multiple of 5 s and the margin
        assert abs((start + _MARGIN) % 5) < SHARP or abs((start + _MARGIN) % 5 - 5) < SHARP or start == 0 or start > 45
        assert end - start <= 30
    assert abs(found[0][1] - (29 + _MARGIN)) < SHARP  # six sentences and five pauses: 29 s
    assert abs(found[1][1] - (44 + _MARGIN)) < SHARP
    assert abs(found[2][0] - (48 - _MARGIN)) < SHARP


@pytest.mark.parametrize("longest", [6.0, 20.0, 30.0])
def test_where_nobody_pauses_the_cut_is_at_the_quietest_place(longest):
    """A dip of a sixth of a second, too short for a pause, in the last part of the first window."""
    dip = longest - 1.5
    track = sound(silence(0.5), voice(dip), silence(0.16), voice(longest), silence(0.5))
    assert len(speech(track)) == 1
    first, second = windows(track, longest)[:2]
    assert first[1] == second[0]
    assert abs(first[1] - (0.5 + dip + 0.08)) < 0.08
