"""Sound files as 16 kHz mono float32, by soundfile and soxr: wav, flac, mp3, ogg, at any rate, mono or stereo.

A file is asked for its size before anything is decoded, and long ones are only ever read a block at a time, so that a
2-hour recording or a file that unpacks to gigabytes costs no more memory than a short one.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from suite import SuiteError, decoding
from suite_speech.data.whole import what_is_missing

RATE = 16_000
"""Samples per second every model here was trained on."""
ENDINGS = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".oga", ".aiff", ".aif")
"""File names taken for audio when a folder is searched."""
MAX_SECONDS = 12 * 3600  # longer than any meeting; a header that claims more is damaged or hostile
_MAX_CHANNELS = 16
_RATES = (4_000, 384_000)  # from the poorest telephone codec to the best studio converter
_BLOCK_SECONDS = 10
_LOUDEST = 2.0**31
"""Of full scale 1: integers of 32 bits that were written as floats. What is beyond becomes NaN in a resampler."""
_MEND = "get it whole, or cut it on purpose: ffmpeg -i FILE whole.wav"


@dataclass(frozen=True)
class Clip:
    """Where a stretch of sound is: a file or its bytes, and start and end in seconds (no end: to the last sample)."""

    name: str
    data: bytes | None = None
    start: float = 0.0
    end: float | None = None


@dataclass(frozen=True)
class Facts:
    """What a file's header says."""

    seconds: float
    rate: int
    channels: int


def clip_of(audio: Any, start: float | None = None, end: float | None = None) -> Clip:
    """A clip from a row's `audio` value: a path, or `{"bytes", "path"}` as hub data sets hold it."""
    start, end = float(start or 0.0), None if end is None else float(end)
    if isinstance(audio, str | Path):
        return Clip(str(audio), None, start, end)
    if isinstance(audio, Mapping) and (audio.get("bytes") or audio.get("path")):
        return Clip(str(audio.get("path") or "audio"), audio.get("bytes"), start, end)
    raise SuiteError(f"A clip is {type(audio).__name__}; give a path, or a record with bytes.")


def facts(clip: Clip) -> Facts:
    """Length of the clip (not of the whole file), rate and channels, from the header alone.

    Raises `SuiteError` when the file is missing, no audio, or of a size no recording has.
    """
    with _opened(clip) as file:
        whole = file.frames / file.samplerate
        rate, channels = file.samplerate, file.channels
    if not _RATES[0] <= rate <= _RATES[1] or channels > _MAX_CHANNELS:
        raise SuiteError(f"{clip.name} claims {rate} Hz and {channels} channels; give 4 to 384 kHz, up to 16 channels.")
    if whole > MAX_SECONDS:
        raise SuiteError(f"{clip.name} claims {whole / 3600:.0f} hours; give files of up to 12 hours.")
    end = whole if clip.end is None else min(clip.end, whole)
    if not clip.start >= 0:  # NaN too
        raise SuiteError(f"{clip.name} is to be read from {clip.start:g} s; a start is 0 s or later.")
    if not end > clip.start:
        raise SuiteError(f"{clip.name} lasts {whole:.1f} s, so there is nothing from {clip.start:g} s to {end:g} s.")
    return Facts(end - clip.start, rate, channels)


def read(clip: Clip, *, limit: float) -> np.ndarray:
    """The clip's samples, float32 of shape (n,). Raises `SuiteError` if it lasts longer than `limit` seconds."""
    seconds = facts(clip).seconds
    if seconds > limit:
        raise SuiteError(f"{clip.name} lasts {seconds:.0f} s; at most {limit:g} s can be taken in one piece.")
    parts = list(stream(clip))
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def stream(clip: Clip) -> Iterator[np.ndarray]:
    """The clip's samples in consecutive blocks of some ten seconds, resampled without seams."""
    wanted = facts(clip)
    with _opened(clip) as file:
        if clip.start:  # some encodings (GSM) cannot be sought in, not even for their beginning
            file.seek(round(clip.start * wanted.rate))
        resample = soxr.ResampleStream(wanted.rate, RATE, 1, dtype="float32")
        left, block = round(wanted.seconds * wanted.rate), _BLOCK_SECONDS * wanted.rate
        while left > 0:
            frames = file.read(min(block, left), dtype="float32", always_2d=True)
            if not len(frames):
                raise SuiteError(f"{clip.name} is damaged: {left / wanted.rate:.2f} s of it are not there; {_MEND}")
            left -= len(frames)
            mono = np.nan_to_num(frames.mean(axis=1), nan=0.0, posinf=1.0, neginf=-1.0)
            if len(mono) and (peak := float(abs(mono).max())) > _LOUDEST:
                raise SuiteError(f"{clip.name} holds values up to {peak:.3g}, which is no sound; save it within ±1.")
            yield mono if wanted.rate == RATE else resample.resample_chunk(mono, last=left <= 0)


def write_wav(path: Path, samples: np.ndarray) -> None:
    """16 kHz mono samples as a 16-bit WAV file."""
    soundfile.write(path, samples, RATE, subtype="PCM_16")


@contextmanager
def _opened(clip: Clip) -> Iterator[soundfile.SoundFile]:
    """The file, decoded behind one boundary, and refused where it was cut short."""
    if clip.data is None and not Path(clip.name).is_file():
        raise SuiteError(f"No file {clip.name}.")
    if missing := what_is_missing(clip.name if clip.data is None else clip.data):
        raise SuiteError(f"{clip.name} is cut short: {missing}; {_MEND}")
    with decoding(f"{clip.name} is no audio, or damaged: it", "give wav, flac, mp3 or ogg."):
        try:
            with soundfile.SoundFile(io.BytesIO(clip.data) if clip.data is not None else clip.name) as file:
                yield file
        except soundfile.LibsndfileError as error:
            raise ValueError(error.error_string) from None  # in full it names an object of Python's
