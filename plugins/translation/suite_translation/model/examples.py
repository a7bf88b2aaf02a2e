"""Rows as examples: a source, its language, and for training both texts as the model sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from datasets import Dataset

from suite import column
from suite_translation.data.source import Source
from suite_translation.model.codec import Codec
from suite_translation.model.generate import padded
from suite_translation.strings import placeholders


def sources(rows: Dataset, language: str) -> list[Source]:
    """An example per row; `language` is that of rows without one."""
    length = len(rows)
    columns = {
        name: column(rows, name).to_pylist() if name in rows.column_names else [None] * length
        for name in ("source", "target", "language", "style", "max_length")
    }
    made: list[Source] = []
    for source, target, own, style, widest in zip(*columns.values(), strict=True):
        example: Source = {"source": source, "language": own or language, "style": style, "max_length": widest}
        made.append(example if target is None else {**example, "target": target})
    return made


def encoded(example: Source, codec: Codec) -> Source:
    """The example with both texts masked and as token ids."""
    masked = example.get("masked") or mask_pair(example["source"], example["target"], example.get("style"))
    ids = (codec.encode(masked[0], example["language"]), codec.labels(masked[1], example["language"]))
    return {**example, "masked": masked, "ids": ids}


def mask_pair(source: str, target: str, style: str | None) -> tuple[str, str]:
    """Both texts of a pair with the same slot for the same placeholder, without accelerators and outer white space.

    A pair whose placeholders differ (kept only by `cleaning=none`) stays as it is written.
    """
    masked = placeholders.mask(source, style)
    other = placeholders.mask_target(target, masked)
    return (masked.text.strip(), other.strip()) if other is not None else (source.strip(), target.strip())


def recased(example: Source, share: float, generator: np.random.Generator) -> Source:
    """On a share of the draws the source in small letters or With Capitals, as people type; the target as it is.

    Capitals throughout are not among them: `generate` turns those into a sentence first.
    """
    draw = float(generator.random())
    if draw >= share:
        return example
    source, target = example["masked"]
    varied = source.lower() if draw < share / 2 else source.title()
    return {key: value for key, value in example.items() if key != "ids"} | {"masked": (varied, target)}  # type: ignore[return-value]


def sizes(examples: Sequence[Any]) -> list[int]:
    """Tokens of source and target, or characters where an example was not encoded."""
    return [sum(map(len, example["ids"])) if "ids" in example else len(example["source"]) for example in examples]


def batch_of(examples: Sequence[Source], codec: Codec) -> dict[str, Any]:
    """`examples` without what only training needs; tensors where all have targets."""
    kept = ("source", "language", "style", "max_length")
    batch: dict[str, Any] = {"examples": [{name: example.get(name) for name in kept} for example in examples]}
    if not all("target" in example for example in examples):
        return batch
    ids = [example["ids"] if "ids" in example else encoded(example, codec)["ids"] for example in examples]
    batch |= padded([source for source, _ in ids], codec.tokenizer.pad_token_id)
    labels = padded([target for _, target in ids], 0)
    return {**batch, "labels": torch.where(labels["attention_mask"] > 0, labels["input_ids"], -100)}
