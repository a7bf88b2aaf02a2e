"""Where somebody speaks, by Silero's voice activity detector, and windows cut at the silences it finds.

The network and its weights come with the wheel silero-vad (MIT, https://github.com/snakers4/silero-vad): the ONNX file,
run by onnxruntime, which is data where its TorchScript file would be code. The wheel's safetensors file would need no
onnxruntime, but holds other weights than the rest, which no code of the package reads (docs/log.md). A sound is
measured block by block on one thread, so that its track never depends on the blocks' size, on other threads, or on what
was measured before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
import torch

from suite_speech.data.audio import RATE

FRAME = 512
"""Samples the network judges at once: 32 ms."""
_CONTEXT = 64  # samples of the frame before that the network is given too
_BATCH = 512  # frames per run, 16 s: the package's own choice; more saves no time and takes memory
# Frames of silence, half a second, that the network hears first. From a cold start it missed 6 of 557 Russian prompts,
# single letters most of them, and 36 of them 20 dB quieter; so it misses none.
_WARM_UP = 16
_SHORTEST = 0.06  # seconds: two frames; one is a click, and the package's .25 misses 3 and 7 of those prompts
_HANGOVER = 0.25  # seconds below the threshold that still belong to a word: a plosive's closure lasts .15
_MARGIN = 0.2  # seconds kept around speech: soft onsets lie below the threshold
_PAUSE = 2.0  # seconds of silence worth a cut, even if the window has room
_EDGE = 10.0  # seconds before a window's end in which the quietest place is looked for when nobody pauses
_QUIET = 3  # frames, a tenth of a second, over which a place is quiet: shorter ones lie between a voice's periods
_STATE = 128  # width of the network's LSTM
_SILENT = 1e-12  # power, -120 dB: keeps digital silence finite

_State = tuple[np.ndarray, np.ndarray]
_LOADING = threading.Lock()


@dataclass(frozen=True)
class Track:
    """What was measured, one value per `FRAME` samples, the last frame filled up with silence.

    `probability` that somebody speaks, 0 to 1, and `level` in dB relative to full scale, both float32 of shape (n,);
    `samples` is the number of samples at `RATE`.
    """

    probability: np.ndarray
    level: np.ndarray
    samples: int

    @property
    def seconds(self) -> float:
        """Length of what was measured."""
        return self.samples / RATE


@dataclass(frozen=True)
class _Silero:
    session: Any  # onnxruntime.InferenceSession, which several threads may run at once
    spans: Callable[..., list[dict[str, int]]]  # the package's hysteresis: probabilities in, {"start", "end"} out

    def run(self, frames: np.ndarray, state: _State) -> tuple[np.ndarray, _State]:
        """Probabilities (n,) of frames (n, `_CONTEXT` + `FRAME`), and the state after them."""
        inputs = {"input": np.ascontiguousarray(frames), "h": state[0], "c": state[1]}
        probability, hidden, cell = self.session.run(["speech_probs", "hn", "cn"], inputs)
        return probability, (hidden, cell)

    @cached_property
    def warm(self) -> _State:
        """The state after `_WARM_UP` frames of silence."""
        zeros = np.zeros((1, 1, _STATE), np.float32)
        return self.run(np.zeros((_WARM_UP, _CONTEXT + FRAME), np.float32), (zeros, zeros))[1]


def measure(blocks: Iterable[np.ndarray]) -> Track:
    """The track of a sound given in consecutive blocks of float32 samples at `RATE`, never holding more than one.

    A block is (n,) of any length; a track is the same however the sound is divided.
    """
    silero, samples = _silero(), 0
    state, rest = silero.warm, np.zeros(_CONTEXT, np.float32)
    probabilities, levels = [np.zeros(0, np.float32)], [np.zeros(0, np.float32)]

    def filled_up() -> Iterator[np.ndarray]:
        nonlocal samples
        for block in blocks:
            samples += len(block)
            yield block
        yield np.zeros(-samples % FRAME, np.float32)

    for block in filled_up():
        rest = np.concatenate([rest, block])
        count = (len(rest) - _CONTEXT) // FRAME
        for first in range(0, count, _BATCH):
            piece = rest[first * FRAME : min(first + _BATCH, count) * FRAME + _CONTEXT]
            frames = np.lib.stride_tricks.sliding_window_view(piece, _CONTEXT + FRAME)[::FRAME]
            probability, state = silero.run(frames, state)
            probabilities.append(probability)
            levels.append(10 * np.log10((frames[:, _CONTEXT:] ** 2).mean(axis=1) + _SILENT))
        rest = rest[count * FRAME :]
    return Track(np.concatenate(probabilities), np.concatenate(levels), samples)


def speech(track: Track) -> list[tuple[float, float]]:
    """Stretches of speech with their margins, (start, end) in seconds, in order; neighbours may touch.

    One begins where the probability reaches .5 and ends where it stays below .35, the package's thresholds.
    """
    spans = _silero().spans(
        track.probability.tolist(),
        sampling_rate=RATE,
        min_speech_duration_ms=round(1000 * _SHORTEST),
        min_silence_duration_ms=round(1000 * _HANGOVER),
        speech_pad_ms=round(1000 * _MARGIN),
        audio_length_samples=track.samples,
    )
    return [(span["start"] / RATE, span["end"] / RATE) for span in spans]


def windows(track: Track, longest: float) -> list[tuple[float, float]]:
    """Stretches of at most `longest` seconds that together hold all speech, cut where it is silent.

    Where nobody pauses for so long, the cut is at the quietest tenth of a second near the end. The package would cut
    there at once: at the median place 48 to 67 % of such a sound was quieter, here 1 %.
    """
    spans: list[tuple[float, float]] = []
    for start, end in speech(track):
        if spans and end - spans[-1][0] <= longest and start - spans[-1][1] < _PAUSE:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.extend(_pieces(track, start, end, longest))
    return spans


def _pieces(track: Track, start: float, end: float, longest: float) -> Iterator[tuple[float, float]]:
    while end - start > longest:
        edge = min(_EDGE, longest / 2)  # so that each cut moves on
        first, last = (int(at * RATE / FRAME) for at in (start + longest - edge, start + longest))
        smooth = np.convolve(track.level[first:last], np.full(_QUIET, 1 / _QUIET), mode="valid")
        cut = (first + int(smooth.argmin()) + _QUIET / 2) * FRAME / RATE
        yield start, cut
        start = cut
    yield start, end


def _silero() -> _Silero:
    """The detector, loaded once per process, by whichever thread is first."""
    with _LOADING:
        return _loaded()


@cache
def _loaded() -> _Silero:
    # Importing the package sets torch to one thread (silero_vad/model.py): a loss to the recogniser and no gain here.
    threads = torch.get_num_threads()
    try:
        import silero_vad  # between the two lines that undo what it sets
    finally:
        torch.set_num_threads(threads)
    detector = silero_vad.load_silero_vad(onnx=True, sequence=True)
    return _Silero(detector.session, silero_vad.get_speech_timestamps_from_probs)
