"""Out of memory: the same step again in smaller pieces. The global batch, and so the optimisation, stay as they are.

Each rank may cut its own rows as it must: the gradient is the same sum. After the step all take the smallest size.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from accelerate.utils.memory import should_reduce_batch_size
from torch.utils.data import DataLoader

from suite.console import warn
from suite.decoders import read_json
from suite.domain.losses import Named
from suite.errors import SuiteError
from suite.files import write_json
from suite.runs import Run
from suite.training.order import RankBatch, Step, StepCollator, TrainingExamples
from suite.training.state import random_state, set_random_state

Losses = list[tuple[torch.Tensor, int, Named]]
"""Mean loss of each micro-batch, the number of items it is the mean of, and the named losses beside it."""


class MicroBatches:
    """How many examples go through the network at once: halved when they do not fit, remembered by the run."""

    def __init__(
        self, loader: DataLoader[Any], optimizer: torch.optim.Optimizer, run: Run, device: torch.device
    ) -> None:
        self.optimizer, self.run, self.device = optimizer, run, device
        collator, examples = loader.collate_fn, loader.dataset
        assert isinstance(collator, StepCollator) and isinstance(examples, TrainingExamples)
        self.collator, self.examples = collator, examples
        self.record = run.path / "memory.json"
        if self.record.is_file():  # a resumed run need not find it out again
            with suppress(SuiteError):  # a damaged record is found out again too
                self.limit(read_json(self.record, fields={"micro_batch_size": int})["micro_batch_size"])
        self.exchanging = False
        """Whether the ranks are adding up gradients: what fails now cannot be tried again by one of them alone."""

    @property
    def size(self) -> int:
        """The largest micro-batch."""
        return self.collator.size

    def limit(self, size: int) -> None:
        """Makes micro-batches at most so large, also those the loader's workers cut from now on."""
        self.collator.size = min(self.collator.size, size)

    def fit(self, step: Step, number: int, gradients: Callable[[Step], Losses]) -> Losses:
        """`gradients(step)`, with smaller micro-batches until they fit into memory.

        Raises `SuiteError` when a single example does not fit, or when one rank runs out of memory while the ranks
        exchange gradients: then the run can be resumed, with the smaller size.
        """
        if step.size > self.size:  # a worker cut it before the size fell
            step = self.cut(step.rank_batch)
        while (losses := self._tried(step, gradients)) is None:
            if self.size == 1:
                raise SuiteError(
                    f"Not even one example fits into the memory of {self.device} beside the model. Take a smaller "
                    "model, --lora, --set gradient_checkpointing=true or --precision bf16.",
                    changes={"gradient_checkpointing": True},
                )
            self.limit(self.size // 2)
            write_json(self.record, {"micro_batch_size": self.size, "step": number, "device": str(self.device)})
            self.run.note(f"out of memory at step {number}: micro-batches of {self.size} from here on")
            warn(f"Out of memory at step {number}: trying it again with {self.size} examples at once.")
            if self.exchanging:
                raise SuiteError(
                    "Memory ran out on one process while all were adding up gradients, which it cannot repeat alone. "
                    f"Go on with --resume; micro-batches will have {self.size} examples."
                )
            step = self.cut(step.rank_batch)
        return losses

    def probe(self, rank_batch: RankBatch, network: torch.nn.Module, gradients: Callable[[Step], Losses]) -> None:
        """Tries a batch before the first step, with room taken for what the optimizer will keep.

        Only the size that fits is left of it: no gradient, no random number, no running mean.
        """
        random, buffers = random_state(), [buffer.clone() for buffer in network.buffers()]
        trained = [p for p in network.parameters() if p.requires_grad]
        room = [torch.empty_like(p) for p in trained for _ in range(2)]  # AdamW's moments; few optimizers keep more
        self.fit(self.cut(rank_batch), 0, gradients)
        del room
        self.optimizer.zero_grad(set_to_none=True)
        for buffer, before in zip(network.buffers(), buffers, strict=True):
            buffer.copy_(before)
        set_random_state(random)

    def cut(self, rank_batch: RankBatch) -> Step:
        """The step of these examples, in micro-batches of the present size."""
        return self.collator(self.examples.__getitems__(rank_batch))

    def _tried(self, step: Step, gradients: Callable[[Step], Losses]) -> Losses | None:
        """None if memory ran out. What the failed attempt held is let go, which needs its exception gone too."""
        self.exchanging = False
        try:
            return gradients(step)
        except RuntimeError as error:
            if not should_reduce_batch_size(error):
                raise
        self.optimizer.zero_grad(set_to_none=True)
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return None
