"""Two ways to hold the parameters that are trained: whole in every process (DDP), or a shard in each (FSDP2).

The loop is the same for both. What differs is here: what the loss calls, what is optimised, when processes exchange
gradients, and how the caller's network gets the weights it is evaluated with.
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
from suite.errors import SuiteError, afterwards
from suite.training.meters import clip
from suite.training.weights import EMA


class Strategy(ABC):
    """What a step needs to know about where the parameters are.

    `network` stays the caller's own and is always whole; `module` is what is trained: it, or its sharded copy.
    """

    sharded: ClassVar[bool]

    def __init__(
        self, accelerator: Accelerator, network: torch.nn.Module, module: torch.nn.Module, config: TrainConfig
    ) -> None:
        self.accelerator, self.network, self.module = accelerator, network, module
        self.trained = [p for p in module.parameters() if p.requires_grad]
        """What is optimised: parameters of `module`."""
        if not self.trained:
            raise SuiteError(f"Nothing is left to train: freeze={config.freeze} covers every parameter.")
        self.ema = EMA([local_part(p) for p in self.trained], config.ema)
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
        """Inside the block `network` carries the weights to be scored: the average where there is one."""

    @abstractmethod
    def finish(self) -> None:
        """Leaves the weights to be scored in `network`, on the device."""


class DDPStrategy(Strategy):
    """Every process holds all parameters and adds up gradients at the end of a step; or there is one process."""

    sharded = False

    def __init__(self, accelerator: Accelerator, network: torch.nn.Module, config: TrainConfig) -> None:
        super().__init__(accelerator, network, network.to(accelerator.device), config)

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
        return self.ema.applied()

    @torch.no_grad()
    def finish(self) -> None:
        """Copies the average, if any."""
        for parameter, shadow in zip(self.trained, self.ema.shadow, strict=False):
            parameter.copy_(shadow)


class FSDPStrategy(Strategy):
    """Parameters, gradients, optimizer and average in shards, one per process; layers are put together when used.

    What is sharded is a copy. Evaluation calls whatever methods of the network it likes, and not equally often in each
    process, which sharded parameters cannot bear: so it gets `network`, which waits in the host's memory meanwhile.
    """

    sharded = True

    def __init__(self, accelerator: Accelerator, network: torch.nn.Module, config: TrainConfig) -> None:
        self.whole = [p for p in network.parameters() if p.requires_grad]
        # From the host, layer by layer: the device never holds a second whole copy.
        module = copy.deepcopy(network.to("cpu"))
        _shard(accelerator.state.fsdp_plugin, module)
        super().__init__(accelerator, network, module, config)
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
                "The loss calls the network more than once for one micro-batch, which may be more often than in the "
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
        with afterwards(lambda: self.network.to("cpu"), "Taking the whole copy off the device"):
            yield

    @torch.no_grad()
    def finish(self) -> None:
        """Gathers the shards, parameter by parameter. All processes call it."""
        device = self.accelerator.device
        self.network.to(device)
        shards = self.ema.shadow or self.ema.parameters
        for whole, sharded, shard in zip(self.whole, self.trained, shards, strict=True):
            gathered = sharded_like(sharded, shard.to(device))
            assert isinstance(gathered, DTensor)
            whole.copy_(gathered.full_tensor())
        for buffer, trained in zip(self.network.buffers(), self.module.buffers(), strict=True):
            buffer.copy_(trained)
            torch.distributed.broadcast(buffer, 0)  # a running mean is each process's own; DDP takes the first's too


def make_strategy(accelerator: Accelerator, network: torch.nn.Module, config: TrainConfig) -> Strategy:
    """The way the processes were started for. Raises `SuiteError` when nothing is left to train."""
    sharded = accelerator.distributed_type == DistributedType.FSDP
    return (FSDPStrategy if sharded else DDPStrategy)(accelerator, network, config)


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


def local_part(tensor: torch.Tensor) -> torch.Tensor:
    """This process's part of a tensor, sharing its memory; a plain tensor is its own part."""
    detached = tensor.detach()
    return detached.to_local() if isinstance(detached, DTensor) else detached


def sharded_like(tensor: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
    """`part` as this process's part of a tensor sharded as `tensor` is."""
    if not isinstance(tensor, DTensor):
        return part
    return DTensor.from_local(
        part, tensor.device_mesh, tensor.placements, shape=tensor.shape, stride=tensor.stride(), run_check=False
    )
