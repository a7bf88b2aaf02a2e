"""Everything a resumed run needs, in one place: where it was, and the tensors that go with it."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch

from suite.console import warn
from suite.errors import SuiteError
from suite.training import checkpoint
from suite.training.checkpoint import Tensors
from suite.training.meters import Window
from suite.training.optimizers import load_optimizer, optimizer_state
from suite.training.strategies import Strategy, local_part

FORM = "state"
"""Where the optimizer's file keeps what is around its tensors."""


@dataclass
class Cursor:
    """Where training is. `batch` counts steps within the epoch; `best` is the metric's best value so far."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    best: float | None = None
    best_step: int = 0
    waited: int = 0
    seconds: float = 0.0
    evaluated: int = -1
    """Last step that was evaluated, so that a resume neither repeats nor skips an evaluation."""


class TrainingState:
    """The cursor, the trained weights, the optimizer, the average, and each rank's own: random state, log window.

    Weights, optimizer and average are written once where every rank holds all of them, and by each rank its own part
    where they are sharded.
    """

    def __init__(self, strategy: Strategy, optimizer: torch.optim.Optimizer, window: Window) -> None:
        self.cursor = Cursor()
        self.strategy, self.optimizer, self.window = strategy, optimizer, window
        self.accelerator = strategy.accelerator

    def save(self, root: Path, keep: int) -> None:
        """Writes a checkpoint of the present step. All ranks call it."""
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        optimizer, form = optimizer_state(self.optimizer)
        parts = {"model": kept_tensors(self.strategy.module), "optimizer": optimizer}
        parts["average"] = {str(i): tensor for i, tensor in enumerate(self.strategy.ema.shadow)}
        writer = checkpoint.Writer(root, self.cursor.step)
        if rank == 0:
            size = sum(t.numel() * t.element_size() for tensors in parts.values() for t in tensors.values())
            writer.open(size * world if self.strategy.sharded else size)
        self.accelerator.wait_for_everyone()
        writer.add(f"rank-{rank}.safetensors", random_state() | self.window.tensors())
        if rank == 0 or self.strategy.sharded:
            for name, tensors in parts.items():
                writer.add(self._file(name), tensors, {FORM: form} if name == "optimizer" else None)
        self.accelerator.wait_for_everyone()
        if rank == 0:
            how = {"processes": world, "sharded": self.strategy.sharded, "threads": torch.get_num_threads()}
            writer.commit({"cursor": asdict(self.cursor), **how})
            checkpoint.prune(root, keep, protect={self.cursor.best_step})
        self.accelerator.wait_for_everyone()

    def load(self, path: Path) -> Tensors:
        """Takes everything from a checkpoint but the random state, which is returned: the caller restores it last.

        Raises `SuiteError` when the checkpoint does not fit the model, the number of processes or their way of
        holding parameters.
        """
        state, world = checkpoint.read_state(path), self.accelerator.num_processes
        if state["processes"] != world:
            raise SuiteError(f"{path} was made by {state['processes']} processes and this is {world}; use the same.")
        if state.get("sharded", False) != self.strategy.sharded:  # checkpoints of before there were shards say nothing
            theirs, ours = ("whole", "sharded") if self.strategy.sharded else ("sharded", "whole")
            raise SuiteError(
                f"{path} has {theirs} parameters and this training {ours} ones; start it as it was started before "
                "(sharded: accelerate launch --config_file …)."
            )
        if state["threads"] != torch.get_num_threads():
            threads = torch.get_num_threads()
            warn(f"{path.name} was made with {state['threads']} threads, this is {threads}: sums may round otherwise.")
        self.cursor = Cursor(**{f.name: state["cursor"][f.name] for f in fields(Cursor)})
        self.load_weights(path)
        self._load_optimizer(path)
        ranks_own = checkpoint.read_tensors(path, f"rank-{self.accelerator.process_index}.safetensors")
        self.window.load(ranks_own)
        return ranks_own

    def load_weights(self, path: Path) -> None:
        """Takes the weights and their average."""
        put_tensors(self.strategy.module, checkpoint.read_tensors(path, self._file("model")), path)
        saved = checkpoint.read_tensors(path, self._file("average"))
        for i, shadow in enumerate(self.strategy.ema.shadow):
            shadow.copy_(saved[str(i)])

    def _load_optimizer(self, path: Path) -> None:
        tensors = checkpoint.read_tensors(path, self._file("optimizer"))
        head = checkpoint.read_head(path, self._file("optimizer"))
        if FORM not in head:
            raise SuiteError(f"{path} was written by an earlier version of Suite; finish the run with that one.")
        load_optimizer(self.optimizer, tensors, head[FORM])

    def _file(self, name: str) -> str:
        part = f"-rank-{self.accelerator.process_index}" if self.strategy.sharded else ""
        return f"{name}{part}.safetensors"


def kept_tensors(network: torch.nn.Module) -> Tensors:
    """This rank's part of trained parameters, and persistent buffers; what is frozen comes from the source again."""
    tensors = {name: local_part(p) for name, p in network.named_parameters() if p.requires_grad}
    persistent = network.state_dict(keep_vars=True).keys()
    return tensors | {name: buffer for name, buffer in network.named_buffers() if name in persistent}


@torch.no_grad()
def put_tensors(network: torch.nn.Module, saved: Tensors, path: Path) -> None:
    """Copies saved tensors into the network's own. Raises `SuiteError` when names differ."""
    tensors = kept_tensors(network)
    if tensors.keys() != saved.keys():
        different = sorted(tensors.keys() ^ saved.keys())[:3]
        raise SuiteError(f"{path} does not fit the model: {', '.join(different)} … are only in one of them.")
    for name, tensor in tensors.items():
        tensor.copy_(saved[name])


def random_state() -> Tensors:
    """The state of every global generator of this process, as tensors."""
    version, words, gauss = random.getstate()
    _, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    states = {
        "torch": torch.get_rng_state(),
        "python": torch.tensor([version, *words], dtype=torch.int64),
        "python_gauss": torch.tensor([] if gauss is None else [gauss], dtype=torch.float64),
        "numpy": torch.tensor([*np.asarray(keys).tolist(), position, has_gauss], dtype=torch.int64),
        "numpy_gauss": torch.tensor([cached], dtype=torch.float64),
    }
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state()
    return states


def set_random_state(states: Tensors) -> None:
    """Restores what `random_state` gave."""
    torch.set_rng_state(states["torch"])
    version, *words = states["python"].tolist()
    gauss = states["python_gauss"].tolist()
    random.setstate((version, tuple(words), gauss[0] if gauss else None))
    *keys, position, has_gauss = states["numpy"].tolist()
    cached = states["numpy_gauss"].item()
    np.random.set_state(("MT19937", np.array(keys, dtype=np.uint32), position, has_gauss, cached))
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
