"""Where somebody speaks: a small detector on energy and spectral shape, and windows cut at the silences it finds.

An own detector of sixty lines rather than a dependency: the well-kept ones bring onnxruntime or a model to download,
WebRTC's has had no release for years, and a recogniser behind it only needs to be spared silence and steady noise.
Method: frame energy in the telephone band against a noise floor, with hysteresis and hangover (after Ramírez et al.,
"Voice activity detection", 2007); a flat spectrum (hiss, rain, a fan) is no speech however loud.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from suite_speech.data.audio import RATE

HOP = 160
"""Samples between frames: 10 ms."""
_FRAME = 512  # 32 ms: two periods of a deep voice
_BAND = slice(4, 122)  # 125 to 3,800 Hz in bins of 31.25 Hz: what a telephone carries, where voices are
_FLOOR_RANGE = (-75.0, -40.0)  # dB: digital silence, and the loudest room; a floor above it is a voice without pauses
_STEADY = 4.0  # dB between the 10th and 90th percentile: hum and beeps stay below 1, the most even voice measured 10
_ON, _OFF = 12.0, 7.0  # dB above the floor at which speech begins and below which it has ended
_FLATNESS = 0.45  # white noise measures .56, voices .01 to .3
_HANGOVER = 0.25  # seconds below the threshold that still belong to a word: a plosive's closure lasts .15
_SHORTEST = 0.06  # seconds; less is a click
_MARGIN = 0.2  # seconds kept around speech: soft onsets lie below the threshold
_PAUSE = 2.0  # seconds of silence worth a cut, even if the window has room
_EDGE = 10.0  # seconds before a window's end in which the quietest place is looked for when nobody pauses


@dataclass(frozen=True)
class Track:
    """One value per 10 ms: level in dB relative to full scale, and flatness of the spectrum (0 tone, 1 noise)."""

    level: np.ndarray
    flatness: np.ndarray

    @property
    def seconds(self) -> float:
        """Length of what was measured."""
        return len(self.level) * HOP / RATE


def measure(blocks: Iterable[np.ndarray]) -> Track:
    """The track of a sound given in blocks, without ever holding more than one."""
    levels, flats, rest = [], [], np.zeros(0, np.float32)
    for block in blocks:
        rest = np.concatenate([rest, block])
        count = max(0, (len(rest) - _FRAME) // HOP + 1)
        if count:
            level, flat = _frames(rest, count)
            levels.append(level)
            flats.append(flat)
            rest = rest[count * HOP :]
    if len(rest) and not levels:  # shorter than a frame
        level, flat = _frames(np.pad(rest, (0, _FRAME - min(len(rest), _FRAME)))[:_FRAME], 1)
        levels, flats = [level], [flat]
    return Track(np.concatenate(levels or [rest]), np.concatenate(flats or [rest]))


def _frames(samples: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FRAME)[: count * HOP : HOP]
    window = np.hanning(_FRAME).astype(np.float32)
    power = np.abs(np.fft.rfft(frames * window, axis=1))[:, _BAND] ** 2 + 1e-10
    mean = power.mean(axis=1)
    # A full-scale sine of amplitude 1 puts (N/4)² into its bin; spread over the band's bins this is 0 dB.
    level = 10 * np.log10(mean * power.shape[1] / (_FRAME / 4) ** 2)
    return level, np.exp(np.log(power).mean(axis=1)) / mean


def speech(track: Track) -> list[tuple[float, float]]:
    """Stretches of speech, (start, end) in seconds, in order and apart."""
    if not len(track.level):
        return []
    floor = _floor(track.level)
    spoken = track.flatness < _FLATNESS
    on, off = (track.level > floor + _ON) & spoken, track.level > floor + _OFF
    step = HOP / RATE
    found = []
    for start, end in _runs(_closed(off, round(_HANGOVER / step))):
        if on[start:end].sum() * step >= _SHORTEST:
            found.append((max(0.0, start * step - _MARGIN), min(track.seconds, end * step + _MARGIN)))
    return _merged(found)


def _floor(level: np.ndarray) -> float:
    """The noise's level in dB; without pauses the lowest level is a voice's own, unless it never moves."""
    low, high = (float(value) for value in np.percentile(level, [10, 90]))
    return max(low, _FLOOR_RANGE[0]) if high - low < _STEADY else float(np.clip(low, *_FLOOR_RANGE))


def windows(track: Track, longest: float) -> list[tuple[float, float]]:
    """Stretches of at most `longest` seconds that together hold all speech, cut where it is silent.

    Where nobody pauses for so long, the cut is at the quietest tenth of a second near the end.
    """
    found: list[tuple[float, float]] = []
    for start, end in speech(track):
        if found and end - found[-1][0] <= longest and start - found[-1][1] < _PAUSE:
            found[-1] = (found[-1][0], end)
        else:
            found.extend(_pieces(track, start, end, longest))
    return found


def _pieces(track: Track, start: float, end: float, longest: float) -> Iterator[tuple[float, float]]:
    while end - start > longest:
        edge = min(_EDGE, longest / 2)  # so that each cut moves on
        first, last = (int(at * RATE / HOP) for at in (start + longest - edge, start + longest))
        smooth = np.convolve(track.level[first:last], np.full(10, 0.1), mode="valid")
        cut = (first + int(smooth.argmin()) + 5) * HOP / RATE
        yield start, cut
        start = cut
    yield start, end


def _runs(flags: np.ndarray) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _closed(flags: np.ndarray, gap: int) -> np.ndarray:
    """The flags with holes of up to `gap` frames filled."""
    filled = flags.copy()
    for start, end in _runs(~flags):
        if end - start <= gap and start > 0 and end < len(flags):
            filled[start:end] = True
    return filled


def _merged(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
