"""Device, precision and processes, decided once for training, evaluation and prediction."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType, InitProcessGroupKwargs

from suite.config import TrainConfig
from suite.errors import SuiteError

WAIT = 24
"""Hours a process waits for the others. The first one evaluates the finished model alone, which on a large test split
takes longer than the ten minutes after which NCCL ends them all. One that dies is seen by the launcher at once."""
_CUBLAS = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
"""Eight workspaces of 4 MiB, one of the two settings with which NVIDIA promises cuBLAS to repeat itself
(docs.nvidia.com/cuda/cublas, "Results reproducibility"). Read when a process first multiplies on the GPU."""


def make_accelerator(config: TrainConfig) -> Accelerator:
    """Accelerate on whatever is there. `auto` is bf16 on a GPU that computes it natively, else fp32.

    Raises `SuiteError` when bf16 is asked of a GPU that lacks it, or sharding that Suite cannot do.
    """
    native = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    if config.precision == "bf16" and torch.cuda.is_available() and not native:
        raise SuiteError(f"{torch.cuda.get_device_name()} has no bf16; use --precision fp32.")
    wanted = config.precision == "bf16" or (config.precision == "auto" and native)
    precision = "bf16" if wanted else "no"
    if AcceleratorState._shared_state and AcceleratorState().mixed_precision != precision:
        # Accelerate keeps one precision per process; a demo may serve a bf16 run and an fp32 one side by side.
        AcceleratorState._reset_state()
    if os.environ.get("ACCELERATE_USE_DEEPSPEED", "false") == "true":
        raise SuiteError(
            "DeepSpeed is not supported: its checkpoints are pickles, which run what they hold when loaded; use "
            "FSDP2, which shards the same: accelerate launch --config_file fsdp2.yaml."
        )
    # Left to itself, Accelerate runs one process per rank, each alone, where a launcher started several on the CPU.
    cpu = not torch.accelerator.is_available()
    # The loop owns the schedule, so Accelerate must not step one for us.
    patience = InitProcessGroupKwargs(timeout=timedelta(hours=WAIT))
    accelerator = Accelerator(
        cpu=cpu, mixed_precision=precision, step_scheduler_with_optimizer=False, kwargs_handlers=[patience]
    )
    asked = int(os.environ.get("SUITE_PROCESSES") or os.environ.get("WORLD_SIZE", "1"))
    if accelerator.num_processes != asked:
        raise SuiteError(
            f"{asked} processes were asked for and {accelerator.num_processes} came together; start them with "
            f"--processes {asked}, or with torchrun."
        )
    if os.environ.get("ACCELERATE_USE_FSDP", "false") == "true":
        _check_sharding(accelerator)
    return accelerator


@contextmanager
def reproducible(config: TrainConfig, device: torch.device) -> Iterator[bool]:
    """In the block, kernels whose result is the same every time; afterwards those of before. Yields whether it is so.

    Always on a CPU, with any number of threads: gradients of gathers are else added in the order in which the threads
    come. On a GPU only with `deterministic`, for there it costs. A kernel that has no such form warns, and runs.
    """
    wanted = config.deterministic or device.type == "cpu"
    if not wanted:
        yield False
        return
    if device.type == "cuda":
        os.environ.update({name: value for name, value in _CUBLAS.items() if name not in os.environ})
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    memory: Any = torch.utils.deterministic  # a property of the module, which its stubs leave out
    filled, tuned = memory.fill_uninitialized_memory, torch.backends.cudnn.benchmark
    try:
        torch.use_deterministic_algorithms(True, warn_only=True)
        memory.fill_uninitialized_memory = False  # a search for faults, paid at every allocation
        torch.backends.cudnn.benchmark = False  # the kernel that was fastest just now is another one next time
        yield True
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        memory.fill_uninitialized_memory, torch.backends.cudnn.benchmark = filled, tuned


def promise(repeats: bool) -> str:
    """What a training says of itself at its start."""
    if not repeats:
        return "Two trainings on this GPU may differ in the last bits; --set deterministic=true repeats them, slower."
    threads = torch.get_num_threads()
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{threads} CPU thread{'s' * (threads != 1)}"
    return f"Repeats to the bit on this machine with {where}."


def _check_sharding(accelerator: Accelerator) -> None:
    """Raises `SuiteError` for sharding that was asked for and would not be what it seems."""
    if accelerator.distributed_type != DistributedType.FSDP:  # Accelerate would train whole copies, in silence
        raise SuiteError(
            "Sharded parameters (use_fsdp) need several processes with a GPU each; without them use --processes."
        )
    plugin = accelerator.state.fsdp_plugin
    if plugin.fsdp_version != 2:
        raise SuiteError(f"FSDP version {plugin.fsdp_version} is not supported; give the config file fsdp_version: 2.")
    refused = {
        "fsdp_cpu_ram_efficient_loading": "false: each process needs the weights, which only the first would load",
        "fsdp_activation_checkpointing": "false, and use --set gradient_checkpointing=true",
        "fsdp_ignored_modules": "nothing: gradients of what is not sharded would not be added up",
    }
    for key, instead in refused.items():
        if getattr(plugin, key.removeprefix("fsdp_")):
            raise SuiteError(f"{key} is not supported; in the config file of accelerate set it to {instead}.")
