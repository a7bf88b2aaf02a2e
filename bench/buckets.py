"""What batches of alike lengths save: seconds an epoch with length bucketing and without, same examples, same loop.

    python bench/buckets.py [text | speech]

Texts have lengths as sentences have them (log-normal, 4 to 128 tokens, median 20). Medians over rounds, both in turn.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from loop import TENSORS, Clock, TensorModel, Workload, starter, suite
from transformers import BertConfig, BertForSequenceClassification

ROUNDS = 3
TEXTS = 16 * 60


class Padded(TensorModel):
    """Token rows padded to the longest of a batch."""

    def lengths(self, examples: Sequence[Any]) -> Sequence[int] | None:
        return [len(example["input_ids"]) for example in examples]

    def collate(self, examples: Sequence[Any]) -> dict[str, Any]:
        rows = [example["input_ids"] for example in examples]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        return {"input_ids": ids, "attention_mask": ids.ne(0).long(), "labels": torch.tensor([0] * len(rows))}


def text() -> Workload:
    shape = BertConfig(
        vocab_size=1000, hidden_size=128, num_hidden_layers=4, num_attention_heads=4, intermediate_size=512
    )
    sizes = np.random.default_rng(0).lognormal(np.log(20), 0.7, TEXTS).clip(4, 128).astype(int)
    rows = [{"input_ids": torch.randint(1, 1000, (size,))} for size in sizes]
    task = TENSORS.task(batch_size=16)
    return Workload(task, Padded(BertForSequenceClassification(shape), task.config), rows, 0, TEXTS // 16)


def speech() -> Workload:
    return starter("speech", 0, 8, masking=0.0, limit=64)


def seconds(work: Workload, bucketed: bool) -> float:
    """An epoch's, less its first step, which starts the clock."""
    clock, model = Clock(1, work.steps), work.copied()
    if not bucketed:
        model.lengths = lambda examples: None  # type: ignore[method-assign]  # whatever class the model is of
    suite(work, model, clock)
    return clock.times[work.steps] - clock.times[1]


def main() -> None:
    print("| task | s without | s with | without / with |\n|---|---|---|---|")
    for name in sys.argv[1:] or ("text", "speech"):
        work = {"text": text, "speech": speech}[name]()
        pairs = [(seconds(work, bucketed=False), seconds(work, bucketed=True)) for _ in range(ROUNDS)]
        plain, alike = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(a / b for a, b in pairs)
        print(f"| {name} | {plain:.2f} | {alike:.2f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
