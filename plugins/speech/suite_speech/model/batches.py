"""From rows to what can be stacked: utterances, masks over their time steps, groups of one shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from datasets import Dataset

from suite_speech.data import audio
from suite_speech.model.values import Utterance


@dataclass(frozen=True, eq=False)
class Utterances(Sequence[Utterance]):
    """Rows of a table as utterances, each made when it is asked for.

    `seconds` are their lengths; `language` is spoken where a row names none; `encoded` is the output of the encoder's
    frozen layers where it was computed beforehand, float16 (positions, width) each.
    """

    rows: Dataset
    seconds: list[float]
    language: str
    encoded: list[np.ndarray] | None = None

    @classmethod
    def of(cls, rows: Dataset, language: str) -> Utterances:
        """The rows' utterances, their lengths read from the headers of the files."""
        return cls(rows, [audio.facts(clip_of(row)).seconds for row in rows], language)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        row = self.rows[int(index)]
        encoded = None if self.encoded is None else self.encoded[int(index)]
        language = row.get("language") or self.language
        return Utterance(clip_of(row), self.seconds[int(index)], language, row.get("text"), encoded)


def clip_of(row: Any) -> audio.Clip:
    """The clip of a row."""
    return audio.clip_of(row["audio"], row.get("start"), row.get("end"))


def hide(array: np.ndarray, seed: int, share: float, axis: int, stretch: int = 10) -> np.ndarray:
    """The array with about `share` of its time steps set to zero, `stretch` at a time (SpecAugment's time masks)."""
    generator = np.random.default_rng(seed)
    length = array.shape[axis]
    hidden = array.copy()
    for start in generator.integers(0, max(1, length - stretch), size=round(share * length / stretch)):
        hidden[(slice(None),) * axis + (slice(start, start + stretch),)] = 0
    return hidden


def by_shape(arrays: Sequence[tuple[str, np.ndarray]]) -> dict[tuple[str, tuple[int, ...]], list[int]]:
    """Positions of arrays of one kind and shape: those can be stacked, and none is padded for another's sake."""
    groups: dict[tuple[str, tuple[int, ...]], list[int]] = {}
    for i, (kind, array) in enumerate(arrays):
        groups.setdefault((kind, array.shape), []).append(i)
    return groups
