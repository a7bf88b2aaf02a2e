"""Makes suite_fraud/starter: the network, pretrained on simulated portfolios that no test and no bench uses.

    python plugins/fraud/recipe/pretrain.py [FOLDER]

Each portfolio draws its own sizes, amounts, habits and frauds; see `drawn`. Four of them are held out and pick the
step that is kept. Takes about six minutes on one core, most of them steps; README.md has the log of the run.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from suite import Ranking
from suite_fraud.data import features
from suite_fraud.data.tables import from_table
from suite_fraud.model.base import NetworkConfig
from suite_fraud.model.residual import FraudNetwork, PiecewiseLinear
from suite_fraud.starter.simulate import Portfolio, simulate

SEEDS = range(1_000, 1_024)
"""Portfolios by seed, the last of them held out. The starter data, tests and benches have seeds below 1,000."""
HELD_OUT = 4
DAYS = 75
BURN_IN = 37
"""Days without which the longest window and the delay of labels are not filled."""
STEPS, BATCH, AT_ONCE = 6_000, 1_024, 8
"""A batch holds equally many transactions of `AT_ONCE` portfolios."""
RATE, WARMUP, EMA = 1e-3, 300, 0.998
EVERY = 1_500
"""Steps between evaluations on the portfolios held out."""
ANONYMOUS = 1 / 8
"""How often a portfolio's counterparties are hidden: many tables name none."""


@dataclass
class Drawn:
    """A portfolio's rows after the burn-in, and the encoder of one of its weeks."""

    x: torch.Tensor
    y: torch.Tensor
    day: np.ndarray
    encoder: PiecewiseLinear


def drawn(seed: int) -> Portfolio:
    """A portfolio unlike the handbook's in everything but its three kinds of fraud."""
    g = np.random.default_rng(seed)
    customers = int(g.integers(1_200, 3_500))
    highest = 100 * math.exp(g.uniform(math.log(0.2), math.log(20)))  # currencies differ by two orders of magnitude
    return Portfolio(
        customers=customers,
        terminals=int(customers * g.uniform(0.7, 3)),
        days=DAYS,
        seed=seed,
        radius=5 * math.sqrt(5_000 / customers) * g.uniform(0.7, 1.4),
        amount=(highest * g.uniform(0.02, 0.2), highest),
        amount_spread=g.uniform(0.35, 0.7),
        per_day=(0.0, g.uniform(2, 6)),
        hour=g.uniform(10, 15),
        hour_spread=g.uniform(4, 7),
        threshold=highest * g.uniform(1.7, 2.8),
        compromised_terminals=int(g.integers(1, 3)),
        terminal_days=int(g.integers(14, 42)),
        compromised_customers=int(g.integers(1, 4)),
        customer_days=int(g.integers(7, 21)),
        customer_share=g.uniform(0.2, 0.5),
        multiplier=g.uniform(3, 7),
    )


def prepared(seed: int) -> Drawn:
    """Simulates a portfolio and computes its features; quantiles are of one week, as in a fine-tuning."""
    names = {"entity": "customer", "counterparty": "terminal", "label": "fraud"}
    rows = from_table(simulate(drawn(seed)), names)
    x, kept = features.compute(rows), rows.days >= BURN_IN
    week = (rows.days >= BURN_IN + 8) & (rows.days < BURN_IN + 15)
    encoder = PiecewiseLinear(x.shape[1])
    encoder.fit(x[week])
    print(f"portfolio {seed}: {kept.sum():,} rows, {rows.label[kept].mean():.2%} fraud", flush=True)
    label = rows.label[kept].astype(np.float32)
    return Drawn(torch.from_numpy(x[kept]), torch.from_numpy(label), rows.days[kept], encoder)


def logits(model: FraudNetwork, encoded: torch.Tensor) -> torch.Tensor:
    """The network's answer to features encoded by each row's own portfolio."""
    states = model.first(encoded)
    for block in model.blocks:
        states = block(states)
    answers: torch.Tensor = model.head(F.gelu(model.norm(states)))[:, 0]
    return answers


def batch(portfolios: list[Drawn], g: np.random.Generator, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Encoded features and labels of a few portfolios' rows."""
    encoded, labels = [], []
    for number in g.choice(len(portfolios), AT_ONCE, replace=False):
        portfolio = portfolios[number]
        rows = torch.from_numpy(g.integers(0, len(portfolio.y), BATCH // AT_ONCE))
        inputs = portfolio.encoder(portfolio.x[rows])
        encoded.append(inputs.masked_fill(hidden, 0.0) if g.random() < ANONYMOUS else inputs)
        labels.append(portfolio.y[rows])
    return torch.cat(encoded), torch.cat(labels)


@torch.no_grad()
def score(model: FraudNetwork, portfolio: Drawn) -> float:
    """Average precision of a portfolio held out, on the days after the week its quantiles are of."""
    later = torch.from_numpy(np.flatnonzero(portfolio.day >= BURN_IN + 22))
    model.eval()
    answers = torch.cat([logits(model, portfolio.encoder(portfolio.x[part])) for part in later.split(8_192)])
    return Ranking(answers.numpy(), portfolio.y[later].numpy()).average_precision()


def main(out: Path) -> None:
    """Prints a line per portfolio and per evaluation."""
    torch.manual_seed(0)
    g = np.random.default_rng(0)
    portfolios = [prepared(seed) for seed in SEEDS]
    learned, held = portfolios[:-HELD_OUT], portfolios[-HELD_OUT:]
    model = FraudNetwork(NetworkConfig(features=features.NAMES))
    each = PiecewiseLinear.size(1)
    hidden = torch.tensor([name.startswith("counterparty") for name in features.NAMES]).repeat_interleave(each)
    weights = list(model.parameters())
    average = [weight.detach().clone() for weight in weights]
    optimizer = torch.optim.AdamW(weights, lr=RATE, weight_decay=0.01, fused=True)
    best, began = 0.0, time.monotonic()
    for step in range(1, STEPS + 1):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(step / WARMUP, 0.5 * (1 + math.cos(math.pi * step / STEPS)))
        model.train()
        encoded, labels = batch(learned, g, hidden)
        loss = F.binary_cross_entropy_with_logits(logits(model, encoded), labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        with torch.no_grad():
            torch._foreach_lerp_(average, [w.detach() for w in weights], 1 - min(EMA, (1 + step) / (10 + step)))
        if step % EVERY == 0:
            kept = [weight.detach().clone() for weight in weights]
            _put(weights, average)
            precisions = [score(model, portfolio) for portfolio in held]
            mean, each_one = float(np.mean(precisions)), " ".join(f"{value:.3f}" for value in precisions)
            seconds = time.monotonic() - began
            print(f"step {step}, {seconds:.0f} s: loss {loss.item():.4f}, held out {mean:.4f} ({each_one})")
            if mean > best:
                best = mean
                model.encoder.load_state_dict(learned[0].encoder.state_dict())
                model.save_pretrained(out)
            _put(weights, kept)


@torch.no_grad()
def _put(weights: list[torch.nn.Parameter], values: list[torch.Tensor]) -> None:
    for weight, value in zip(weights, values, strict=True):
        weight.copy_(value)


if __name__ == "__main__":
    default = Path(__file__).parent.parent / "suite_fraud" / "starter"
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else default)
