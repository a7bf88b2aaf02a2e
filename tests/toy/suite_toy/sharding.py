"""Two processes with sharded parameters on the CPU: python -m torch.distributed.run … sharding.py CASE,… FOLDER.

Accelerate shards on GPUs alone, and on a CPU trains whole copies in silence; so what it would have put into its state
is put there by hand. The sharding itself is torch's own, over gloo.
"""

import csv
import json
import os
import sys
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from torch.distributed.tensor import DTensor

from suite.accelerator import make_accelerator
from suite.errors import SuiteError
from suite.training import loop
from suite.training.meters import FiniteGuard
from suite.training.strategies import FSDPStrategy, make_strategy
from suite_toy import fitting
from suite_toy.model import ToyModel

SETTINGS = {
    "plain": {},
    "pieces": {"micro_batch_size": 2},
    "ones": {"micro_batch_size": 1, "batch_size": 7},  # 4 rows here, 3 there: as many passes in both
    "average": {"ema": 0.9},
    "bf16": {"precision": "bf16"},
}
EXACT = {"noise": 0.3, "dropout": 0.3, "ema": 0.9, "save_every": 3, "micro_batch_size": 2}
SMALL = {"epochs": 1, "batch_size": 8}
ROWS = list(csv.DictReader((fitting.MODEL.parent / "words.csv").open()))
strategies = []


def sharded_accelerator(config):
    """What `accelerate launch --config_file fsdp2.yaml` leads to where there are GPUs."""
    accelerator = make_accelerator(config)
    plugin = FullyShardedDataParallelPlugin(
        fsdp_version=2, auto_wrap_policy="transformer_based_wrap", transformer_cls_names_to_wrap=["Linear"]
    )
    PartialState._shared_state["distributed_type"] = accelerator.state.distributed_type = DistributedType.FSDP
    accelerator.state.fsdp_plugin = plugin
    return accelerator


class Mortal(ToyModel):
    """A schedule that every process dies of."""

    def schedule(self, step, total):
        if step == 8:
            raise RuntimeError("died")
        return super().schedule(step, total)


class Own(ToyModel):
    """An optimizer of its own, which keeps more than moments, and losses by name."""

    def optimizer(self, network):
        return torch.optim.NAdam(network.parameters(), lr=1e-2)

    def loss(self, network, batch):
        loss = super().loss(network, batch)
        return {"loss": loss, "twice": 2 * loss, f"rank-{os.environ['RANK']}": loss}


class OwnMortal(Own, Mortal):
    """Both."""


class Small(ToyModel):
    """The second process holds no more than two rows."""

    def loss(self, network, batch):
        if network.training and os.environ["RANK"] == "1" and len(batch["labels"]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super().loss(network, batch)


class Twice(ToyModel):
    """Calls the network twice for one loss."""

    def loss(self, network, batch):
        return super().loss(network, batch) + super().loss(network, batch)


class Poisoned(ToyModel):
    """A NaN at the fifth training loss of the second process."""

    calls = 0

    def loss(self, network, batch):
        loss = super().loss(network, batch)
        self.calls += network.training
        return loss * float("nan") if self.calls == 5 and os.environ["RANK"] == "1" else loss


KILLED = {"exact": (ToyModel, Mortal), "own": (Own, OwnMortal)}
"""Cases that are crashed and resumed: the model, and the same with a schedule that ends it."""


class Late(FiniteGuard):
    """Looks at log lines only, as on a GPU: until then the optimizer itself must skip."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.immediate = False


def weights():
    """This process's part of what is trained."""
    return [parameter.detach().to_local().clone() for parameter in strategies[-1].trained]


def refused(*arguments, **settings):
    """The sentence a training ends with."""
    try:
        fitting.Fitting(ROWS, *arguments, **settings)
    except SuiteError as error:
        return str(error)
    return ""


def run(case, folder):
    """One case; returns what the test asserts on."""
    if case in KILLED:
        kind, mortal = KILLED[case]
        fitting.Fitting(ROWS, folder / "whole", model=kind, **EXACT)
        try:
            fitting.Fitting(ROWS, folder / "parts", model=mortal, **EXACT)
        except RuntimeError as error:
            assert str(error) == "died"
        fitting.Fitting(ROWS, folder / "parts", resume=True, model=kind, **EXACT)
        return {}
    if case == "twice":
        return {"refused": refused(folder, model=Twice)}
    if case == "poisoned":
        loop.FiniteGuard = Late
        text = refused(folder, model=Poisoned, micro_batch_size=8)
        return {"refused": text, "finite": all(bool(part.isfinite().all()) for part in weights())}
    if case == "small":
        text = refused(folder, model=Small, resume=(folder / "memory.json").is_file(), **SMALL)
        if text:  # as the command does: with a sentence, which torchrun follows by ending the other process
            sys.stderr.write(text)
            sys.stderr.flush()
            os._exit(2)
        return {}
    fitted = fitting.Fitting(ROWS, folder, **SETTINGS[case])
    torch.save(fitted.network.state_dict(), folder / f"end-{os.environ['RANK']}.pt")
    parameters = list(strategies[-1].trained)
    return {
        "sharded": type(strategies[-1]) is FSDPStrategy and all(isinstance(p, DTensor) for p in parameters),
        "elements": sum(p.to_local().numel() for p in parameters),
        "total": sum(p.numel() for p in fitted.network.parameters()),
        "whole": type(next(fitted.network.parameters())) is torch.nn.Parameter,
    }


def keep(*arguments):
    """`make_strategy`, with the strategy kept for `run`."""
    strategies.append(make_strategy(*arguments))
    return strategies[-1]


if __name__ == "__main__":
    fitting.make_accelerator, loop.make_strategy = sharded_accelerator, keep
    for name in sys.argv[1].split(","):
        findings = run(name, Path(sys.argv[2]) / name)
        (Path(sys.argv[2]) / f"{name}-{os.environ['RANK']}.json").write_text(json.dumps(findings))
    torch.distributed.barrier()
    sys.stdout.flush()
    os._exit(0)  # gloo's threads abort an ordinary exit now and then
