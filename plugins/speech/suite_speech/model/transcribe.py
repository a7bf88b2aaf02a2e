"""From clips of any length to predictions: THE inference path of speech.

Silence is left out by voice activity detection. What is left is decoded in windows of at most 30 s, one after another,
cut where it is quiet: sequential decoding, which loses fewer words than overlapping chunks (10.4 against 11.7 % word
errors in the Distil-Whisper paper, https://arxiv.org/abs/2311.00430). A long file is read window by window and never
held whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from suite import Prediction, bar
from suite_speech.data import audio, vad
from suite_speech.data.audio import Clip
from suite_speech.model.listener import WINDOW, Heard, Listener, Utterance, Word, by_shape

BATCH = 8  # windows decoded side by side: more cost memory and save little time on a CPU
PAUSE = 1.0  # seconds between words at which a segment ends
LONGEST = 15.0  # seconds after which a segment ends even inside a sentence
_ENDS = (".", "?", "!", "…", "。", "？", "！")


@dataclass(frozen=True)
class Window:
    """A stretch of one utterance, in seconds from its start, that the model hears at once."""

    utterance: int
    start: float
    end: float
    language: str
    sound: Clip
    encoded: np.ndarray | None

    def input(self, listener: Listener) -> tuple[str, np.ndarray]:
        """The model's input and what kind it is."""
        if self.encoded is not None:
            return "encoded", self.encoded
        return "features", listener.features(audio.read(self.sound, limit=WINDOW + 1))


def transcribe(listener: Listener, model: Any, utterances: Sequence[Utterance]) -> list[Prediction]:
    """Text, language, duration and segments of each utterance, in order."""
    windows = [window for i, utterance in enumerate(utterances) for window in windows_of(i, utterance)]
    heard: list[tuple[Window, Heard]] = []
    with bar(description="Listening", total=len(windows) if len(windows) > BATCH else None, unit="window") as progress:
        for start in range(0, len(windows), BATCH):
            heard += _hear(listener, model, windows[start : start + BATCH])
            progress.update(min(BATCH, len(windows) - start))
    return [_prediction(u, [pair for pair in heard if pair[0].utterance == i]) for i, u in enumerate(utterances)]


def windows_of(index: int, utterance: Utterance) -> Iterator[Window]:
    """Where an utterance holds speech; one that fits into a window is heard whole, or not at all."""
    clip = utterance.clip
    track = vad.measure(audio.stream(clip))
    spans = vad.windows(track, WINDOW)
    if spans and utterance.seconds <= WINDOW:
        yield Window(index, 0.0, utterance.seconds, utterance.language, clip, utterance.encoded)
        return
    for start, end in spans:
        sound = Clip(clip.name, clip.data, clip.start + start, clip.start + end)
        yield Window(index, start, end, utterance.language, sound, None)


def segments(words: Sequence[Word]) -> list[dict[str, Any]]:
    """Words grouped into sentences, as a prediction keeps them."""
    groups: list[list[Word]] = []
    for word in words:
        last = groups[-1] if groups else None
        if last and not (
            last[-1].word.endswith(_ENDS) or word.start - last[-1].end > PAUSE or word.end - last[0].start > LONGEST
        ):
            last.append(word)
        else:
            groups.append([word])
    return [_segment(group) for group in groups]


def _hear(listener: Listener, model: Any, windows: Sequence[Window]) -> list[tuple[Window, Heard]]:
    inputs = [window.input(listener) for window in windows]
    found: dict[int, Heard] = {}
    for (kind, _), members in by_shape(inputs).items():
        stacked = torch.from_numpy(np.stack([inputs[i][1] for i in members])).to(model.device)
        group = {kind: stacked, "languages": [windows[i].language for i in members]}
        seconds = [windows[i].end - windows[i].start for i in members]
        found.update(zip(members, listener.hear(model, group, seconds), strict=True))
    return [(window, found[i]) for i, window in enumerate(windows)]


def _prediction(utterance: Utterance, heard: Sequence[tuple[Window, Heard]]) -> Prediction:
    found = [segment for window, one in heard if one.text for segment in _segments(window, one)]
    languages = [one.language for _, one in heard if one.text]
    asked = "" if utterance.language == "auto" else utterance.language
    return {
        "text": " ".join(one.text for _, one in heard if one.text),
        "language": languages[0] if languages else asked,
        "duration": round(utterance.seconds, 2),
        "segments": found,
    }


def _segments(window: Window, heard: Heard) -> list[dict[str, Any]]:
    if heard.words:
        return segments([word.later(window.start) for word in heard.words])
    span = {"start": round(window.start, 2), "end": round(window.end, 2)}
    return [{**span, "text": heard.text, "confidence": round(heard.confidence, 3)}]


def _segment(words: Sequence[Word]) -> dict[str, Any]:
    spans = [
        {"word": w.word, "start": round(w.start, 2), "end": round(w.end, 2), "confidence": round(w.confidence, 3)}
        for w in words
    ]
    return {
        "start": spans[0]["start"],
        "end": spans[-1]["end"],
        "text": " ".join(word.word for word in words),
        "confidence": round(float(np.mean([word.confidence for word in words])), 3),
        "words": spans,
    }
