"""TabICL v2 as the network: it reads labelled training rows beside those it is asked about, and answers at once.

Qu and others, "TabICLv2" (https://github.com/soda-inria/tabicl, BSD-3-Clause). The rows it reads, its context, are
all frauds of the training rows and a sample of the others, and are kept with the weights. A folder for --model is made
of a checkpoint of https://huggingface.co/jingang/TabICL by

    python -m suite_fraud.model.tabicl tabicl-classifier-v2-….ckpt FOLDER
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tabicl import InferenceConfig
from tabicl._model import TabICL  # the bare network: what is public wraps it in a scikit-learn estimator
from torch import nn
from transformers import PreTrainedModel

from suite import SuiteError, decoding, read_json
from suite_fraud.model.base import UNCALIBRATED, FraudOutput, NetworkConfig

CONTEXT = 2_000
"""Rows of context at most: each forward pass reads them all again."""
_EXACT = {"use_amp": False, "use_fa3": False}
"""The package would halve precision by itself; how precise a run is, its own options say."""


class InContextConfig(NetworkConfig):
    """`tabicl` are the arguments of the package's network; `rows` of context are kept, known after `delay` days."""

    model_type = "suite-fraud-tabicl"

    def __init__(self, tabicl: dict[str, Any] | None = None, rows: int = 0, delay: int = 0, **others: Any) -> None:
        self.tabicl, self.rows, self.delay = tabicl or {}, rows, delay
        super().__init__(**others)


class InContextNetwork(PreTrainedModel):
    """TabICL and its context, in the form of `FraudNetwork`: features in, log-odds out. Texts are not read."""

    config_class = InContextConfig
    config: InContextConfig
    centre: torch.Tensor
    spread: torch.Tensor
    medians: torch.Tensor
    shift: torch.Tensor
    context: torch.Tensor
    known: torch.Tensor
    days: torch.Tensor

    def __init__(self, config: InContextConfig) -> None:
        super().__init__(config)
        self.tabicl: nn.Module = TabICL(**config.tabicl)
        size = len(config.features) + len(config.extras)
        self.register_buffer("centre", torch.zeros(size))
        self.register_buffer("spread", torch.ones(size))
        self.register_buffer("medians", torch.zeros(len(config.features)))
        self.register_buffer("shift", torch.zeros(()))
        self.register_buffer("context", torch.zeros(config.rows, size))
        self.register_buffer("known", torch.zeros(config.rows))
        self.register_buffer("days", torch.zeros(config.rows, dtype=torch.int64))
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Leaves TabICL's own start."""

    def forward(
        self,
        features: torch.Tensor,
        extras: torch.Tensor,
        texts: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        days: torch.Tensor | None = None,
    ) -> FraudOutput:
        """`features` (batch, n), `extras` (batch, m), NaN where missing; `days` int64 (batch,) while it is trained.

        In training a day is drawn: rows before it, by more than the delay of labels, are the context, and only those
        of the batch from that day on count in the loss.
        """
        context, counted = torch.ones_like(self.known, dtype=torch.bool), torch.ones_like(features[:, 0])
        if self.training and days is not None:
            first, last = int(self.days.min()) + self.config.delay + 1, int(self.days.max())
            cut = int(torch.randint(first, last + 1, ()))
            context, counted = self.days < cut - self.config.delay, (days >= cut).to(features.dtype)
        logits = self._logits(self.context[context], self.known[context], self._scaled(features, extras))
        loss = None
        if labels is not None:
            each = F.binary_cross_entropy_with_logits(logits, labels.float(), reduction="none")
            loss = (each * counted).mean()  # over all rows, so that the parts of a batch add up
        return FraudOutput(loss=loss, logits=logits)

    def _logits(self, context: torch.Tensor, known: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Log-odds (rows,), with the share of frauds that there was before the context was sampled."""
        table = torch.cat([context, rows])[None]
        options = {} if self.training else {"inference_config": _inference(rows.device)}
        classes = self.tabicl(table, known[None], **options)[0].float()
        logits: torch.Tensor = classes[:, 1] - classes[:, 0] + self.shift
        return logits

    def _scaled(self, features: torch.Tensor, extras: torch.Tensor) -> torch.Tensor:
        """Standardised and with short tails, (rows, n + m); what is missing is the mean."""
        values = (torch.cat([features, extras], dim=1) - self.centre) / self.spread
        return torch.asinh(values).nan_to_num(0.0)

    def adapted(
        self, *, features: Sequence[str], extras: Sequence[str], texts: Sequence[str], windows: Sequence[float]
    ) -> InContextNetwork:
        """These weights for a portfolio's own columns, without a context yet."""
        return self._again(
            features=list(features), extras=list(extras), texts=[], windows=list(windows), rows=0,
            calibration=dict(UNCALIBRATED),
        )  # fmt: skip

    def fit(
        self, features: np.ndarray, extras: np.ndarray, label: np.ndarray, day: np.ndarray, *, delay: int
    ) -> InContextNetwork:
        """This network with training rows, (n, …) each, as its context.

        Raises `SuiteError` if they span too few days to hold one row back until another's label is known.
        """
        if int(day.max() - day.min()) <= delay:
            raise SuiteError(
                f"TabICL learns from rows whose labels are {delay} days old, and the training rows span "
                f"{int(day.max() - day.min()) + 1} days; give it more: --set train_days={4 * delay}."
            )
        kept, shift = sampled(label)
        network = self._again(rows=len(kept), delay=delay)
        values = np.concatenate([features, extras], axis=1).astype(np.float64)
        network.centre.copy_(torch.from_numpy(np.nan_to_num(np.nanmean(values, axis=0))))
        network.spread.copy_(torch.from_numpy(np.nan_to_num(np.nanstd(values, axis=0))).clamp_min(1e-6))
        network.medians.copy_(torch.from_numpy(np.nanmedian(features, axis=0)))
        network.shift.fill_(shift)
        pair = torch.from_numpy(features[kept]), torch.from_numpy(extras[kept])
        network.context.copy_(network._scaled(*pair))
        network.known.copy_(torch.from_numpy(label[kept]))
        network.days.copy_(torch.from_numpy(day[kept]))
        return network

    def _again(self, **changes: Any) -> InContextNetwork:
        network = InContextNetwork(InContextConfig(**(self.config.to_diff_dict() | changes)))
        network.tabicl.load_state_dict(self.tabicl.state_dict())
        return network


def sampled(label: np.ndarray, *, most: int = CONTEXT, seed: int = 0) -> tuple[np.ndarray, float]:
    """Rows of a context, int64, in order: all frauds (the latest half a context of them) and others drawn at random.

    The second is what to add to log-odds learned from them: the logarithm of the others' share that was kept over the
    frauds'.
    """
    frauds, others = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    few = frauds[-(most // 2) :]
    drawn = np.random.default_rng(seed).permutation(others)[: most - len(few)]
    shift = math.log(len(drawn) / len(others)) - math.log(len(few) / len(frauds))
    return np.sort(np.concatenate([few, drawn])), shift


def _inference(device: torch.device) -> InferenceConfig:
    config = InferenceConfig()
    for part in (config.COL_CONFIG, config.ROW_CONFIG, config.ICL_CONFIG):
        part.update({**_EXACT, "device": device})
    return config


def load(folder: Path) -> InContextNetwork:
    """The network a folder holds, by hand: transformers would leave the package's unsaved buffers empty."""
    model = InContextNetwork(InContextConfig(**read_json(folder / "config.json")))
    model.load_state_dict(load_file(folder / "model.safetensors"))
    return model


def convert(checkpoint: Path, folder: Path) -> None:
    """Writes a published classifier's weights as model.safetensors and config.json. Raises `SuiteError`."""
    with decoding(f"As a checkpoint of TabICL, {checkpoint}", "give one that its authors publish."):
        kept = torch.load(checkpoint, map_location="cpu", weights_only=True)
        model = InContextNetwork(InContextConfig(tabicl=kept["config"]))
        model.tabicl.load_state_dict(kept["state_dict"])
    if kept["config"].get("max_classes", 10) < 2:
        raise SuiteError(f"{checkpoint} is a regressor; give tabicl-classifier-v2-….ckpt.")
    model.save_pretrained(folder)


@click.command(help="Convert a TabICL checkpoint into a folder for --model.")
@click.argument("checkpoint", type=Path)
@click.argument("folder", type=Path)
def main(checkpoint: Path, folder: Path) -> None:
    """Prints where it is."""
    try:
        convert(checkpoint, folder)
    except SuiteError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{folder}: suite fraud train --model {folder} --set train_days=28")


if __name__ == "__main__":
    main()
