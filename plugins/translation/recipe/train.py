"""Trains the starter on one core: `python train.py FOLDER [--minutes 90] [--resume]`, after corpus.py and tokeniser.py.

A checkpoint every ten minutes; `--resume` takes up the last one. FOLDER/model has the averaged weights of it.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import torch
from batches import SEED, Corpus, read
from beginning import begin, embeddings
from model import config, loss_of, score
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, MarianMTModel

_SAVE_EVERY = 600
"""Seconds between checkpoints."""
_SAMPLED = 768
"""Tokens beside the batch's own over which the loss is taken: a third of the time is saved."""
_WHOLE = 0.15
"""Share of the time, at the end, in which it is taken over all tokens."""
_WARM = 0.04
"""Share of the time in which the learning rate grows."""
_DEV = 300
"""Held-out strings of the training projects that are translated at each checkpoint."""


def rate(progress: float, peak: float) -> float:
    """The learning rate at a share of the time: up, then down in a line to almost nothing."""
    return peak * min((progress + 0.001) / _WARM, max((1 - progress) / (1 - _WARM), 0.01))


class Average:
    """The exponential average of the weights (decay 0.999 a step), taken every fourth step to save time."""

    every = 4

    def __init__(self, model: MarianMTModel) -> None:
        self.state = {name: weight.detach().clone() for name, weight in model.named_parameters()}

    def update(self, model: MarianMTModel, step: int) -> None:
        """Takes the weights after a step into the average."""
        if step % self.every == 0:
            # At the start a long average would be of random weights.
            keep = min(0.999**self.every, (1 + step) / (10 + step))
            weights = dict(model.named_parameters())
            torch._foreach_lerp_(list(self.state.values()), [weights[name].detach() for name in self.state], 1 - keep)


class Run:
    """A training whose length is a time, and that can be stopped and taken up."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        torch.manual_seed(SEED)
        self.folder, self.budget, self.peak = folder, 60 * options.minutes, options.rate
        self.tokeniser = AutoTokenizer.from_pretrained(folder / "tokeniser")
        self.corpus = Corpus(read(folder / "train.jsonl"), self.tokeniser)
        dev = read(folder / "dev.jsonl")
        self.dev = random.Random(SEED).sample(dev, min(_DEV, len(dev)))
        shape = config(self.tokeniser, options.width, options.encoder, options.decoder)
        self.model = MarianMTModel(shape).train()
        self.step = self.epoch = self.place = 0
        self.spent = 0.0
        if options.start:
            self.model.load_state_dict(MarianMTModel.from_pretrained(options.start, dtype=torch.float32).state_dict())
        elif not options.resume:
            begin(self.model, embeddings(self.corpus.bags(), shape.vocab_size, shape.d_model))
        self.average = Average(self.model)
        self.optimiser = torch.optim.Adam(self.model.parameters(), betas=(0.9, 0.98), eps=1e-9, fused=True)
        if options.resume:
            self.load()

    def train(self, tokens: int) -> None:
        """Epochs until the time is up."""
        before = self.spent
        began = saved = time.time()
        while self.spent < self.budget:
            for batch in self.corpus.batches(self.epoch, tokens)[self.place :]:
                loss = self.update(batch)
                self.spent = before + time.time() - began
                if self.step % 100 == 0:
                    print(f"{self.spent:.0f} s, step {self.step}, epoch {self.epoch}, loss {loss:.3f}", flush=True)
                if time.time() - saved > _SAVE_EVERY or self.spent >= self.budget:
                    self.save()
                    saved = time.time()
                if self.spent >= self.budget:
                    return
            self.epoch, self.place = self.epoch + 1, 0

    def update(self, batch: list[int]) -> float:
        """One step of Adam; returns the batch's loss."""
        progress = self.spent / self.budget
        for group in self.optimiser.param_groups:
            group["lr"] = rate(progress, self.peak)
        sampled = _SAMPLED if progress < 1 - _WHOLE else 0
        loss = loss_of(self.model, *self.corpus.tensors(batch), sampled=sampled)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step, self.place = self.step + 1, self.place + 1
        self.average.update(self.model, self.step)
        return float(loss.detach())

    def averaged(self) -> MarianMTModel:
        """A model with the averaged weights, ready to translate."""
        model = MarianMTModel(self.model.config).eval()
        model.load_state_dict(self.average.state, strict=False)
        model.tie_weights()
        return model

    def save(self) -> None:
        """Writes the averaged model and its score, and what `load` needs."""
        state = {f"average.{name}": value for name, value in self.average.state.items()}
        for name, weight in self.model.named_parameters():
            state[f"weight.{name}"] = weight.detach()
            state |= {f"{key}.{name}": value for key, value in self.optimiser.state[weight].items()}
        # Renamed when whole: a process that dies while it writes leaves the checkpoint before.
        save_file({name: value.contiguous() for name, value in state.items()}, self.folder / "checkpoint.part")
        (self.folder / "checkpoint.part").replace(self.folder / "checkpoint.safetensors")
        place = {"step": self.step, "epoch": self.epoch, "place": self.place, "spent": self.spent}
        (self.folder / "checkpoint.json").write_text(json.dumps(place))
        model = self.averaged()
        model.save_pretrained(self.folder / "model")
        self.tokeniser.save_pretrained(self.folder / "model")
        print(f"step {self.step}: chrF {score(model, self.tokeniser, self.dev):.2f} on held-out strings", flush=True)

    def load(self) -> None:
        """The state that `save` wrote."""
        state = load_file(self.folder / "checkpoint.safetensors")
        for name, weight in self.model.named_parameters():
            weight.data.copy_(state[f"weight.{name}"])
            self.average.state[name].copy_(state[f"average.{name}"])
            if weight.requires_grad:  # the positions are a table that isn't learnt
                keys = ("step", "exp_avg", "exp_avg_sq")
                self.optimiser.state[weight] = {key: state[f"{key}.{name}"] for key in keys}
        place = json.loads((self.folder / "checkpoint.json").read_text())
        self.step, self.epoch, self.place, self.spent = (place[key] for key in ("step", "epoch", "place", "spent"))


def main() -> None:
    """Trains for the minutes asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=90, help="time of the whole training, resumed or not")
    parser.add_argument("--tokens", type=int, default=400, help="of each side of a batch, with padding")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--encoder", type=int, default=3)
    parser.add_argument("--decoder", type=int, default=1)
    parser.add_argument("--start", type=Path, help="a model of these sizes to go on from, with the same tokeniser")
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    run = Run(options.folder, options)
    print(f"{run.model.num_parameters():,} parameters, {len(run.corpus):,} pairs", flush=True)
    run.train(options.tokens)


if __name__ == "__main__":
    main()
