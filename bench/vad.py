"""What the voice activity detector calls speech: prompts of the starter in noise of 5 dB, and recordings of your own.

    OMP_NUM_THREADS=1 python bench/vad.py [FILE ...]

Forty prompts of both languages with pauses of 1.5 s between them, under noise 5 dB below their voiced parts. Voiced is
a 10 ms step of a prompt at most 25 dB below the prompt's loudest; a pause is what lies .3 s and more from any prompt,
so that the margins kept around speech do not count. Of each `FILE` it is told how much is called speech. Before that
come the processor time and the memory that ten minutes take. About half a minute.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import soundfile
import suite_speech
from suite_speech.data import audio, vad
from suite_speech.data.audio import RATE, Clip

STEP = RATE // 100
PROMPTS, PAUSE, EDGE = 40, 150, 30  # prompts, and steps of 10 ms
RATIO = 5.0  # dB
LANGUAGES = ("en", "fr")


def prompts() -> list[np.ndarray]:
    folder = Path(suite_speech.__file__).parent / "starter"
    rows = [row for code in LANGUAGES for row in pq.read_table(folder / f"prompts-{code}.parquet").to_pylist()]
    sounds = [audio.read(Clip("prompt", row["audio"]["bytes"]), limit=60) for row in rows]
    order = np.random.default_rng(0).permutation(len(sounds))
    return [sounds[i] for i in order if len(sounds[i]) > RATE]


def scene(sounds: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Samples, and for each step 1 where voiced, 0 in a pause, -1 where neither is sure."""
    parts, truth = [], []
    for sound in sounds:
        steps = sound[: len(sound) // STEP * STEP].reshape(-1, STEP)
        level = 10 * np.log10((steps**2).mean(axis=1) + 1e-12)
        pause = np.full(PAUSE, -1)
        pause[EDGE:-EDGE] = 0
        parts += [np.zeros(PAUSE * STEP, np.float32), steps.ravel()]
        truth += [pause, np.where(level > level.max() - 25, 1, -1)]
    return np.concatenate(parts), np.concatenate(truth)


def pink(count: int, generator: np.random.Generator) -> np.ndarray:
    spectrum = np.fft.rfft(generator.standard_normal(count))
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), count)


def music(count: int, generator: np.random.Generator) -> np.ndarray:
    """Three plucked notes of a scale, each with five overtones, twice a second."""
    tune, time_ = np.zeros(count), np.arange(RATE // 2) / RATE
    for start in range(0, count, len(time_)):
        for pitch in generator.choice([220, 247, 262, 294, 330, 349, 392, 440], 3, replace=False):
            note = sum(np.sin(2 * np.pi * pitch * k * time_) / k for k in range(1, 7)) * np.exp(-3 * time_)
            tune[start : start + len(time_)] += note[: count - start]
    return tune


def babble(count: int, generator: np.random.Generator, others: list[np.ndarray]) -> np.ndarray:
    """Six voices at once."""
    shuffled = [np.concatenate([others[i] for i in generator.permutation(len(others))]) for _ in range(6)]
    return np.sum([np.resize(voices, count) for voices in shuffled], axis=0)


def called(samples: np.ndarray, steps: int) -> np.ndarray:
    """Which steps lie in a stretch of speech."""
    flags = np.zeros(steps, bool)
    for start, end in vad.speech(vad.measure([samples.astype(np.float32)])):
        flags[round(start * RATE / STEP) : round(end * RATE / STEP)] = True
    return flags


def in_noise() -> None:
    sounds = prompts()
    clean, truth = scene(sounds[:PROMPTS])
    power = (clean[np.repeat(truth == 1, STEP)] ** 2).mean()
    generator = np.random.default_rng(0)
    count = len(clean)
    noises = {
        "none": np.zeros(count),
        "white": generator.standard_normal(count),
        "pink": pink(count, generator),
        "music": music(count, generator),
        "babble of six": babble(count, generator, sounds[PROMPTS:]),
    }
    print(
        f"{count / RATE:.0f} s, {RATIO:g} dB\n\n| noise | voiced called speech | pauses called speech |\n|---|---|---|"
    )
    for name, noise in noises.items():
        scale = np.sqrt(power / 10 ** (RATIO / 10) / max((noise**2).mean(), 1e-12))
        flags = called(clean + scale * noise, len(truth))
        print(f"| {name} | {flags[truth == 1].mean():.3f} | {flags[truth == 0].mean():.3f} |")


def of_files(paths: list[str]) -> None:
    print("\n| file | seconds | called speech |\n|---|---|---|")
    for path in paths:
        track = vad.measure(audio.stream(Clip(path)))
        spoken = sum(end - start for start, end in vad.speech(track))
        print(f"| {Path(path).name} | {track.seconds:.1f} | {spoken / track.seconds:.3f} |")


def ten_minutes() -> None:
    """Of noise: what is heard makes no difference to either."""
    vad.measure([np.zeros(10 * RATE, np.float32)])  # loads the detector
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "long.wav")
        with soundfile.SoundFile(path, "w", RATE, 1) as file:
            for second in range(600):
                file.write(np.random.default_rng(second).normal(0, 0.1, RATE))
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        vad.windows(vad.measure(audio.stream(Clip(path))), 30)
        took = time.process_time() - began
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"ten minutes: {took:.1f} s of processor time, memory's peak {grown / 1024:.0f} MB higher\n")


if __name__ == "__main__":
    ten_minutes()  # first: a peak can only be seen where none was higher before
    in_noise()
    if sys.argv[1:]:
        of_files(sys.argv[1:])
