"""From rows to batches: utterances, with the output of the encoder's frozen layers beside them where it is cached."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from suite import Batch, bar
from suite_speech.data import audio
from suite_speech.data.audio import Clip
from suite_speech.data.text import normalise
from suite_speech.model.listener import WINDOW, Listener, Utterance, hide

if TYPE_CHECKING:
    from datasets import Dataset

NAMED = 5  # words that name an example: enough to know what it says, short enough for a button
ENCODED_AT_ONCE = 8  # clips: more take memory and no less time on a CPU


class Utterances(Sequence[Utterance]):
    """Rows of a table as utterances, with the output of the frozen layers where it was computed."""

    def __init__(self, rows: Dataset, language: str, encoded: list[np.ndarray] | None = None) -> None:
        self.rows, self.language, self.encoded = rows, language, encoded
        self.seconds = [audio.facts(clip_of(row)).seconds for row in rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        row = self.rows[int(index)]
        encoded = None if self.encoded is None else self.encoded[int(index)]
        language = row.get("language") or self.language
        return Utterance(clip_of(row), self.seconds[int(index)], language, row.get("text"), encoded)


def utterances(rows: Dataset, listener: Listener, model: Any, language: str, cache: Path | None) -> Utterances:
    """The rows' utterances; with `cache` each carries what the encoder's frozen layers made of it, float16.

    The output lies memory-mapped in a file named by the sounds and those layers' weights, so that a second run starts
    at once. Rounding to float16 moves a logit by less than 1e-2, and `encode` rounds a fresh output alike.
    """
    plain = Utterances(rows, language)
    if cache is None:
        return plain
    clips = [utterance.clip for utterance in plain]
    path = cache / _content(clips, model)
    if not path.is_dir():
        _encode(clips, plain.seconds, listener, model, path)
    ends = np.load(path / "ends.npy")
    flat = np.load(path / "positions.npy", mmap_mode="r")
    return Utterances(rows, language, [flat[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)])


def batch_of(examples: Sequence[Utterance], listener: Listener, masking: float) -> Batch:
    """The examples for `infer`; with texts also groups of one input shape each, and all labels as one row."""
    import torch

    from suite_speech.model.listener import by_shape

    batch: Batch = {"examples": list(examples)}
    if not all(example.text for example in examples):
        return batch
    inputs = [_input(example, listener, masking) for example in examples]
    batch["groups"] = []
    for (kind, _), members in by_shape(inputs).items():
        stacked = torch.from_numpy(np.stack([inputs[i][1] for i in members]))
        texts, languages = zip(*((examples[i].text, examples[i].language) for i in members), strict=True)
        batch["groups"].append({kind: stacked, **listener.labels(texts, languages)})
    batch["labels"] = torch.cat([group["labels"].flatten() for group in batch["groups"]])[None]
    return batch


def clip_of(row: Any) -> Clip:
    """The clip of a row."""
    return audio.clip_of(row["audio"], row.get("start"), row.get("end"))


def seeded(example: Utterance, generator: np.random.Generator) -> Utterance:
    """The example with the seed of what training hides of it."""
    return replace(example, seed=int(generator.integers(2**31)))


def starter_clips(folder: Path, count: int) -> list[tuple[Path, str]]:
    """Sentences of each starter that were not trained on, as WAV files named by their words, with their languages."""
    from datasets import Dataset

    found = []
    for path in sorted((Path(__file__).parents[1] / "starter").glob("*.parquet"), reverse=True):
        rows = Dataset.from_parquet(str(path))
        tests = [row for row in rows if row.get("split", "test") == "test"]
        sentences = [row for row in tests if len(normalise(row["text"]).split()) >= NAMED]
        for row in sentences[:count]:
            words = normalise(row["text"]).split()[:NAMED]
            wav = folder / f"{' '.join(words)}-{row['language']}.wav"
            if not wav.is_file():
                folder.mkdir(parents=True, exist_ok=True)
                audio.write_wav(wav, audio.read(clip_of(row), limit=WINDOW))
            found.append((wav, row["language"]))
    return found


def _input(example: Utterance, listener: Listener, masking: float) -> tuple[str, np.ndarray]:
    """The model's input and its kind, with stretches hidden while training (those of a seeded example)."""
    if example.encoded is not None:
        kind, array, axis, stretch = "encoded", np.array(example.encoded), 0, 10
    else:
        kind, array = "features", listener.features(audio.read(example.clip, limit=WINDOW))
        axis, stretch = array.ndim - 1, listener.stretch
    if example.seed is not None and masking:
        array = hide(array, example.seed, masking, axis, stretch)
    return kind, array


def _content(clips: Sequence[Clip], model: Any) -> str:
    """A name for the cached output that changes with any sound and any weight of the frozen layers."""
    digest = hashlib.sha256()
    for clip in clips:
        data = clip.data if clip.data is not None else Path(clip.name).read_bytes()
        digest.update(hashlib.sha256(data).digest() + json.dumps([clip.start, clip.end]).encode())
    for parameter in model.get_encoder().fixed():
        digest.update(parameter.detach().cpu().numpy().tobytes())
    return digest.hexdigest()[:24]


def _encode(clips: Sequence[Clip], seconds: Sequence[float], listener: Listener, model: Any, path: Path) -> None:
    """Writes the output aside and renames it: another process sees all of it or nothing."""
    import torch

    model.eval()
    order = sorted(range(len(clips)), key=lambda i: seconds[i])  # alike lengths side by side
    found: dict[int, np.ndarray] = {}
    with bar(total=len(clips), description="Encoding sound", unit="clip") as progress, torch.no_grad():
        for start in range(0, len(order), ENCODED_AT_ONCE):
            members = order[start : start + ENCODED_AT_ONCE]
            arrays = [listener.features(audio.read(clips[i], limit=WINDOW)) for i in members]
            for shape in {array.shape for array in arrays}:
                alike = [k for k, array in enumerate(arrays) if array.shape == shape]
                stacked = torch.from_numpy(np.stack([arrays[k] for k in alike])).to(model.device)
                encoded = listener.encode(model, stacked).cpu().numpy()
                found.update(zip([members[k] for k in alike], encoded, strict=True))
            progress.update(len(members))
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.mkdir(parents=True)
    np.save(aside / "positions.npy", np.concatenate([found[i] for i in range(len(clips))]))
    np.save(aside / "ends.npy", np.cumsum([len(found[i]) for i in range(len(clips))]))
    if not path.exists():
        aside.rename(path)
