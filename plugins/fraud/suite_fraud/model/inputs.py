"""What a model reads: the rows of a split as arrays, and batches of them as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset

from suite import Batch, column
from suite_fraud.config import FraudConfig
from suite_fraud.data import features
from suite_fraud.data.rows import NUMBER, TEXT
from suite_fraud.model import texts
from suite_fraud.model.base import NetworkConfig
from suite_fraud.model.loading import Network


class Example(NamedTuple):
    """One transaction: its place in a block of arrays, which all examples of a split share."""

    block: Block
    row: int


@dataclass(frozen=True)
class Block:
    """n transactions as a model reads them."""

    features: np.ndarray
    """float32 (n, features)."""
    extras: np.ndarray
    """float32 (n, numbers of the portfolio's own), NaN where missing."""
    texts: np.ndarray
    """int64 (n, texts of the portfolio's own): rows of `vectors`."""
    vectors: np.ndarray
    """float32 (distinct texts, 384)."""
    label: np.ndarray
    """int8 (n,), -1 where unknown."""
    amount: np.ndarray
    day: np.ndarray
    entity: np.ndarray
    """int64 codes (n,)."""
    about: Dataset | None = None
    """Row number and entity of each, where answers come with reasons."""

    def inputs(self, row: int) -> np.ndarray:
        """The vectors of a row's texts, one after the other, float32 (texts × 384,)."""
        return self.vectors[self.texts[row]].ravel()


class Examples(Sequence[Example]):
    """A block as a sequence of examples, many at once where they are asked for."""

    def __init__(self, block: Block) -> None:
        self.block = block

    def __len__(self) -> int:
        return len(self.block.label)

    def __getitem__(self, index: Any) -> Any:
        return Example(self.block, range(len(self))[index])

    def __getitems__(self, indices: Sequence[int]) -> list[Example]:
        """As torch's loader and the core ask for a batch."""
        return [Example(self.block, index) for index in indices]


def matrix(rows: Dataset, names: Sequence[str]) -> np.ndarray:
    """Columns of numbers as float32 (n, len(names)); one the rows lack is NaN, that is: missing."""
    there = [
        column(rows, name).to_numpy() if name in rows.column_names else np.full(len(rows), np.nan) for name in names
    ]
    return np.stack(there, axis=1).astype(np.float32) if there else np.zeros((len(rows), 0), np.float32)


def codes(array: pa.ChunkedArray) -> tuple[np.ndarray, list[Any]]:
    """int64 codes (n,) of a column and its distinct values, in the order in which they appear."""
    encoded = array.combine_chunks().dictionary_encode()
    return encoded.indices.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64), encoded.dictionary.to_pylist()


def block(rows: Dataset, config: NetworkConfig, *, explain: bool = False) -> Block:
    """The arrays of rows with features; a column the network knows and the rows lack counts as missing."""
    places, vectors = _texts(rows, config.texts)
    return Block(
        features=matrix(rows, config.features),
        extras=matrix(rows, [NUMBER + name for name in config.extras]),
        texts=places,
        vectors=vectors,
        label=column(rows, "label").to_numpy(),
        amount=column(rows, "amount").to_numpy(),
        day=column(rows, "day").to_numpy(),
        entity=codes(column(rows, "entity"))[0],
        about=rows.select_columns(["row", "entity"]) if explain else None,
    )


def _texts(rows: Dataset, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Which vector each row has for each text column, int64 (n, texts), and the vectors; 0 is that of no text."""
    if not names:
        return np.zeros((len(rows), 0), np.int64), np.zeros((1, 0), np.float32)
    known = {"": 0}
    places = np.zeros((len(rows), len(names)), np.int64)
    for place, name in enumerate(names):
        if TEXT + name in rows.column_names:
            array = column(rows, TEXT + name).fill_null("")
            numbers, values = codes(array)
            places[:, place] = np.array([known.setdefault(value, len(known)) for value in values], np.int64)[numbers]
    return places, texts.embed(list(known))


def fitted(starter: Network, rows: Dataset, config: FraudConfig) -> Network:
    """The starter with inputs for the rows' own columns, and encoders that know their quantiles."""
    extras = [name.removeprefix(NUMBER) for name in rows.column_names if name.startswith(NUMBER)]
    strings = [name.removeprefix(TEXT) for name in rows.column_names if name.startswith(TEXT)]
    names = features.names(config.windows)
    network = starter.adapted(features=names, extras=extras, texts=strings, windows=config.windows)
    values = (matrix(rows, names), matrix(rows, [NUMBER + name for name in extras]))
    known = (column(rows, name).to_numpy() for name in ("label", "day"))
    return network.fit(*values, *known, delay=config.delay_days)


def collate(examples: Sequence[Example]) -> Batch:
    """Float tensors `features` (n, f), `extras` (n, m), `texts` (n, t × 384); `labels` (n,) where all are known.

    `days` int64 (n,); `asked` are the examples that come with reasons: all of them or none.
    """

    def stacked(name: str) -> torch.Tensor:
        return torch.from_numpy(np.stack([getattr(block, name)[row] for block, row in examples]))

    batch: Batch = {name: stacked(name) for name in ("features", "extras")}
    batch["texts"] = torch.from_numpy(np.stack([block.inputs(row) for block, row in examples]))
    batch["days"] = torch.from_numpy(np.array([block.day[row] for block, row in examples], np.int64))
    label = np.array([block.label[row] for block, row in examples])
    if (label >= 0).all():
        batch["labels"] = torch.from_numpy(label.astype(np.float32))
    batch["asked"] = [example for example in examples if example.block.about is not None]
    return batch
