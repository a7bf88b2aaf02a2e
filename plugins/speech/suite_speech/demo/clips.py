"""The clips that the Demo tab offers: sentences of the starters that no model here was trained on, as WAV files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset

from suite import Predictor, cache_dir
from suite_speech.data import audio
from suite_speech.data.text import normalise

OFFERED = 3  # clips of each language: a row of buttons
NAMED = 5  # words that name a clip: enough to know what it says, short enough for a button
LONGEST = 30.0  # seconds: the starters' clips are shorter


def demo_call(predictor: Predictor) -> tuple[str, Sequence[Any]]:
    """The first of the clips on offer, its language to be detected."""
    return "speech_transcribe", [example_clips()[0][0], "auto"]


def example_clips() -> list[tuple[Path, str]]:
    """Clips of each starter's test split as WAV files in the cache, named by their words, with their languages."""
    folder = cache_dir() / "speech" / "examples"
    clips = []
    for path in sorted((Path(__file__).parents[1] / "starter").glob("*.parquet"), reverse=True):
        rows = Dataset.from_parquet(str(path))
        tests = [row for row in rows if row.get("split", "test") == "test"]
        sentences = [row for row in tests if len(normalise(row["text"]).split()) >= NAMED]
        for row in sentences[:OFFERED]:
            words = normalise(row["text"]).split()[:NAMED]
            wav = folder / f"{' '.join(words)}-{row['language']}.wav"
            if not wav.is_file():
                folder.mkdir(parents=True, exist_ok=True)
                audio.write_wav(wav, audio.read(audio.clip_of(row["audio"]), limit=LONGEST))
            clips.append((wav, row["language"]))
    return clips
