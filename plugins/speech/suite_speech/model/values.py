"""What goes in and out of a speech model: utterances, words with their times, transcripts of windows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from suite_speech.data.audio import Clip

WINDOW = 30.0
"""Seconds a model takes at once; Whisper was trained on no more."""

FROZEN = {"frozen-encoder": 1.0, "half-encoder": 0.5, "full": 0.0, "lora": 0.0}
"""Share of the encoder's layers, from below, that each preset leaves as they are."""


@dataclass(frozen=True)
class Utterance:
    """One example: a stretch of sound, the language, perhaps what was said.

    `encoded` is the cached output of the encoder's frozen layers, float16 (positions, width); `seed` decides what
    training hides of it.
    """

    clip: Clip
    seconds: float
    language: str
    text: str | None = None
    encoded: np.ndarray | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Word:
    """A word with its time in seconds and the mean probability of its tokens."""

    word: str
    start: float
    end: float
    confidence: float

    def later(self, seconds: float) -> Word:
        """The same word in a recording that began `seconds` before the window."""
        return replace(self, start=self.start + seconds, end=self.end + seconds)


@dataclass(frozen=True)
class Transcript:
    """What a model recognised in one window; `words` is empty where their times were not asked for."""

    text: str
    language: str
    confidence: float
    words: list[Word] = field(default_factory=list)
