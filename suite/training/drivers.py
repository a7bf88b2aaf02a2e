"""Two ways to hold the parameters that are trained: whole in every process, or a shard in each (FSDP2).

The loop is the same for both. What differs is here: what the loss calls, what is optimised, when processes exchange
gradients, and how the caller's model gets the weights it is evaluated with.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, ClassVar

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from accelerate.utils.fsdp_utils import fsdp2_prepare_auto_wrap_policy
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from suite.config import TrainConfig
from suite.errors import SuiteError
from suite.training.meters import clip
from suite.training.weights import Average


class Driver(ABC):
    """What a step needs to know about where the parameters are. `model` stays the caller's own and is always whole."""

    sharded: ClassVar[bool]

    def __init__(
        self, accelerator: Accelerator, model: torch.nn.Module, module: torch.nn.Module, config: TrainConfig
    ) -> None:
        self.accelerator, self.model, self.module = accelerator, model, module
        self.trained = [p for p in module.parameters() if p.requires_grad]
        """What is optimised: parameters of `module`."""
        if not self.trained:
            raise SuiteError(f"Nothing is left to train: freeze={config.freeze} covers every parameter.")
        self.average = Average([local(p) for p in self.trained], config.ema)
        self.wrapped = self._wrap()
        """What the loss calls."""
        if config.compile:
            self.wrapped.compile()

    def _wrap(self) -> torch.nn.Module:
        return self.module

    @abstractmethod
    def micro_batch(self, last: bool) -> AbstractContextManager[None]:
        """Around the loss and the backward pass of a micro-batch, the last of its step or not."""

    def clip(self, max_norm: float) -> torch.Tensor:
        """Scales all gradients down to the norm; returns the norm before, a plain tensor on the device."""
        return torch.nn.utils.clip_grad_norm_(self.trained, max_norm)

    @abstractmethod
    def evaluated(self) -> AbstractContextManager[None]:
        """Inside the block `model` carries the weights to be scored: the average where there is one."""

    @abstractmethod
    def finish(self) -> None:
        """Leaves the weights to be scored in `model`, on the device."""


class Whole(Driver):
    """Every process holds all parameters and adds up gradients at the end of a step (DDP); or there is one process."""

    sharded = False

    def __init__(self, accelerator: Accelerator, model: torch.nn.Module, config: TrainConfig) -> None:
        super().__init__(accelerator, model, model.to(accelerator.device), config)

    def _wrap(self) -> torch.nn.Module:
        several = self.accelerator.num_processes > 1
        return self.accelerator.prepare_model(self.module) if several else self.module

    def clip(self, max_norm: float) -> torch.Tensor:
        """Also scales nothing where nothing is to scale."""
        return clip(self.trained, max_norm)

    def micro_batch(self, last: bool) -> AbstractContextManager[None]:
        """DDP adds up gradients in the last micro-batch alone."""
        return nullcontext() if last else self.accelerator.no_sync(self.wrapped)

    def evaluated(self) -> AbstractContextManager[None]:
        """Swaps the average in and out."""
        return self.average.applied()

    @torch.no_grad()
    def finish(self) -> None:
        """Copies the average, if any."""
        for parameter, shadow in zip(self.trained, self.average.shadow, strict=False):
            parameter.copy_(shadow)


class Sharded(Driver):
    """Parameters, gradients, optimizer and average in shards, one per process; layers are put together when used.

    What is sharded is a copy. Evaluation calls whatever methods of the model it likes, and not equally often in each
    process, which sharded parameters cannot bear: so it gets `model`, which waits in the host's memory meanwhile.
    """

    sharded = True

    def __init__(self, accelerator: Accelerator, model: torch.nn.Module, config: TrainConfig) -> None:
        self.own = [p for p in model.parameters() if p.requires_grad]
        # From the host, layer by layer: the device never holds a second whole copy.
        module = copy.deepcopy(model.to("cpu"))
        _shard(accelerator.state.fsdp_plugin, module)
        super().__init__(accelerator, model, module, config)
        self.calls = 0
        module.register_forward_pre_hook(self._once)

    @contextmanager
    def micro_batch(self, last: bool) -> Iterator[None]:
        """Gradients are added up and shared out in each.

        They could wait for the last one, but whole in every process: what sharding is to save.
        """
        self.calls = 0
        yield

    def _once(self, module: torch.nn.Module, inputs: Any) -> None:
        """Each call gathers parameters from all processes, so that all must make as many: one."""
        self.calls += 1
        if self.calls > 1:
            raise SuiteError(
                "The loss calls the model more than once for one micro-batch, which may be more often than in the "
                "other processes; with sharded parameters they would wait for ever. Use --set micro_batch_size=1."
            )

    def clip(self, max_norm: float) -> torch.Tensor:
        """The norm is over all shards; the same number in every process."""
        norm = super().clip(max_norm)
        assert isinstance(norm, DTensor)
        return norm.full_tensor().to(self.accelerator.device)

    @contextmanager
    def evaluated(self) -> Iterator[None]:
        """Gathers a whole copy, and takes it off the device again."""
        self.finish()
        try:
            yield
        finally:
            self.model.to("cpu")

    @torch.no_grad()
    def finish(self) -> None:
        """Gathers the shards, parameter by parameter. All processes call it."""
        device = self.accelerator.device
        self.model.to(device)
        shards = self.average.shadow or self.average.parameters
        for own, sharded, shard in zip(self.own, self.trained, shards, strict=True):
            whole = like(sharded, shard.to(device))
            assert isinstance(whole, DTensor)
            own.copy_(whole.full_tensor())
        for mine, other in zip(self.model.buffers(), self.module.buffers(), strict=True):
            mine.copy_(other)
            torch.distributed.broadcast(mine, 0)  # a running mean is each process's own; DDP takes the first's too


def driver_for(accelerator: Accelerator, model: torch.nn.Module, config: TrainConfig) -> Driver:
    """The way the processes were started for. Raises `SuiteError` when nothing is left to train."""
    kind = Sharded if accelerator.distributed_type == DistributedType.FSDP else Whole
    return kind(accelerator, model, config)


def _shard(plugin: FullyShardedDataParallelPlugin, module: torch.nn.Module) -> None:
    """Shards the layers that the plugin's policy names, and what is left as one more unit.

    Accelerate's own way fails for models without token embeddings. Its mixed precision is left out: parameters are
    gathered in float32 and autocast computes in bf16, as it does with whole ones, so that both train alike.
    """
    plugin.set_auto_wrap_policy(module)
    is_layer = fsdp2_prepare_auto_wrap_policy(plugin, module) or (lambda part: False)
    for part in reversed([*module.modules()][1:]):  # inner ones first, as `fully_shard` wants it
        if is_layer(part):
            fully_shard(part, reshard_after_forward=plugin.reshard_after_forward, offload_policy=plugin.cpu_offload)
    fully_shard(module, offload_policy=plugin.cpu_offload)


def local(tensor: torch.Tensor) -> torch.Tensor:
    """This process's part of a tensor, sharing its memory; a plain tensor is its own part."""
    held = tensor.detach()
    return held.to_local() if isinstance(held, DTensor) else held


def like(tensor: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
    """`part` as this process's part of a tensor sharded as `tensor` is."""
    if not isinstance(tensor, DTensor):
        return part
    return DTensor.from_local(
        part, tensor.device_mesh, tensor.placements, shape=tensor.shape, stride=tensor.stride(), run_check=False
    )
