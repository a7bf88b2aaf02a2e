"""The output of Whisper's frozen layers, computed once for each sound and kept in the cache."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from suite import bar
from suite_speech.data import audio
from suite_speech.model.batches import by_shape
from suite_speech.model.values import WINDOW, Utterance

if TYPE_CHECKING:
    from suite_speech.model.encoder import AnyLengthEncoder
    from suite_speech.model.whisper import WhisperSpeechModel

ENCODED_AT_ONCE = 8  # clips: more take memory and no less time on a CPU


def kept_encodings(model: WhisperSpeechModel, utterances: Sequence[Utterance], cache: Path) -> list[np.ndarray]:
    """What the encoder's frozen layers make of each utterance, float16 (positions, width).

    The output lies memory-mapped in a folder of `cache` named by the sounds and those layers' weights, so that a second
    run starts at once. Rounding to float16 moves a logit by less than 1e-2, and `encode` rounds a fresh output alike.
    """
    known = list(utterances)
    path = cache / content(known, model.encoder)
    if not path.is_dir():
        _write(_encoded(model, known), path)
    ends = np.load(path / "ends.npy")
    flat = np.load(path / "positions.npy", mmap_mode="r")
    return [flat[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)]


def content(utterances: Sequence[Utterance], encoder: AnyLengthEncoder) -> str:
    """A name for the output that changes with any sound and any weight of the frozen layers."""
    digest = hashlib.sha256()
    for clip in (utterance.clip for utterance in utterances):
        data = clip.data if clip.data is not None else Path(clip.name).read_bytes()
        digest.update(hashlib.sha256(data).digest() + json.dumps([clip.start, clip.end]).encode())
    for parameter in encoder.fixed():
        digest.update(parameter.detach().cpu().numpy().tobytes())
    return digest.hexdigest()[:24]


def _encoded(model: WhisperSpeechModel, utterances: Sequence[Utterance]) -> list[np.ndarray]:
    """The output for each utterance, in order."""
    model.network.eval()
    order = sorted(range(len(utterances)), key=lambda i: utterances[i].seconds)  # alike lengths side by side
    encoded: dict[int, np.ndarray] = {}
    with bar(total=len(utterances), description="Encoding sound", unit="clip") as progress, torch.no_grad():
        for start in range(0, len(order), ENCODED_AT_ONCE):
            members = order[start : start + ENCODED_AT_ONCE]
            inputs = [("features", model.features(audio.read(utterances[i].clip, limit=WINDOW))) for i in members]
            for alike in by_shape(inputs).values():
                stacked = torch.from_numpy(np.stack([inputs[k][1] for k in alike])).to(model.network.device)
                encoded.update(zip([members[k] for k in alike], model.encode(stacked).cpu().numpy(), strict=True))
            progress.update(len(members))
    return [encoded[i] for i in range(len(utterances))]


def _write(encoded: Sequence[np.ndarray], path: Path) -> None:
    """Writes the output aside and renames it: another process sees all of it or nothing."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.mkdir(parents=True)
    np.save(aside / "positions.npy", np.concatenate(encoded))
    np.save(aside / "ends.npy", np.cumsum([len(array) for array in encoded]))
    if not path.exists():
        aside.rename(path)
