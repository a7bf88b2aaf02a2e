"""What Whisper and CTC models have in common: the interface the rest of the plugin speaks to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from suite_speech.data.audio import Clip

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

    from suite_speech.config import SpeechConfig

WINDOW = 30.0
"""Seconds a model hears at once; Whisper was trained on no more."""

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
    spoken: bool = True
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
class Heard:
    """What a model heard in one window."""

    text: str
    language: str
    confidence: float
    words: list[Word] = field(default_factory=list)


class Listener(ABC):
    """A kind of model: how it takes sound in, learns from text and answers."""

    targets: ClassVar[tuple[str, ...]] = ("q_proj", "v_proj")
    """Modules that get low-rank adapters."""
    caches: ClassVar[bool]
    """Whether the output of frozen layers can stand for the sound."""
    stretch: ClassVar[int] = 10
    """Time steps of the features that training hides together: a tenth of a second."""

    def __init__(self, config: SpeechConfig) -> None:
        self.config = config
        self.processor: Any = None
        self.language = config.language
        """What is spoken unless an example says otherwise; "auto" where it is not known."""

    @abstractmethod
    def load(self, source: Path, texts: Sequence[str] | None, spoken: str) -> torch.nn.Module:
        """Loads model and processor. The training rows give `texts`, for a vocabulary the model may lack, and the
        language `spoken` ("auto" if several); a finished run has no rows, and says itself what it was trained for.
        """

    @abstractmethod
    def features(self, samples: np.ndarray) -> np.ndarray:
        """Model input for up to 30 s of sound. Its length depends on the sound's alone, never on its neighbours."""

    @abstractmethod
    def encode(self, model: torch.nn.Module, features: torch.Tensor) -> torch.Tensor:
        """Output of the frozen layers for features of equal length, float16 (batch, positions, width)."""

    @abstractmethod
    def labels(self, texts: Sequence[str], languages: Sequence[str]) -> dict[str, torch.Tensor]:
        """Targets, -100 where there is none, under "labels", with what else the loss needs."""

    @abstractmethod
    def loss(self, model: torch.nn.Module, group: dict[str, Any]) -> torch.Tensor:
        """Summed loss over the labels of a group."""

    @abstractmethod
    def hear(self, model: torch.nn.Module, group: dict[str, Any], seconds: Sequence[float]) -> list[Heard]:
        """What is said in each window of a group, whose sounds last `seconds`."""


def hide(array: np.ndarray, seed: int, share: float, axis: int, stretch: int = 10) -> np.ndarray:
    """The array with about `share` of its time steps set to zero, `stretch` at a time (SpecAugment's time masks)."""
    generator = np.random.default_rng(seed)
    length = array.shape[axis]
    hidden = array.copy()
    for start in generator.integers(0, max(1, length - stretch), size=round(share * length / stretch)):
        hidden[(slice(None),) * axis + (slice(start, start + stretch),)] = 0
    return hidden


def texts_of(rows: Dataset | None) -> list[str] | None:
    """The transcripts of training rows."""
    return None if rows is None else [text or "" for text in rows["text"]]


def by_shape(arrays: Sequence[tuple[str, np.ndarray]]) -> dict[tuple[str, tuple[int, ...]], list[int]]:
    """Positions of arrays of one kind and shape: those can be stacked, and none is padded for another's sake."""
    groups: dict[tuple[str, tuple[int, ...]], list[int]] = {}
    for i, (kind, array) in enumerate(arrays):
        groups.setdefault((kind, array.shape), []).append(i)
    return groups
