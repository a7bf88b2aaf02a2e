"""Why the network finds a transaction suspicious, by taking away one feature at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from suite import Batch, Prediction

if TYPE_CHECKING:
    from suite_fraud.model.loading import Network


def contributions(model: Network, batch: Batch) -> np.ndarray:
    """How much each input adds to the log-odds, against a transaction without it; (n, features and extras).

    Occlusion (Zeiler and Fergus 2014, https://arxiv.org/abs/1311.2901) with one feature hidden at a time, behind the
    portfolio's median, and the portfolio's own numbers behind a missing value: what two features only say together is
    told of neither or of both.
    """
    import torch

    features, extras, texts = batch["features"], batch["extras"], batch["texts"]
    medians = model.medians
    with torch.no_grad():
        full = model(features, extras, texts).logits
        found = features.new_zeros(len(features), features.shape[1] + extras.shape[1])
        for place in range(features.shape[1]):
            hidden = features.clone()
            hidden[:, place] = medians[place]
            found[:, place] = full - model(hidden, extras, texts).logits
        for place in range(extras.shape[1]):
            hidden = extras.clone()
            hidden[:, place] = torch.nan
            found[:, features.shape[1] + place] = full - model(features, hidden, texts).logits
    return np.asarray(found.double().cpu().numpy())


def inputs(model: Network, batch: Batch) -> tuple[list[str], np.ndarray]:
    """Names and values (n, features and extras) of what `contributions` tells about."""
    values = np.concatenate([batch[name].cpu().numpy() for name in ("features", "extras")], axis=1)
    return [*model.config.features, *model.config.extras], values


def explained(model: Network, batch: Batch, answers: Sequence[Prediction]) -> list[Prediction]:
    """The answers with row, entity and amount; alerts, which are those worth their cost, also with three reasons."""
    import torch

    from suite_fraud.data.wording import reasons

    alerts = [n for n, answer in enumerate(answers) if answer["probability"] >= model.config.calibration["cost"]]
    told: dict[int, list[str]] = {}
    if alerts:
        picked = torch.tensor(alerts)
        few = {name: batch[name][picked] for name in ("features", "extras", "texts")}
        found = reasons(*inputs(model, few), contributions(model, few))
        told = dict(zip(alerts, found, strict=True))
    return [
        {**_about(one), **answer, "alert": n in told, "reasons": told.get(n, [])}
        for n, (one, answer) in enumerate(zip(batch["asked"], answers, strict=True))
    ]


def _about(example: Any) -> Prediction:
    about = example.block.about[int(example.row)]
    return {
        "row": int(about["row"]),
        "entity": str(about["entity"]),
        "amount": float(example.block.amount[example.row]),
    }


def line(prediction: Prediction) -> str:
    """A prediction as the terminal shows it."""
    text = f"{prediction['probability']:8.4f}"
    if "row" in prediction:
        text = f"row {prediction['row']:>8}  {prediction['entity']}  {prediction['amount']:12,.2f}{text}"
    reasons = "; ".join(prediction.get("reasons", []))
    return f"{text}  ALERT: {reasons}" if prediction.get("alert") else text
