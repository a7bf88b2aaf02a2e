"""The detector finds voices, not silence, noise, hum, beeps or tunes; its windows hold all speech and are cut in quiet.

The voice is the starter's: prompts over a telephone, 8 kHz, their pauses taken out.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suite_speech.data import vad
from suite_speech.data.audio import RATE
from suite_speech.data.vad import _MARGIN, _WARM_UP, FRAME, Track, measure, speech, windows

SHARP = 0.15
"""Seconds by which a found edge may be off: four frames of the network's, and the 10 ms steps of the voice."""


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


def noise(seconds: float, level: float) -> np.ndarray:
    return (level * np.random.default_rng(1).standard_normal(round(seconds * RATE))).astype(np.float32)


def hum(seconds: float, level: float, pitch: float = 50) -> np.ndarray:
    """Mains hum: the fundamental and eight weaker harmonics."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (level * sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 10))).astype(np.float32)


def tune(seconds: float, level: float) -> np.ndarray:
    """Three plucked notes with overtones, twice a second."""
    generator, time = np.random.default_rng(2), np.arange(RATE // 2) / RATE
    bars = []
    for _ in range(round(2 * seconds)):
        pitches = generator.choice([220, 247, 262, 294, 330, 349, 392, 440], 3, replace=False)
        notes = [np.sin(2 * np.pi * pitch * k * time) / k for pitch in pitches for k in range(1, 7)]
        bars.append(np.sum(notes, axis=0) * np.exp(-3 * time))
    return (level * np.concatenate(bars)).astype(np.float32)


def beep(seconds: float, level: float) -> np.ndarray:
    return (level * np.sin(2 * np.pi * 1000 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def sound(*parts: np.ndarray) -> Track:
    return measure([np.concatenate(parts)])


@pytest.mark.parametrize("level", [1e-5, 1e-3, 0.01, 0.1, 0.5])
@pytest.mark.parametrize("kind", [noise, beep])
@pytest.mark.parametrize("seconds", [0.5, 3, 40])
def test_noise_and_beeps_are_no_speech_however_loud(kind, level, seconds):
    assert speech(sound(kind(seconds, level))) == []


@pytest.mark.parametrize("level", [1e-5, 1e-3, 0.01])
@pytest.mark.parametrize("seconds", [0.5, 3, 40])
def test_hum_is_no_speech(level, seconds):
    assert speech(sound(hum(seconds, level))) == []


@pytest.mark.parametrize("level", [1e-3, 3e-3, 0.01, 0.1, 0.5])
@pytest.mark.parametrize("kind", [hum, tune])
def test_hum_and_tunes_are_taken_for_a_voice_for_a_second_at_most(kind, level):
    """A limit of the network: out of silence they begin as a vowel does."""
    spans = speech(sound(kind(40, level)))
    assert sum(end - start for start, end in spans) <= 1.0
    assert len(spans) <= 1


@pytest.mark.parametrize(
    "samples", [silence(0), silence(1 / RATE), silence(0.01), silence(3), np.full(RATE, 0.3, np.float32)]
)
def test_silence_is_no_speech(samples):
    track = measure([samples])
    assert speech(track) == []
    assert windows(track, 30) == []
    assert track.seconds == len(samples) / RATE
    assert len(track.probability) == len(track.level) == -(-len(samples) // FRAME)


def test_no_block_at_all_is_an_empty_track():
    assert measure([]).seconds == 0
    assert windows(measure([]), 30) == []


@pytest.mark.parametrize("level", [0.01, 0.1])
def test_a_gust_of_noise_is_no_speech(level):
    """It begins and ends like a word."""
    assert speech(sound(silence(1), noise(1, level), silence(1))) == []


def test_a_click_is_no_speech():
    samples = silence(3)
    samples[RATE : RATE + 30] = 0.9
    assert speech(measure([samples])) == []


@pytest.mark.parametrize("level", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("background", [0.0, 2e-4, 1e-3])
@pytest.mark.parametrize("at", [0, 35, 105])
def test_speech_is_found_with_its_margins(spoken, level, background, at):
    samples = np.concatenate([silence(1), level * spoken(2, at), silence(1)]) + noise(4, background)
    ((start, end),) = speech(measure([samples]))
    assert abs(start - (1 - _MARGIN)) < SHARP
    assert abs(end - (3 + _MARGIN)) < SHARP


@pytest.mark.parametrize("kind", [noise, tune])
def test_at_5_db_of_noise_the_voice_is_speech_and_the_pauses_are_not(spoken, kind):
    """What the energy detector before this one called speech throughout."""
    clean = np.concatenate([silence(2), spoken(4), silence(3), spoken(4, 60), silence(2)])
    power = (np.concatenate([spoken(4), spoken(4, 60)]) ** 2).mean()
    other = kind(15, 1.0)
    track = measure([clean + other * np.sqrt(power / 10**0.5 / (other**2).mean())])
    inside = [(max(start, 1.7), min(end, 13.3)) for start, end in speech(track)]
    voiced = sum(max(0.0, min(end, b) - max(start, a)) for start, end in inside for a, b in ((2, 6), (9, 13)))
    paused = sum(end - start for start, end in speech(track)) - voiced
    assert voiced > 0.95 * 8
    assert paused <= 4 * (_MARGIN + SHARP)


@pytest.mark.parametrize("pause", [0.8, 1.5, 4.0])
def test_pauses_are_found(spoken, pause):
    track = sound(silence(0.6), spoken(1.5), silence(pause), spoken(2, 105), silence(0.6))
    first, second = speech(track)
    assert abs(first[1] - (2.1 + _MARGIN)) < SHARP
    assert abs(second[0] - (2.1 + pause - _MARGIN)) < SHARP


def test_the_gaps_inside_words_are_no_pauses(spoken):
    assert len(speech(sound(silence(0.5), spoken(1), silence(0.15), spoken(1, 2), silence(0.5)))) == 1


def test_a_voice_without_a_pause_is_speech(spoken):
    ((start, end),) = speech(sound(spoken(3)))
    assert (start, end) == (0, 3)


def test_a_word_that_fills_a_clip_is_heard_because_the_network_was_warmed_up(spoken, monkeypatch):
    """A fifth of a second, quiet, from fifty places of the recording: from a cold start a third of them is missed."""
    words = [0.1 * spoken(0.2, at) for at in range(0, 500, 10)]
    assert sum(bool(speech(measure([word]))) for word in words) >= 48
    state = np.zeros((1, 1, 128), np.float32)
    monkeypatch.setitem(vad._silero().__dict__, "warm", (state, state))
    assert sum(bool(speech(measure([word]))) for word in words) <= 40


@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_blocks_of_any_size_measure_the_same(spoken, sizes):
    samples = np.concatenate([silence(0.5), spoken(2), noise(1, 0.01)])
    whole = measure([samples])
    edges = [0, *np.cumsum(sizes).clip(max=len(samples)).tolist(), len(samples)]
    parts = measure(samples[a:b] for a, b in pairwise(edges))
    assert np.array_equal(parts.probability, whole.probability)
    assert np.allclose(parts.level, whole.level, atol=1e-4)
    assert parts.samples == whole.samples == len(samples)


def test_the_probabilities_are_the_packages_own(spoken):
    """Its way takes the whole sound at once; the half second it must be given first is what ours is warmed up with."""
    import silero_vad

    samples = np.concatenate([silence(0.5), spoken(40), noise(1, 0.01)])
    detector = silero_vad.load_silero_vad(onnx=True, sequence=True)
    before = np.zeros(_WARM_UP * FRAME, np.float32)
    expected = detector.audio_forward(np.concatenate([before, samples]))[_WARM_UP:]
    assert np.allclose(measure([samples]).probability, expected, atol=1e-6)
    assert expected.max() > 0.99


def test_threads_share_one_detector_and_do_not_disturb_each_other(spoken, monkeypatch):
    """Eight at once, each with a sound of its own and from an unloaded detector: loaded once, each as when alone."""
    import silero_vad

    sounds = [spoken(5, 10 * i) for i in range(8)]
    alone = [measure([samples]).probability for samples in sounds]
    loads, tracks = [], {}
    real = silero_vad.load_silero_vad
    monkeypatch.setattr(silero_vad, "load_silero_vad", lambda **options: loads.append(options) or real(**options))
    vad._loaded.cache_clear()
    start = threading.Barrier(8)

    def work(i):
        start.wait()
        tracks[i] = measure([sounds[i]]).probability

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert all(np.array_equal(tracks[i], alone[i]) for i in range(8))


def test_torch_keeps_its_threads_and_nothing_heavy_is_imported_for_audio():
    """The package sets torch to one thread when it is imported, and would read files by torchaudio."""
    script = (
        "import sys, torch; torch.set_num_threads(3)\n"
        "import numpy as np; from suite_speech.data import vad\n"
        "assert 'silero_vad' not in sys.modules\n"
        "vad.measure([np.zeros(1000, np.float32)])\n"
        "assert 'silero_vad' in sys.modules\n"
        "print(torch.get_num_threads(), 'torchaudio' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "3 False\n", done.stderr


def test_the_level_of_a_full_scale_tone_is_minus_3_db():
    track = measure([beep(1.024, 1.0)])
    assert len(track.level) == 32
    assert np.abs(track.level + 3.01).max() < 0.01
    assert np.abs(measure([silence(1.024)]).level + 120).max() < 0.01


def _inside(track: Track, spans: list[tuple[float, float]]) -> None:
    """All speech lies in the windows, which come in order and do not overlap."""
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    for start, end in speech(track):
        covered = sum(max(0.0, min(end, b) - max(start, a)) for a, b in spans)
        assert covered == pytest.approx(end - start, abs=1e-6)


@given(st.lists(st.tuples(st.floats(0.3, 5), st.floats(0.5, 9)), min_size=1, max_size=4), st.sampled_from([2, 8, 20]))
@settings(max_examples=12, deadline=None)
def test_windows_hold_all_speech_and_are_never_too_long(spoken, parts, longest):
    track = sound(*(piece for pause, length in parts for piece in (silence(pause), spoken(length))), silence(0.5))
    spans = windows(track, longest)
    assert spans
    assert all(0 < end - start <= longest + 1e-9 for start, end in spans)
    _inside(track, spans)


def test_sentences_share_a_window_until_it_is_full_or_a_long_pause_comes(spoken):
    sentence = [spoken(4), silence(1)]
    track = sound(*sentence * 9, silence(3), spoken(2))
    spans = windows(track, 30)
    assert len(spans) == 3
    for start, end in spans:  # edges lie in silence: at a multiple of 5 s and the margin
        assert abs((start + _MARGIN) % 5) < SHARP or abs((start + _MARGIN) % 5 - 5) < SHARP or start == 0 or start > 45
        assert end - start <= 30
    assert abs(spans[0][1] - (29 + _MARGIN)) < SHARP  # six sentences and five pauses: 29 s
    assert abs(spans[1][1] - (44 + _MARGIN)) < SHARP
    assert abs(spans[2][0] - (48 - _MARGIN)) < SHARP


@pytest.mark.parametrize("longest", [6.0, 20.0, 30.0])
def test_where_nobody_pauses_the_cut_is_at_the_quietest_place(spoken, longest):
    """A dip of a sixth of a second, too short for a pause, in the last part of the first window."""
    dip = longest - 1.5
    track = sound(silence(0.5), spoken(dip), silence(0.16), spoken(longest, 60), silence(0.5))
    assert len(speech(track)) == 1
    first, second = windows(track, longest)[:2]
    assert first[1] == second[0]
    assert abs(first[1] - (0.5 + dip + 0.08)) < 0.08
