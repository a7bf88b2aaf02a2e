"""Pairs as token ids, and batches of pairs about as long."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

SEED = 0
IGNORED = -100
"""The label of padding, as everywhere in transformers."""
_LONGEST = 140
"""Characters of the longest source trained on: the 2 % beyond would take a tenth of the time."""

Row = dict[str, str]
"""A line of the corpus: project, file, context, source, target and language."""


def read(path: Path) -> list[Row]:
    """The lines of a part of the corpus."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def asked(pair: Row) -> str:
    """The source as the model gets it: the language to write in, then the text."""
    return f">>{pair['language']}<< {pair['source']}"


class Corpus:
    """Token ids of every pair that is trained on."""

    def __init__(self, pairs: list[Row], tokeniser: PreTrainedTokenizerFast) -> None:
        pairs = [pair for pair in pairs if len(pair["source"]) <= _LONGEST]
        pairs += list(_varied(pairs))
        encode = tokeniser.backend_tokenizer.encode_batch
        self.sources: list[list[int]] = [encoding.ids for encoding in encode([asked(pair) for pair in pairs])]
        self.targets: list[list[int]] = [encoding.ids for encoding in encode([pair["target"] for pair in pairs])]
        self._sizes = np.array([max(len(s), len(t)) for s, t in zip(self.sources, self.targets, strict=True)])

    def __len__(self) -> int:
        return len(self.sources)

    def bags(self) -> list[list[int]]:
        """The different tokens of each pair, both sides together."""
        return [sorted({*source, *target}) for source, target in zip(self.sources, self.targets, strict=True)]

    def batches(self, epoch: int, tokens: int) -> list[list[int]]:
        """Places of pairs, `tokens` to a batch and side with padding; the same for the same epoch."""
        draw = np.random.default_rng((SEED, epoch))
        order = np.argsort(self._sizes + draw.random(len(self)), kind="stable")
        batches: list[list[int]] = [[]]
        for place in order:
            if len(batches[-1]) * self._sizes[place] >= tokens:
                batches.append([])
            batches[-1].append(int(place))
        draw.shuffle(batches)  # type: ignore[arg-type]  # a list of lists is shuffled like any other
        return batches

    def tensors(self, batch: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Source ids, padded with 0, and labels, padded with -100, both int64 [batch, length]."""
        return _pad([self.sources[i] for i in batch], 0), _pad([self.targets[i] for i in batch], IGNORED)


def _varied(pairs: list[Row]) -> Iterator[Row]:
    """Copies of a few per cent: in capitals, in small letters, and with two letters of the source exchanged."""
    draw = random.Random(SEED)
    for pair in pairs:
        source, target = pair["source"], pair["target"]
        kind = draw.random()
        if kind < 0.01:
            yield pair | {"source": source.upper(), "target": target.upper()}
        elif kind < 0.02:
            yield pair | {"source": source.lower(), "target": target.lower()}
        elif kind < 0.04 and len(source) > 8 and "⟦" not in source:
            at = draw.randrange(1, len(source) - 2)
            yield pair | {"source": source[:at] + source[at + 1] + source[at] + source[at + 2 :]}


def _pad(rows: list[list[int]], value: int) -> torch.Tensor:
    padded = np.full((len(rows), max(map(len, rows))), value, dtype=np.int64)
    for row, ids in zip(padded, rows, strict=True):
        row[: len(ids)] = ids
    return torch.from_numpy(padded)
