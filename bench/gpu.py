"""What a card does with each domain's starter: examples a second, peak memory, share of its measured matrix rate.

    python bench/gpu.py [DOMAIN …]

The matrix rate is the best of several products of square bf16 matrices on the same card in the same run. The work of a
step is counted by torch's flop counter, forward and backward; what it does not know (attention kernels of other
libraries) is missing, so the share is a lower bound. Without a GPU it measures the CPU in fp32, which tests the script.
"""

from __future__ import annotations

import sys
import time

import torch
from accelerate.utils import send_to_device
from loop import Clock, Workload, starter, suite
from torch.utils.flop_counter import FlopCounterMode

from suite.accelerator import make_accelerator
from suite.plugins.loader import load_plugins
from suite.training.order import StepSampler, step_loader

CUDA = torch.cuda.is_available()
WARM, STEPS = 5, 40  # the first steps choose kernels and fill the allocator


def _wait() -> None:
    if CUDA:
        torch.cuda.synchronize()


def matrix_rate() -> float:
    """Multiplications and additions a second in products of square matrices."""
    size, dtype, device = (8192, torch.bfloat16, "cuda") if CUDA else (1024, torch.float32, "cpu")
    a, b = (torch.randn(size, size, dtype=dtype, device=device) for _ in range(2))
    best = 0.0
    for _ in range(10):
        _wait()
        started = time.perf_counter()
        for _ in range(10):
            a @ b
        _wait()
        best = max(best, 10 * 2 * size**3 / (time.perf_counter() - started))
    return best


def flops(work: Workload) -> float:
    """Multiplications and additions of one step's forward and backward."""
    model, examples, config = work.model, work.examples, work.task.config
    network, accelerator = model.network, make_accelerator(config)
    network.to(accelerator.device).train()
    sampler = StepSampler(len(examples), config, rank=0, world=1, lengths=model.lengths(examples))
    step = next(iter(step_loader(model, examples, sampler, pin=False)))
    counter = FlopCounterMode(display=False)
    with counter:
        for batch in step.batches:
            with accelerator.autocast():
                loss = model.loss(network, send_to_device(batch, accelerator.device))
            loss.backward()
    network.zero_grad(set_to_none=True)
    return counter.get_total_flops()


def measure(name: str, rate: float) -> str:
    """A row of the table."""
    work = starter(name, WARM, STEPS)
    operations, clock, batch_size = flops(work), Clock(WARM, STEPS), work.task.config.batch_size
    if CUDA:
        torch.cuda.reset_peak_memory_stats()
    suite(work, work.model, clock)
    seconds = clock.per_step
    memory = f"{torch.cuda.max_memory_allocated() / 2**30:.2f}" if CUDA else "–"
    speed = batch_size / seconds
    return f"| {name} | {batch_size} | {speed:.1f} | {memory} | {100 * operations / seconds / rate:.1f} % |"


def main() -> None:
    rate = matrix_rate()
    card = torch.cuda.get_device_name() if CUDA else f"CPU, {torch.get_num_threads()} threads, fp32"
    print(f"{card}, torch {torch.__version__}: {rate / 1e12:.2f} TFLOP/s in matrix products\n")
    print("| domain | batch | examples a second | peak GiB | of the matrix rate |\n|---|---|---|---|---|")
    for name in sys.argv[1:] or sorted(load_plugins().domains):
        print(measure(name, rate), flush=True)


if __name__ == "__main__":
    main()
