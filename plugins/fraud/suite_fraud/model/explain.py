"""Why the network finds a transaction suspicious, by taking away one feature at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from suite import Batch, Prediction
from suite_fraud.data.wording import reasons
from suite_fraud.model.inputs import Example
from suite_fraud.model.loading import Network

INPUTS = ("features", "extras", "texts")
"""What of a batch the network reads when it answers."""


@torch.no_grad()
def contributions(network: Network, batch: Batch) -> np.ndarray:
    """How much each input adds to the log-odds, against a transaction without it; (n, features and extras).

    Occlusion (Zeiler and Fergus 2014, https://arxiv.org/abs/1311.2901) with one feature hidden at a time, behind the
    portfolio's median, and the portfolio's own numbers behind a missing value: what two features only say together is
    told of neither or of both.
    """
    features, extras, texts = (batch[name] for name in INPUTS)
    full = network(features, extras, texts).logits
    change = features.new_zeros(len(features), features.shape[1] + extras.shape[1])
    for place in range(features.shape[1]):
        hidden = features.clone()
        hidden[:, place] = network.medians[place]
        change[:, place] = full - network(hidden, extras, texts).logits
    for place in range(extras.shape[1]):
        hidden = extras.clone()
        hidden[:, place] = torch.nan
        change[:, features.shape[1] + place] = full - network(features, hidden, texts).logits
    return np.asarray(change.double().cpu().numpy())


def inputs(network: Network, batch: Batch) -> tuple[list[str], np.ndarray]:
    """Names and values (n, features and extras) of what `contributions` tells about."""
    values = np.concatenate([batch[name].cpu().numpy() for name in ("features", "extras")], axis=1)
    return [*network.config.features, *network.config.extras], values


def reasons_of(network: Network, batch: Batch) -> list[list[str]]:
    """Up to three sentences for each transaction of a batch."""
    return reasons(*inputs(network, batch), contributions(network, batch))


def explained(network: Network, batch: Batch, answers: Sequence[Prediction], *, threshold: float) -> list[Prediction]:
    """The answers with row, entity and amount; alerts, from the probability `threshold` on, also with their reasons."""
    alerts = [n for n, answer in enumerate(answers) if answer["probability"] >= threshold]
    why: dict[int, list[str]] = {}
    if alerts:
        picked = torch.tensor(alerts)
        why = dict(zip(alerts, reasons_of(network, {name: batch[name][picked] for name in INPUTS}), strict=True))
    return [
        {**_about(example), **answer, "alert": n in why, "reasons": why.get(n, [])}
        for n, (example, answer) in enumerate(zip(batch["asked"], answers, strict=True))
    ]


def _about(example: Example) -> Prediction:
    block, row = example
    assert block.about is not None, "only examples that come with reasons are asked"
    about = block.about[row]
    return {"row": int(about["row"]), "entity": str(about["entity"]), "amount": float(block.amount[row])}
