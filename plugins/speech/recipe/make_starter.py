"""Makes the starter data: telephone prompts and their transcripts, as parquet files with FLAC inside.

    apt-get install asterisk-core-sounds-{fr,en}{,-wav}
    python plugins/speech/recipe/make_starter.py fr SOUNDS TRANSCRIPTS.txt.gz

The transcripts are what the voice was asked to say, and not always what she said. Where Whisper base, which has never
seen them, is sure of something quite different, the clip is left out and named, so that nobody has to take our word
for it. Prompts that say the same words share a split.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import soundfile
import torch
from corrections import CORRECTIONS
from datasets import Dataset

from suite import TrainingData
from suite.assets.resolve import fetch
from suite_speech.data import text
from suite_speech.domain import SPEECH
from suite_speech.evaluation import errors
from suite_speech.model import whisper
from suite_speech.starter.assets import WHISPER

LANGUAGES = ("fr", "en")
SHARES = (("test", 0.28), ("validation", 0.10))  # what is left trains; 28 % of 300 clips give an interval worth having
FEWEST = 2  # words: single letters and digits are no test of language
LONGEST = 29.0  # seconds: one window
SURE, DIFFERENT = 0.6, 0.6  # mean confidence from which, and letter errors from which, the transcript is not believed
ENGLISH = 160  # clips of English: enough for the forgetting check, small enough to ship


def prompts(sounds: Path, transcripts: Path, language: str) -> Iterator[dict[str, Any]]:
    """Every prompt with a recording and words; the first of a name counts."""
    seen: set[str] = set()
    for line in gzip.decompress(transcripts.read_bytes()).decode().splitlines():
        name, colon, spoken = line.partition(":")
        path, spoken = sounds / f"{name.strip()}.wav", tidy(spoken, CORRECTIONS if language == "fr" else ())
        if line.startswith(";") or not colon or name in seen or not path.is_file() or not spoken:
            continue
        seen.add(name)
        words = text.normalise(spoken).split()
        if len(words) >= FEWEST and not spelt(words) and soundfile.info(path).duration <= LONGEST:
            yield {"path": path, "name": name.strip(), "text": spoken}


def tidy(spoken: str, corrections: tuple[tuple[str, str], ...]) -> str:
    """A transcript without stage directions, quotes and dots that stand for a voice left hanging; corrected."""
    spoken = re.sub(r"[\[(<][^\])>]*[\])>]", " ", spoken)
    spoken = re.sub(r"\.{2,}|…", " ", spoken).replace('"', " ").replace("“", " ").replace("”", " ")
    spoken = " ".join(spoken.split()).strip("-– ")
    for pattern, correct in corrections:
        spoken = re.sub(pattern, correct, spoken)
    return spoken.strip()


def spelt(words: list[str]) -> bool:
    """Whether more than half of the words are single characters: "I A X" is no test of language."""
    return 2 * sum(len(word) == 1 for word in words) > len(words)


def split_of(spoken: str) -> str:
    """The split of a text, by its words alone."""
    share = int(hashlib.sha256(text.normalise(spoken).encode()).hexdigest()[:8], 16) / 2**32
    for name, part in SHARES:
        if share < part:
            return name
        share -= part
    return "train"


def flac(path: Path) -> bytes:
    """The recording as 16-bit FLAC: the same samples in half the space."""
    samples, rate = soundfile.read(path, dtype="int16")
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format="FLAC", subtype="PCM_16")
    return out.getvalue()


def zero_shot(clips: list[dict[str, Any]], language: str) -> list[dict[str, Any]]:
    """What Whisper base hears in each prompt at its first, greedy attempt."""
    whisper.TEMPERATURES = (0.0,)  # doubt is what the rule wants to know, so nothing is tried again
    rows = Dataset.from_list([{"text": prompt["text"], "language": language} for prompt in clips])
    task = SPEECH.task(language=language, word_times=False)
    model = task.load(fetch(WHISPER), TrainingData(rows))
    examples = [example for prompt in clips for example in model.inputs(str(prompt["path"]))]
    order = sorted(range(len(examples)), key=lambda i: examples[i].seconds)  # alike lengths make full batches
    heard: dict[int, dict[str, Any]] = {}
    for start in range(0, len(order), 8):
        part = order[start : start + 8]
        with torch.no_grad():
            answers = model.infer(model.collate([examples[i] for i in part]))
        heard.update(zip(part, answers, strict=True))
        print(f"{len(heard)} of {len(examples)} clips heard", end="\r")
    return [heard[i] for i in range(len(clips))]


def main() -> None:
    """Writes `starter/prompts-<language>.parquet` and names what was left out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("language", choices=LANGUAGES)
    parser.add_argument("sounds", type=Path)
    parser.add_argument("transcripts", type=Path)
    arguments = parser.parse_args()
    clips = list(prompts(arguments.sounds, arguments.transcripts, arguments.language))
    if arguments.language == "en":  # spread over the alphabet, so that all kinds of prompts are in
        clips = clips[:: max(1, len(clips) // ENGLISH)][:ENGLISH]
    rows, dropped = [], 0
    for prompt, heard in zip(clips, zero_shot(clips, arguments.language), strict=True):
        wrong = errors.characters(prompt["text"], heard["text"], normalised=True)
        sure = sum(s["confidence"] for s in heard["segments"]) / max(1, len(heard["segments"]))
        if sure > SURE and wrong.total / wrong.length > DIFFERENT:
            dropped += 1
            print(f"left out {prompt['name']}: asked {prompt['text']!r}, heard {heard['text']!r} ({sure:.2f})")
            continue
        rows.append(
            {
                "audio": {"bytes": flac(prompt["path"]), "path": f"{prompt['name'].replace('/', '-')}.flac"},
                "text": prompt["text"],
                "language": arguments.language,
                "zero_shot": heard["text"],
                **({} if arguments.language == "en" else {"split": split_of(prompt["text"])}),  # English only tests
            }
        )
    _write(rows, arguments.language)
    print(f"{len(rows)} clips, {dropped} left out")


def _write(rows: list[dict[str, Any]], language: str) -> None:
    path = Path(__file__).parents[1] / "suite_speech" / "starter" / f"prompts-{language}.parquet"
    path.parent.mkdir(exist_ok=True)
    Dataset.from_list(rows).to_parquet(str(path))
    print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
