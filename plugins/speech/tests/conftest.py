"""What the tests of the model side share: voices, made up and recorded, and a Whisper of some thousand weights."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import suite_speech
from suite_speech.data.audio import RATE, Clip, read, write_wav

sys.path.append(str(Path(__file__).parent))  # pytest's importlib mode puts no test folder on the path


def made_voice(seconds: float, pitch: float = 120.0) -> np.ndarray:
    """Harmonics of a gliding pitch under a formant, four syllables a second; no detector of speech is deceived."""
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(pitch + 15 * np.sin(2 * np.pi * 0.7 * time)) / RATE
    pulses = sum(np.sin(k * phase) / (1 + ((pitch * k - 600) / 400) ** 2) for k in range(1, 25))
    return (0.03 * pulses * np.clip(np.sin(2 * np.pi * 4 * time) + 0.7, 0, 1)).astype(np.float32)


@cache
def recorded_voice() -> np.ndarray:
    """Nine minutes of the starter's English prompts (8 kHz) without a pause: no tenth of a second is quiet."""
    rows = pq.read_table(Path(suite_speech.__file__).parent / "starter" / "prompts-en.parquet").to_pylist()
    parts = []
    for row in rows:
        samples = read(Clip("prompt", row["audio"]["bytes"]), limit=60)
        steps = samples[: len(samples) // 160 * 160].reshape(-1, 160)  # of 10 ms
        power = (steps**2).mean(axis=1)
        parts.append(steps[np.convolve(power > power.max() / 1000, np.ones(5), "same") > 0].ravel())
    return np.concatenate(parts)


@pytest.fixture(scope="session")
def spoken():
    """A function that gives so many seconds of a recorded voice, from a second of the recording on."""
    return lambda seconds, start=0.0: recorded_voice()[round(start * RATE) :][: round(seconds * RATE)]


@pytest.fixture
def voice():
    """A function that makes speech-like samples of so many seconds."""
    return made_voice


@pytest.fixture
def saved(tmp_path):
    """A function that writes samples as a WAV file and returns its path."""

    def save(samples: np.ndarray, name: str = "a.wav") -> str:
        write_wav(tmp_path / name, samples)
        return str(tmp_path / name)

    return save


@pytest.fixture(scope="session")
def tiny_body():
    """A function that makes a body of wav2vec 2.0 or HuBERT, without letters, from its config and model class."""

    def make(config, model, **settings):
        return model(
            config(
                hidden_size=32,
                num_hidden_layers=2,
                num_attention_heads=2,
                intermediate_size=64,
                conv_dim=(16,) * 7,
                num_conv_pos_embeddings=16,
                num_conv_pos_embedding_groups=2,
                do_stable_layer_norm=True,
                initializer_range=0.2,  # with the usual .02 so small a body needs hundreds of steps
                **settings,
            )
        )

    return make


@pytest.fixture(scope="session")
def tiny_whisper(tmp_path_factory):
    """A folder with a multilingual Whisper of two layers of 16, its 256 bytes as tokens; random weights."""
    from speech_toys import whisper

    return whisper(tmp_path_factory.mktemp("whisper"))
