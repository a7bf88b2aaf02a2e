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
from loop import Clock, Task, starter, suite
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


def flops(task: Task) -> float:
    """Multiplications and additions of one step's forward and backward."""
    domain, model, examples = task.domain, task.model, task.examples
    accelerator = make_accelerator(domain.config)
    model.to(accelerator.device).train()
    sampler = StepSampler(len(examples), domain.config, rank=0, world=1, lengths=domain.lengths(examples))
    step = next(iter(step_loader(domain, examples, sampler, pin=False)))
    counter = FlopCounterMode(display=False)
    with counter:
        for batch in step.batches:
            with accelerator.autocast():
                loss = domain.loss(model, send_to_device(batch, accelerator.device))
            loss.backward()
    model.zero_grad(set_to_none=True)
    return counter.get_total_flops()


def measure(name: str, rate: float) -> str:
    """A row of the table."""
    task = starter(name, WARM, STEPS)
    domain, work, clock = task.domain, flops(task), Clock(WARM, STEPS)
    if CUDA:
        torch.cuda.reset_peak_memory_stats()
    suite(task, task.model, clock)
    seconds = clock.per_step
    memory = f"{torch.cuda.max_memory_allocated() / 2**30:.2f}" if CUDA else "–"
    speed = domain.config.batch_size / seconds
    return f"| {name} | {domain.config.batch_size} | {speed:.1f} | {memory} | {100 * work / seconds / rate:.1f} % |"


def main() -> None:
    rate = matrix_rate()
    card = torch.cuda.get_device_name() if CUDA else f"CPU, {torch.get_num_threads()} threads, fp32"
    print(f"{card}, torch {torch.__version__}: {rate / 1e12:.2f} TFLOP/s in matrix products\n")
    print("| domain | batch | examples a second | peak GiB | of the matrix rate |\n|---|---|---|---|---|")
    for name in sys.argv[1:] or sorted(load_plugins().domains):
        print(measure(name, rate), flush=True)


if __name__ == "__main__":
    main()
