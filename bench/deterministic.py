"""What repeating to the bit costs: each domain's starter, the same batches with ordinary and with
repeatable kernels.

    python bench/deterministic.py [DOMAIN …]

Every batch goes forward and backward in both modes in turn, in this process, so that the ratio is taken within one run.
Beside the cost stands whether the gradients of a mode were the same bits each time. With a GPU it measures that,
without one the CPU with the threads there are. The first batches warm up and are not counted.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from contextlib import nullcontext

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read once: it cannot be taken in turn, and costs nothing

import torch
from accelerate.utils import send_to_device, set_seed
from loop import Workload, starter

from suite.accelerator import make_accelerator, reproducible
from suite.plugins.loader import load_plugins
from suite.training.order import StepSampler, step_loader

WARM, BATCHES, AGAIN = 1, 10, 2
MODES = (False, True)


def measure(work: Workload) -> str:
    """The columns of a domain: milliseconds in both modes, the median of their ratio, gradients that repeat."""
    accelerator = make_accelerator(work.task.config)
    work.model.network.to(accelerator.device).train()
    sampler = StepSampler(
        len(work.examples), work.task.config, rank=0, world=1, lengths=work.model.lengths(work.examples)
    )
    seconds: dict[bool, list[float]] = {mode: [] for mode in MODES}
    same: dict[bool, list[bool]] = {mode: [] for mode in MODES}
    for number, step in enumerate(step_loader(work.model, work.examples, sampler, pin=False)):
        if number == WARM + BATCHES:
            break
        batch = send_to_device(step.batches[0], accelerator.device)
        for mode in MODES if number % 2 else MODES[::-1]:
            taken = [timed(work, batch, mode) for _ in range(AGAIN)]
            if number >= WARM:
                seconds[mode] += [spent for spent, _ in taken]
                same[mode].append(all(alike(taken[0][1], gradients) for _, gradients in taken))
    plain, exact = (1000 * statistics.median(seconds[mode]) for mode in MODES)
    ratio = statistics.median(b / a for a, b in zip(seconds[False], seconds[True], strict=True))
    shares = " | ".join(f"{sum(same[mode])} of {len(same[mode])}" for mode in MODES)
    return f"{plain:.4g} | {exact:.4g} | {ratio:.3f} | {shares}"


def timed(work: Workload, batch: object, mode: bool) -> tuple[float, list[torch.Tensor]]:
    """Seconds of a step's forward and backward, and its gradients."""
    config = work.task.config.model_copy(update={"deterministic": True})
    accelerator, network = make_accelerator(config), work.model.network
    network.zero_grad(set_to_none=True)
    set_seed(1)  # the same dropout
    started = time.perf_counter()
    kernels = reproducible(config, accelerator.device) if mode else nullcontext()
    with kernels, accelerator.autocast():
        work.model.loss(network, batch).backward()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    spent = time.perf_counter() - started
    return spent, [parameter.grad for parameter in network.parameters() if parameter.grad is not None]


def alike(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> bool:
    """Whether all gradients are equal to the bit."""
    return all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def main() -> None:
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    print(f"{where}, torch {torch.__version__}: up to {BATCHES} batches, each {AGAIN} times in each mode\n")
    print("| domain | ms a batch | repeatable, ms | ratio | gradients repeat | repeatable ones |")
    print("|---|---|---|---|---|---|")
    for name in sys.argv[1:] or sorted(load_plugins().domains):
        print(f"| {name} | {measure(starter(name, WARM, BATCHES))} |", flush=True)


if __name__ == "__main__":
    main()
