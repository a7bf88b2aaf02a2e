"""Where a model comes from: a finished run's folder, or a text encoder and the training histories."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from suite import SuiteError, TrainingData, column
from suite_recommendations.config import RecommendationsConfig
from suite_recommendations.data.catalogue import FILE, Catalogue
from suite_recommendations.data.examples import Numbered
from suite_recommendations.data.text import TextEncoder
from suite_recommendations.model.build import build_network
from suite_recommendations.model.index import ItemIndex
from suite_recommendations.model.inference import item_vectors
from suite_recommendations.model.model import ENCODER, RecommenderModel
from suite_recommendations.model.recommender import Recommender


def load(source: Path, config: RecommendationsConfig, data: TrainingData | None) -> RecommenderModel:
    """A finished run's model as it is, or one made of a text encoder and the training rows.

    Where the config names the run as the model to start from, it trains on: what it learned goes to the catalogue and
    counts of `data`. A model that only answers keeps its own. The context of `data` is the catalogue. Raises
    `SuiteError` for an encoder without data, and for a run of other sizes than the config's.
    """
    saved = (source / FILE).is_file()
    if saved and (data is None or not config.model):
        return load_saved(source, config)
    if data is None:
        raise SuiteError(f"{source} holds no recommender: {FILE} is missing. Give a finished run.")
    catalogue: Catalogue = data.context
    return build(
        Numbered(column(data.rows, "history"), catalogue),
        catalogue,
        TextEncoder(source / ENCODER if saved else source),
        config,
        learned=load_saved(source, config) if saved else None,
    )


def load_saved(folder: Path, config: RecommendationsConfig) -> RecommenderModel:
    """What `RecommenderModel.save` wrote."""
    network = Recommender.from_pretrained(folder, use_safetensors=True)
    encoder, index = TextEncoder(folder / ENCODER), ItemIndex.load(folder)
    return RecommenderModel(network, config, Catalogue.load(folder), encoder, index)


def build(
    histories: Sequence[np.ndarray],
    catalogue: Catalogue,
    encoder: TextEncoder,
    config: RecommendationsConfig,
    *,
    learned: RecommenderModel | None = None,
) -> RecommenderModel:
    """A model of histories of item numbers, oldest first, that goes on from `learned` where it is given."""
    network = build_network(histories, encoder(catalogue.texts), config)
    if learned is not None:
        take_over(learned, network, catalogue)
    return RecommenderModel(network, config, catalogue, encoder, ItemIndex.build(item_vectors(network)))


@torch.no_grad()
def take_over(learned: RecommenderModel, network: Recommender, catalogue: Catalogue) -> None:
    """Gives `network` what `learned` has learned; corrections follow their items by id, counts stay its own.

    Raises `SuiteError` where the sizes of the two differ.
    """
    old = learned.network
    for name in ("hidden_size", "layers", "window", "lags"):
        if (was := getattr(old.config, name)) != getattr(network.config, name):
            raise SuiteError(
                f"The model to start from was trained with {name}={was}; train on with --set {name}={was}."
            )
    parameters = {name: parameter for name, parameter in old.named_parameters() if name != "delta"}
    for name, parameter in network.named_parameters():
        if name in parameters:
            parameter.copy_(parameters[name])
    network.centre.copy_(old.centre)
    for number, item in enumerate(catalogue.ids):
        if (before := learned.catalogue.numbers.get(item)) is not None:
            network.delta[number] = old.delta[before]
