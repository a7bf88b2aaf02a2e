"""From clips of any length to predictions: THE inference path of speech.

Silence is left out by voice activity detection. What is left is decoded in windows of at most 30 s, one after another,
cut where it is quiet: sequential decoding, which loses fewer words than overlapping chunks (10.4 against 11.7 % word
errors in the Distil-Whisper paper, https://arxiv.org/abs/2311.00430). A long file is read window by window and never
held whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from suite import Prediction, bar
from suite_speech.data import audio, vad
from suite_speech.data.audio import Clip
from suite_speech.model.batches import by_shape
from suite_speech.model.values import WINDOW, Transcript, Utterance, Word

if TYPE_CHECKING:
    from suite_speech.model.base import SpeechModel

BATCH = 8  # windows decoded side by side: more cost memory and save little time on a CPU
PAUSE = 1.0  # seconds between words at which a segment ends
LONGEST = 15.0  # seconds after which a segment ends even inside a sentence
_ENDS = (".", "?", "!", "…", "。", "？", "！")


@dataclass(frozen=True)
class Window:
    """A stretch of one utterance, in seconds from its start, that the model takes at once."""

    utterance: int
    start: float
    end: float
    language: str
    sound: Clip
    encoded: np.ndarray | None

    def input(self, model: SpeechModel) -> tuple[str, np.ndarray]:
        """The network's input and what kind it is."""
        if self.encoded is not None:
            return "encoded", self.encoded
        return "features", model.features(audio.read(self.sound, limit=WINDOW + 1))


def transcribe(model: SpeechModel, utterances: Sequence[Utterance]) -> list[Prediction]:
    """Text, language, duration and segments of each utterance, in order."""
    windows = [window for i, utterance in enumerate(utterances) for window in windows_of(i, utterance)]
    transcripts: list[Transcript] = []
    with bar(description="Listening", total=len(windows) if len(windows) > BATCH else None, unit="window") as progress:
        for start in range(0, len(windows), BATCH):
            transcripts += _recognise(model, windows[start : start + BATCH])
            progress.update(min(BATCH, len(windows) - start))
    pairs = list(zip(windows, transcripts, strict=True))
    return [_prediction(u, [pair for pair in pairs if pair[0].utterance == i]) for i, u in enumerate(utterances)]


def windows_of(index: int, utterance: Utterance) -> Iterator[Window]:
    """Where an utterance holds speech; one that fits into a window is taken whole, or not at all."""
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


def _recognise(model: SpeechModel, windows: Sequence[Window]) -> list[Transcript]:
    """The transcript of each window; those whose inputs have one shape are decoded together."""
    inputs = [window.input(model) for window in windows]
    transcripts: dict[int, Transcript] = {}
    for (kind, _), members in by_shape(inputs).items():
        stacked = torch.from_numpy(np.stack([inputs[i][1] for i in members])).to(model.network.device)
        group = {kind: stacked, "languages": [windows[i].language for i in members]}
        seconds = [windows[i].end - windows[i].start for i in members]
        transcripts.update(zip(members, model.recognise(group, seconds), strict=True))
    return [transcripts[i] for i in range(len(windows))]


def _prediction(utterance: Utterance, pairs: Sequence[tuple[Window, Transcript]]) -> Prediction:
    """An utterance's prediction from its windows and their transcripts, empty ones left out."""
    spoken = [(window, transcript) for window, transcript in pairs if transcript.text]
    asked = "" if utterance.language == "auto" else utterance.language
    return {
        "text": " ".join(transcript.text for _, transcript in spoken),
        "language": spoken[0][1].language if spoken else asked,
        "duration": round(utterance.seconds, 2),
        "segments": [segment for window, transcript in spoken for segment in _segments(window, transcript)],
    }


def _segments(window: Window, transcript: Transcript) -> list[dict[str, Any]]:
    if transcript.words:
        return segments([word.later(window.start) for word in transcript.words])
    span = {"start": round(window.start, 2), "end": round(window.end, 2)}
    return [{**span, "text": transcript.text, "confidence": round(transcript.confidence, 3)}]


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
